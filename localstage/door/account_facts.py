"""What permissions must know of the account: IAM's names, tables' keys, resources' own policies.

Reads moto, so it must be asked on the account thread; no backend is made by looking.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from localstage.door.moto_books import backend_of
from localstage.door.resource_tags import ResourceTags, function_named
from localstage.policy.document import Need, Policy, readable_policy
from localstage.services.iam import reader


class AccountFacts:
    """Facts of one account."""

    def __init__(self, account_id: str):
        self._account_id = account_id
        self.tags = ResourceTags(account_id)

    def arn_of_identity(self, kind: str, name: str) -> str | None:
        """The ARN of a ``role``, ``user`` or ``group`` by its name, None if there is none."""
        entity = reader.find_named(self._account_id, kind, name)
        return entity.arn if entity is not None else None

    def boundary_of(self, kind: str, name: str) -> str | None:
        """The ARN of a role's or user's permissions boundary."""
        entity = reader.find_named(self._account_id, kind, name)
        return reader.boundary_arn(entity) if entity is not None else None

    def partition_key_of(self, region: str, table: str) -> str | None:
        """The name of a table's partition key."""
        backend = backend_of("dynamodb", self._account_id, region)
        found = backend.tables.get(table) if backend is not None else None
        return found.hash_key_attr if found is not None else None

    def has_log_group(self, region: str, group: str) -> bool:
        """Whether the log group exists."""
        backend = backend_of("logs", self._account_id, region)
        return backend is not None and group in backend.groups

    def has_log_stream(self, region: str, group: str, stream: str) -> bool:
        """Whether the log stream exists."""
        backend = backend_of("logs", self._account_id, region)
        found = backend.groups.get(group) if backend is not None else None
        return found is not None and stream in found.streams

    def resource_policy(self, need: Need) -> Policy | None:
        """The policy of the resource that a need names, where its service has such policies."""
        service, region, name = need.action.partition(":")[0], *_region_and_name(need.resource)
        find = {"lambda": self._of_function, "sqs": self._of_queue, "sns": self._of_topic, "s3": self._of_bucket}
        document = find[service](region, name) if service in find else None
        return readable_policy(document) if document else None

    def _of_function(self, region: str, name: str) -> Mapping[str, Any] | None:
        function = function_named(self._account_id, region, name)
        statements = list(function.policy.statements) if function is not None else []
        return {"Version": "2012-10-17", "Statement": statements} if statements else None

    def _of_queue(self, region: str, name: str) -> str | None:
        backend = backend_of("sqs", self._account_id, region)
        queue = backend.queues.get(name) if backend is not None else None
        return queue.policy if queue is not None else None

    def _of_topic(self, region: str, name: str) -> Any:
        backend = backend_of("sns", self._account_id, region)
        topic = backend.topics.get(f"arn:aws:sns:{region}:{self._account_id}:{name}") if backend is not None else None
        return topic._policy_json if topic is not None else None

    def _of_bucket(self, region: str, name: str) -> str | None:
        backend = backend_of("s3", self._account_id, "aws")
        bucket = backend.buckets.get(name.partition("/")[0]) if backend is not None else None
        policy = bucket.policy if bucket is not None else None
        return policy.decode() if isinstance(policy, bytes) else policy


def _region_and_name(arn: str) -> tuple[str, str]:
    fields = arn.split(":", 5)
    return (fields[3], fields[5]) if len(fields) == 6 else ("", "")

"""What permissions must know of the account: IAM's names, tables' keys, and the tags and policies of resources.

Reads moto, so it must be asked on the account thread; no backend is made by
looking. One function for each kind of resource, found by the service of its ARN.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from localstage.door.moto import existing_backend
from localstage.policy.document import Need, Policy, readable_policy
from localstage.services.iam import reader


class AccountFacts:
    """Facts of one account."""

    def __init__(self, account_id: str):
        self._account_id = account_id

    def tags_of(self, arn: str) -> Mapping[str, str]:
        """The tags of a resource, for ``aws:ResourceTag``; none of a resource whose service has no row below.

        AWS: Service Authorization Reference names the actions that have the key.
        """
        if arn.startswith("arn:aws:iam:"):
            return reader.tags_of(reader.find_entity(arn))
        service, region, name = _fields_of(arn)
        return _TAGS[service](self._account_id, region, name) if service in _TAGS else {}

    def policy_of(self, need: Need) -> Policy | None:
        """The policy of the resource that a need names, where its service has such policies."""
        service, region, name = _fields_of(need.resource)
        if need.action.partition(":")[0] != service or service not in _POLICIES:
            return None
        document = _POLICIES[service](self._account_id, region, name)
        return readable_policy(document) if document else None

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
        found = _table(self._account_id, region, table)
        return found.hash_key_attr if found is not None else None


def _fields_of(arn: str) -> tuple[str, str, str]:
    """Service, region and the last field, "" for all of what is no ARN."""
    fields = arn.split(":", 5)
    return (fields[2], fields[3], fields[5]) if len(fields) == 6 else ("", "", "")


def _tags_of_api(account_id: str, region: str, path: str) -> Mapping[str, str]:
    """What belongs to an API has the API's tags too; a stage has its own besides."""
    backend = existing_backend("apigatewayv2", account_id, region)
    parts = path.strip("/").split("/")
    if backend is None or parts[0] != "apis" or len(parts) < 2:
        return {}
    api_arn = f"arn:aws:apigateway:{region}::/apis/{parts[1]}"
    tags = dict(backend.get_tags(api_arn))
    if len(parts) > 3 and parts[2] == "stages":
        tags.update(backend.get_tags(f"{api_arn}/stages/{parts[3]}"))
    return tags


def _tags_of_table(account_id: str, region: str, resource: str) -> Mapping[str, str]:
    table = _table(account_id, region, resource.split("/")[1]) if "/" in resource else None
    return {tag["Key"]: tag["Value"] for tag in table.tags} if table is not None else {}


def _tags_of_function(account_id: str, region: str, resource: str) -> Mapping[str, str]:
    function = _function(account_id, region, resource)
    return dict(function.tags) if function is not None else {}


def _policy_of_function(account_id: str, region: str, resource: str) -> Any:
    function = _function(account_id, region, resource)
    statements = list(function.policy.statements) if function is not None else []
    return {"Version": "2012-10-17", "Statement": statements} if statements else None


def _policy_of_queue(account_id: str, region: str, name: str) -> Any:
    backend = existing_backend("sqs", account_id, region)
    queue = backend.queues.get(name) if backend is not None else None
    return queue.policy if queue is not None else None


def _policy_of_topic(account_id: str, region: str, name: str) -> Any:
    backend = existing_backend("sns", account_id, region)
    topic = backend.topics.get(f"arn:aws:sns:{region}:{account_id}:{name}") if backend is not None else None
    return topic._policy_json if topic is not None else None


def _policy_of_bucket(account_id: str, region: str, resource: str) -> Any:
    backend = existing_backend("s3", account_id, "aws")
    bucket = backend.buckets.get(resource.partition("/")[0]) if backend is not None else None
    policy = bucket.policy if bucket is not None else None
    return policy.decode() if isinstance(policy, bytes) else policy


def _table(account_id: str, region: str, name: str) -> Any:
    backend = existing_backend("dynamodb", account_id, region)
    return backend.tables.get(name) if backend is not None else None


def _function(account_id: str, region: str, resource: str) -> Any:
    """The newest code of ``function:{name}``, with or without a qualifier."""
    backend = existing_backend("lambda", account_id, region)
    kind, _, rest = resource.partition(":")
    found = backend._lambdas._functions.get(rest.partition(":")[0]) if backend and kind == "function" else None
    return found["latest"] if found else None


_TAGS: dict[str, Callable[[str, str, str], Mapping[str, str]]] = {
    "apigateway": _tags_of_api,
    "dynamodb": _tags_of_table,
    "lambda": _tags_of_function,
}
_POLICIES: dict[str, Callable[[str, str, str], Any]] = {
    "lambda": _policy_of_function,
    "s3": _policy_of_bucket,
    "sns": _policy_of_topic,
    "sqs": _policy_of_queue,
}

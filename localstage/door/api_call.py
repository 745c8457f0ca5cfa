"""An AWS API call as a value, whatever its protocol, and what else must be known to say what it needs.

Knows the forms of the wire (JSON with a target, query, REST); no service.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol
from urllib.parse import parse_qsl

from localstage.policy.document import Need

_MEMBER = re.compile(r"^(.*?)(?:\.member)?\.(\d+)(?:\.(.*))?$")


class AccountFacts(Protocol):
    """What of the account decides which resource a call means."""

    def arn_of_identity(self, kind: str, name: str) -> str | None:
        """The ARN of a ``role``, ``user`` or ``group`` by its name, None if there is none."""

    def boundary_of(self, kind: str, name: str) -> str | None:
        """The ARN of a role's or user's permissions boundary."""

    def partition_key_of(self, region: str, table: str) -> str | None:
        """The name of a table's partition key."""


class Operations(Protocol):
    """The operations of REST services by method and path."""

    def find(self, service: str, method: str, path: str) -> tuple[str, Mapping[str, str]]:
        """The operation's name and what its path names; "" if there is none."""


@dataclass(frozen=True)
class ApiCall:
    """One call. ``service`` is the credential scope's; ``headers`` have names in lower case."""

    service: str
    region: str
    account_id: str
    method: str
    raw_path: str
    raw_query: str
    headers: Mapping[str, str]
    body: bytes
    facts: AccountFacts
    operations: Operations
    caller_arn: str = ""
    partition: str = field(default="aws", kw_only=True)

    @cached_property
    def target(self) -> str:
        """The operation that the header ``X-Amz-Target`` names, "" without one."""
        return self.headers.get("x-amz-target", "").rpartition(".")[2]

    @cached_property
    def query(self) -> dict[str, str]:
        """The query string's names and values."""
        return dict(parse_qsl(self.raw_query, keep_blank_values=True))

    @cached_property
    def form(self) -> dict[str, str]:
        """The parameters of the query protocol, from the body or the query string; {} if one is given twice."""
        pairs = parse_qsl(self.raw_query, keep_blank_values=True)
        if self.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            pairs += parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True)
        read = dict(pairs)
        return read if len(read) == len(pairs) else {}

    @cached_property
    def json(self) -> dict[str, Any]:
        """The body as an object, empty if it is none."""
        try:
            body = json.loads(self.body) if self.body else {}
        except (ValueError, RecursionError):
            return {}
        return body if isinstance(body, dict) else {}

    @cached_property
    def rest(self) -> tuple[str, Mapping[str, str]]:
        """The operation and path parameters of a REST service."""
        return self.operations.find(self.service, self.method, self.raw_path)

    @cached_property
    def operation(self) -> str:
        """The operation's name in any of the protocols.

        "" if it cannot be told: also of a request that names one in two ways,
        since who serves it might read it in the other.
        """
        named = [name for name in (self.target, self.form.get("Action", ""), self.rest[0]) if name]
        return named[0] if len(named) == 1 else ""

    @cached_property
    def parameters(self) -> Mapping[str, Any]:
        """The parameters by name, in any of the protocols; of lists and structures only JSON's."""
        if self.target:
            return self.json
        if "Action" in self.form:
            return self.form
        return {**self.json, **self.rest[1]}

    def text(self, name: str) -> str:
        """A parameter that is a text, "" if there is none."""
        value = self.parameters.get(name)
        return value if isinstance(value, str) else ""

    def arn(self, service: str, resource: str, *, regional: bool = True, account: bool = True) -> str:
        """An ARN of the call's region and account."""
        return (
            f"arn:{self.partition}:{service}:{self.region if regional else ''}:"
            f"{self.account_id if account else ''}:{resource}"
        )

    def need(self, action: str, resource: str = "*", **keys: Any) -> Need:
        """A need; names of keys have ``__`` for their colon. A value that is None or "" makes no key."""
        return Need(action, resource, {key.replace("__", ":", 1): value for key, value in keys.items() if value})

    def request_tags(self) -> dict[str, str]:
        """The tags that the call gives, by key."""
        for name in ("Tags", "tags", "Tag"):
            tags = self.parameters.get(name)
            if isinstance(tags, Mapping):
                return {str(key): str(value) for key, value in tags.items()}
            if isinstance(tags, list):
                return {
                    str(tag.get("Key", tag.get("key"))): str(tag.get("Value", tag.get("value", "")))
                    for tag in tags
                    if isinstance(tag, Mapping)
                }
        return _tags_of_form(self.form) if "Action" in self.form else {}


def _tags_of_form(form: Mapping[str, str]) -> dict[str, str]:
    """``Tags.member.1.Key=…&Tags.member.1.Value=…``."""
    rows: dict[str, dict[str, str]] = {}
    for name, value in form.items():
        match = _MEMBER.match(name)
        if match and match.group(1) in ("Tags", "Tag") and match.group(3) in ("Key", "Value"):
            rows.setdefault(match.group(2), {})[match.group(3)] = value
    return {row["Key"]: row.get("Value", "") for row in rows.values() if "Key" in row}

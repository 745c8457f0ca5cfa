"""Drift detection: how the resources of a stack differ from what the stack made.

Compares what each type reads with what the template said; it
changes nothing in the account. AWS: only properties that the template defines
are checked (API reference, StackResourceDrift).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from localstage.stacks.account_apis import AccountApis
from localstage.stacks.errors import ResourceFailure
from localstage.stacks.registry import Registry
from localstage.stacks.resource_type import ResourceContext, is_missing
from localstage.stacks.stack import Difference, ResourceDrift, Stack, StackResource


def detect(stack: Stack, apis: AccountApis, registry: Registry, only: str | None = None) -> dict[str, ResourceDrift]:
    """Compares the stack's resources, or the one with the logical id ``only``, with the account."""
    records = [record for name, record in stack.resources.items() if record.exists and only in (None, name)]
    return {record.logical_id: _detect_one(stack, record, apis, registry) for record in records}


def _detect_one(stack: Stack, record: StackResource, apis: AccountApis, registry: Registry) -> ResourceDrift:
    try:
        kind = registry.resource_type(record.type_name)
    except ResourceFailure:
        return ResourceDrift(record, "NOT_CHECKED")
    context = ResourceContext(apis, stack.stack_id, stack.name, record.logical_id, record.type_name)
    try:
        read = kind.read(context, record.physical_id or "", record.properties)
    except ClientError as error:
        if is_missing(error):
            return ResourceDrift(record, "DELETED")
        raise
    if read is None:
        return ResourceDrift(record, "NOT_CHECKED")
    expected = {name: value for name, value in record.properties.items() if name in read}
    actual = {name: read[name] for name in expected if read[name] is not None}
    found = tuple(differences(expected, actual))
    return ResourceDrift(record, "MODIFIED" if found else "IN_SYNC", expected, actual, found)


def differences(expected: Any, actual: Any, path: str = "") -> Iterator[Difference]:
    """The innermost values that differ. Numbers and booleans may be written as text in a template."""
    if isinstance(expected, dict) and isinstance(actual, dict):
        for name in [*expected, *(name for name in actual if name not in expected)]:
            yield from differences(expected.get(name), actual.get(name), f"{path}/{_escaped(name)}")
    elif isinstance(expected, list) and isinstance(actual, list):
        for place in range(max(len(expected), len(actual))):
            one, other = (values[place] if place < len(values) else None for values in (expected, actual))
            yield from differences(one, other, f"{path}/{place}")
    elif _plain(expected) != _plain(actual):
        yield Difference(path, expected, actual)


def _escaped(name: str) -> str:
    """RFC 6901, section 3."""
    return str(name).replace("~", "~0").replace("/", "~1")


def _plain(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return str(int(value)) if value == int(value) else str(value)
    return value

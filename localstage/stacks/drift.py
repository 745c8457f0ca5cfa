"""Drift detection: how the resources of a stack differ from what the stack made.

Compares what ``resource_types.readers`` reads with what the template said; it
changes nothing in the account. AWS: only properties that the template defines
are checked (API reference, StackResourceDrift).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError
from moto.core.utils import utcnow
from moto.moto_api._internal import mock_random

from localstage.stacks.account_apis import AccountApis
from localstage.stacks.drift_readers import READERS
from localstage.stacks.resource_type import Work, is_gone
from localstage.stacks.stack import Stack, StackResource


@dataclass(frozen=True)
class Difference:
    """One property that differs; ``path`` is a JSON pointer into the resource's properties."""

    path: str
    expected: Any
    actual: Any

    @property
    def kind(self) -> str:
        """AWS's DifferenceType."""
        return "REMOVE" if self.actual is None else "ADD" if self.expected is None else "NOT_EQUAL"


@dataclass(frozen=True)
class ResourceDrift:
    """What was found about one resource: IN_SYNC, MODIFIED, DELETED or NOT_CHECKED."""

    record: StackResource
    status: str
    expected: dict[str, Any] = field(default_factory=dict)
    actual: dict[str, Any] = field(default_factory=dict)
    differences: tuple[Difference, ...] = ()
    found: datetime = field(default_factory=utcnow)


@dataclass(frozen=True)
class DriftDetection:
    """One detection on a whole stack, and what it found."""

    stack: Stack
    resources: dict[str, ResourceDrift]
    detection_id: str = field(default_factory=lambda: str(mock_random.uuid4()))
    found: datetime = field(default_factory=utcnow)

    @property
    def drifted_count(self) -> int:
        """How many resources were changed or deleted outside the stack."""
        return sum(drift.status in ("MODIFIED", "DELETED") for drift in self.resources.values())

    @property
    def status(self) -> str:
        """AWS's StackDriftStatus."""
        return "DRIFTED" if self.drifted_count else "IN_SYNC"


def detect(stack: Stack, apis: AccountApis, only: str | None = None) -> dict[str, ResourceDrift]:
    """Compares the stack's resources, or the one with the logical id ``only``, with the account."""
    records = [record for name, record in stack.resources.items() if record.exists and only in (None, name)]
    return {record.logical_id: _detect_one(stack, record, apis) for record in records}


def _detect_one(stack: Stack, record: StackResource, apis: AccountApis) -> ResourceDrift:
    reader = READERS.get(record.type_name)
    if reader is None or record.physical_id is None:
        return ResourceDrift(record, "NOT_CHECKED")
    work = Work(apis, stack.stack_id, stack.name, record.logical_id, record.type_name)
    try:
        read = reader(work, record.physical_id, record.properties)
    except ClientError as error:
        if is_gone(error):
            return ResourceDrift(record, "DELETED")
        raise
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

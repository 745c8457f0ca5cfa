"""A stack as an account remembers it: its resources, its events, its outputs, its drift.

Records; what changes them is in ``operations``, what shows them in ``shapes``.
Exports are derived from the stacks each time, and kept nowhere.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from moto.core.utils import iso_8601_datetime_with_milliseconds, utcnow
from moto.moto_api._internal import mock_random

from localstage.stacks.account_apis import AccountApis
from localstage.stacks.definition import Definition
from localstage.stacks.errors import ValidationError

log = logging.getLogger(__name__)

STACK_TYPE = "AWS::CloudFormation::Stack"


@dataclass
class StackResource:
    """One resource of a stack, as it was last made or changed."""

    logical_id: str
    type_name: str
    properties: dict[str, Any] = field(default_factory=dict)
    physical_id: str | None = None
    attributes: dict[str, Any] = field(default_factory=dict)
    metadata: Any = None
    deletion_policy: str = "Delete"
    update_replace_policy: str = "Delete"
    depends_on: frozenset[str] = frozenset()
    no_echo: bool = False
    """Whether its attributes are secrets, which events must not show."""
    status: str = ""
    status_reason: str | None = None
    updated: datetime = field(default_factory=utcnow)

    @property
    def exists(self) -> bool:
        """Whether there is something in the account for it."""
        return self.physical_id is not None and self.status != "DELETE_COMPLETE"


@dataclass(frozen=True)
class StackEvent:
    """One step of a stack's history, with the members of AWS's StackEvent."""

    stack_id: str
    stack_name: str
    event_id: str
    logical_resource_id: str
    physical_resource_id: str
    resource_type: str
    resource_status: str
    resource_status_reason: str | None
    resource_properties: str | None
    timestamp: datetime
    client_request_token: str | None


@dataclass(frozen=True)
class Output:
    """A resolved output, perhaps exported under a name."""

    output_key: str
    output_value: str
    description: str | None = None
    export_name: str | None = None


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
    """One detection on a whole stack, with the members of AWS's answer, and what it found."""

    stack_id: str
    resources: dict[str, ResourceDrift]
    stack_drift_detection_id: str = field(default_factory=lambda: str(mock_random.uuid4()))
    detection_status: str = "DETECTION_COMPLETE"
    timestamp: datetime = field(default_factory=utcnow)

    @property
    def drifted_stack_resource_count(self) -> int:
        """How many resources were changed or deleted outside the stack."""
        return sum(drift.status in ("MODIFIED", "DELETED") for drift in self.resources.values())

    @property
    def stack_drift_status(self) -> str:
        """AWS's StackDriftStatus."""
        return "DRIFTED" if self.drifted_stack_resource_count else "IN_SYNC"


@dataclass
class Stack:
    """One stack, from its creation until after its deletion."""

    stack_id: str
    name: str
    definition: Definition | None = None
    tags: dict[str, str] = field(default_factory=dict)
    capabilities: list[str] = field(default_factory=list)
    notification_arns: list[str] = field(default_factory=list)
    role_arn: str | None = None
    timeout_in_minutes: int | None = None
    disable_rollback: bool = False
    termination_protection: bool = False
    policy_body: str | None = None
    resources: dict[str, StackResource] = field(default_factory=dict)
    outputs: list[Output] = field(default_factory=list)
    imports: set[str] = field(default_factory=set)
    events: list[StackEvent] = field(default_factory=list)
    status: str = ""
    status_reason: str | None = None
    change_set_id: str | None = None
    token: str | None = None
    created: datetime = field(default_factory=utcnow)
    updated: datetime | None = None
    deleted: datetime | None = None
    drift: DriftDetection | None = None
    """The last drift detection on the whole stack."""
    apis: AccountApis | None = None
    """The APIs as the principal may call them for whom the stack's last operation acts."""
    notify: Callable[[StackEvent], None] = field(default=lambda event: None)

    def enter(self, status: str, reason: str | None = None) -> None:
        """Take a status, with its event.

        AWS: a stack that was rolled back keeps the reason for it in its status
        (aws-serverless-workshops#210), though the last event has none.
        """
        if reason is not None or "ROLLBACK_COMPLETE" not in status:
            self.status_reason = reason
        self.status = status
        if status.startswith("UPDATE"):
            self.updated = utcnow()
        self._record(self.name, self.stack_id, STACK_TYPE, status, reason, None)

    def note(
        self, resource: StackResource, status: str, reason: str | None = None, properties: str | None = None
    ) -> None:
        """Record a step of one resource, which takes the status."""
        resource.status, resource.status_reason, resource.updated = status, reason, utcnow()
        physical_id = resource.physical_id or ""
        self._record(resource.logical_id, physical_id, resource.type_name, status, reason, properties)

    def _record(
        self, logical_id: str, physical_id: str, type_name: str, status: str, reason: str | None, properties: str | None
    ) -> None:
        suffix = str(mock_random.uuid4())
        event = StackEvent(
            stack_id=self.stack_id,
            stack_name=self.name,
            event_id=suffix if type_name == STACK_TYPE else f"{logical_id}-{status}-{suffix}",
            logical_resource_id=logical_id,
            physical_resource_id=physical_id,
            resource_type=type_name,
            resource_status=status,
            resource_status_reason=reason,
            resource_properties=properties,
            timestamp=self._next_timestamp(),
            client_request_token=self.token,
        )
        self.events.append(event)
        self.notify(event)

    def _next_timestamp(self) -> datetime:
        """Now, in a millisecond of its own, which is how far AWS's answers count: tools sort events by their time."""
        return max([utcnow(), *(event.timestamp + timedelta(milliseconds=1) for event in self.events[-1:])])

    @property
    def exports(self) -> dict[str, Output]:
        """The outputs that other stacks can import, by export name."""
        return {output.export_name: output for output in self.outputs if output.export_name}

    def in_creation_order(self) -> list[StackResource]:
        """The resources that exist, each after those that it needs."""
        waiting = {name: record for name, record in self.resources.items() if record.exists}
        ordered: list[StackResource] = []
        while waiting:
            ready = [record for record in waiting.values() if record.depends_on.isdisjoint(waiting.keys())] or list(
                waiting.values()
            )
            ordered.extend(ready)
            for record in ready:
                del waiting[record.logical_id]
        return ordered


class Exports:
    """Reads the exports of the stacks that it was given; those are the backend's."""

    def __init__(self, stacks: Mapping[str, Stack]):
        self._stacks = stacks

    def all(self) -> list[tuple[Stack, Output]]:
        """Each export with the stack that it belongs to."""
        return [(stack, output) for stack in self._stacks.values() for output in stack.exports.values()]

    def importers(self, name: str) -> list[Stack]:
        """The stacks that import an export."""
        return [stack for stack in self._stacks.values() if name in stack.imports]

    def value(self, name: str) -> str:
        """The value of an export. Raises ValidationError when nobody exports the name."""
        for _, output in self.all():
            if output.export_name == name:
                return output.output_value
        raise ValidationError(f"No export named {name} found.")

    def refusal(self, stack: Stack, wanted: Mapping[str, Output]) -> str | None:
        """Why a stack cannot have these exports instead of those that it has, or None."""
        for owner, output in self.all():
            if owner is not stack and output.export_name in wanted:
                return f"Export with name {output.export_name} is already exported by stack {owner.name}."
        for name, output in stack.exports.items():
            users = " and ".join(user.name for user in self.importers(name) if user is not stack)
            if users and name not in wanted:
                return f"Export {name} cannot be deleted as it is in use by {users}"
            if users and wanted[name].output_value != output.output_value:
                return f"Export {name} cannot be updated as it is in use by {users}"
        return None


def notifier(stack: Stack, apis: AccountApis) -> Callable[[StackEvent], None]:
    """A function that publishes an event to the topics that the stack names then."""

    def notify(event: StackEvent) -> None:
        for arn in stack.notification_arns:
            try:
                apis.client("sns").publish(
                    TopicArn=arn, Subject="AWS CloudFormation Notification", Message=_message(event, apis.account_id)
                )
            except Exception:  # Whom a stack tells has no part in what it does.
                log.info("An event of the stack %s was not published to %s", stack.name, arn, exc_info=True)

    return notify


def _message(event: StackEvent, account_id: str) -> str:
    members = {
        "StackId": event.stack_id,
        "Timestamp": iso_8601_datetime_with_milliseconds(event.timestamp),
        "EventId": event.event_id,
        "LogicalResourceId": event.logical_resource_id,
        "Namespace": account_id,
        "PhysicalResourceId": event.physical_resource_id,
        "ResourceProperties": event.resource_properties or "null",
        "ResourceStatus": event.resource_status,
        "ResourceStatusReason": event.resource_status_reason or "",
        "ResourceType": event.resource_type,
        "StackName": event.stack_name,
        "ClientRequestToken": event.client_request_token or "null",
    }
    return "".join(f"{name}='{value}'\n" for name, value in members.items())

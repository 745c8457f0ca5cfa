"""A stack as an account remembers it: its resources, its events, its outputs.

Records only; what changes them is in ``operations``, what shows them in
``responses``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from moto.core.utils import utcnow
from moto.moto_api._internal import mock_random

from localstage.stacks.definition import Definition

if TYPE_CHECKING:
    from localstage.stacks.account_apis import AccountApis
    from localstage.stacks.drift import DriftDetection

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
    needs: frozenset[str] = frozenset()
    status: str = ""
    status_reason: str | None = None
    updated: datetime = field(default_factory=utcnow)

    @property
    def exists(self) -> bool:
        """Whether there is something in the account for it."""
        return self.physical_id is not None and self.status != "DELETE_COMPLETE"


@dataclass(frozen=True)
class StackEvent:
    """One step of a stack's history."""

    event_id: str
    logical_id: str
    physical_id: str
    type_name: str
    status: str
    reason: str | None
    properties: str | None
    timestamp: datetime
    token: str | None


@dataclass(frozen=True)
class Output:
    """A resolved output, perhaps exported under a name."""

    key: str
    value: str
    description: str | None = None
    export_name: str | None = None


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
            event_id=suffix if type_name == STACK_TYPE else f"{logical_id}-{status}-{suffix}",
            logical_id=logical_id,
            physical_id=physical_id,
            type_name=type_name,
            status=status,
            reason=reason,
            properties=properties,
            timestamp=utcnow(),
            token=self.token,
        )
        self.events.append(event)
        self.notify(event)

    @property
    def exports(self) -> dict[str, Output]:
        """The outputs that other stacks can import, by export name."""
        return {output.export_name: output for output in self.outputs if output.export_name}

    def in_creation_order(self) -> list[StackResource]:
        """The resources that exist, each after those that it needs."""
        waiting = {name: record for name, record in self.resources.items() if record.exists}
        ordered: list[StackResource] = []
        while waiting:
            ready = [record for record in waiting.values() if record.needs.isdisjoint(waiting.keys())] or list(
                waiting.values()
            )
            ordered.extend(ready)
            for record in ready:
                del waiting[record.logical_id]
        return ordered

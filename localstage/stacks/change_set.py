"""Change sets: a reviewed step between asking for a stack and having it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from moto.core.utils import utcnow

from localstage.stacks.definition import Definition
from localstage.stacks.driving import CHANGE_SET, Steps
from localstage.stacks.plan import ResourceChange

# AWS: the text by which ``aws cloudformation deploy`` knows that nothing is to be done.
NO_CHANGES = "The submitted information didn't contain changes. Submit different information to create a change set."


@dataclass
class ChangeSet:
    """One change set of one stack."""

    change_set_id: str
    name: str
    stack_id: str
    stack_name: str
    kind: str
    """CREATE or UPDATE."""
    definition: Definition
    tags: dict[str, str] | None = None
    capabilities: list[str] = field(default_factory=list)
    notification_arns: list[str] = field(default_factory=list)
    role_arn: str | None = None
    description: str | None = None
    on_stack_failure: str | None = None
    changes: list[ResourceChange] = field(default_factory=list)
    status: str = "CREATE_PENDING"
    status_reason: str | None = None
    execution_status: str = "UNAVAILABLE"
    created: datetime = field(default_factory=utcnow)

    def planning(self) -> Steps:
        """The way to its end, ``offer`` or ``refuse``."""
        yield CHANGE_SET
        self.status = "CREATE_IN_PROGRESS"
        yield CHANGE_SET

    def offer(self, changes: list[ResourceChange]) -> None:
        """The change set is complete and can be executed."""
        self.changes = changes
        self.status, self.execution_status = "CREATE_COMPLETE", "AVAILABLE"

    def refuse(self, reason: str) -> None:
        """The change set cannot be executed."""
        self.status, self.status_reason = "FAILED", reason

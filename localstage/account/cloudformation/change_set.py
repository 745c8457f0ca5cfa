"""Change sets: a reviewed step between asking for a stack and having it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from moto.core.utils import utcnow

from .definition import Definition
from .plan import ResourceChange

# AWS: the text by which ``aws cloudformation deploy`` knows that nothing is to be done.
NO_CHANGES = (
    "The submitted information didn't contain changes. "
    "Submit different information to create a change set."
)


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
    changes: list[ResourceChange]
    tags: dict[str, str] | None = None
    capabilities: list[str] = field(default_factory=list)
    notification_arns: list[str] = field(default_factory=list)
    role_arn: str | None = None
    description: str | None = None
    on_stack_failure: str | None = None
    status: str = "CREATE_COMPLETE"
    status_reason: str | None = None
    execution_status: str = "AVAILABLE"
    created: datetime = field(default_factory=utcnow)

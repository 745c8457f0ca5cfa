"""Change sets: a reviewed step between asking for a stack and having it, and what it shows.

The plan is a pure comparison between a stack and a definition: nothing is made, and values that only the execution
will give are marked as such.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from moto.core.utils import utcnow

from localstage.stacks.definition import Definition
from localstage.stacks.driver import CHANGE_SET, Steps
from localstage.stacks.errors import CloudFormationError, ResourceFailure, ValidationError
from localstage.stacks.intrinsics import is_unknown
from localstage.stacks.scope import PlanScope, resolved_outputs, wanted_properties
from localstage.stacks.stack import Stack, StackResource

ImportValue = Callable[[str], Any]


@dataclass(frozen=True)
class PropertyChange:
    """One property that would change."""

    name: str
    requires_recreation: str
    """Never, Conditionally or Always."""
    is_dynamic: bool
    """Whether the new value is only known when the change is made."""


@dataclass(frozen=True)
class ResourceChange:
    """What would happen to one resource, with the members of AWS's ResourceChange."""

    action: str
    """Add, Modify or Remove."""
    logical_resource_id: str
    resource_type: str
    physical_resource_id: str | None = None
    replacement: str | None = None
    """True, False or Conditional, for Modify only."""
    properties: tuple[PropertyChange, ...] = ()
    scope: tuple[str, ...] = ()


def planned_changes(
    stack: Stack, definition: Definition, import_value: ImportValue, tags: dict[str, str]
) -> list[ResourceChange]:
    """The changes that would bring the stack to the definition, in order.

    Raises:
        ValidationError: a resource would change its type.
    """
    changes: list[ResourceChange] = []
    unknown: set[str] = set()
    scope = PlanScope(definition, stack, import_value, unknown)
    for logical_id in definition.order:
        type_name = definition.resources[logical_id]["Type"]
        record = stack.resources.get(logical_id)
        if record is None or not record.exists:
            unknown.add(logical_id)
            changes.append(ResourceChange("Add", logical_id, type_name))
            continue
        if record.type_name != type_name:
            raise ValidationError(
                "Update of resource type is not permitted. The new template modifies resource "
                f"type of the following resources: [{logical_id}]"
            )
        change = _modification(record, definition, scope, tags)
        if change is not None:
            changes.append(change)
            if change.replacement != "False":
                unknown.add(logical_id)
    removed = [
        ResourceChange("Remove", record.logical_id, record.type_name, record.physical_id)
        for record in reversed(stack.in_creation_order())
        if record.logical_id not in definition.resources
    ]
    return [*changes, *removed]


def would_change(stack: Stack, definition: Definition, import_value: ImportValue, tags: dict[str, str]) -> bool:
    """Whether there is anything to update at all."""
    if planned_changes(stack, definition, import_value, tags) or stack.tags != tags:
        return True
    for logical_id, resource in definition.resources.items():
        record = stack.resources[logical_id]
        if record.deletion_policy != resource.get("DeletionPolicy", "Delete"):
            return True
    scope = PlanScope(definition, stack, import_value, ())
    try:
        return resolved_outputs(definition, scope) != stack.outputs
    except CloudFormationError:
        return True


def _modification(
    record: StackResource, definition: Definition, scope: PlanScope, tags: dict[str, str]
) -> ResourceChange | None:
    resource = definition.resources[record.logical_id]
    registry = definition.owner.registry
    try:
        wanted = wanted_properties(record.logical_id, resource, scope, registry, tags)
    except (ResourceFailure, CloudFormationError):
        wanted = resource.get("Properties", {})  # The execution will tell what is wrong.
    names = [
        name for name in dict.fromkeys([*record.properties, *wanted]) if record.properties.get(name) != wanted.get(name)
    ]
    properties = tuple(_property_change(record, definition, wanted, name) for name in names)
    attributes = ["Properties"] if properties else []
    if record.metadata != resource.get("Metadata"):
        attributes.append("Metadata")
    if not attributes:
        return None
    needs = {change.requires_recreation for change in properties}
    replacement = "True" if "Always" in needs else "Conditional" if "Conditionally" in needs else "False"
    return ResourceChange(
        "Modify", record.logical_id, record.type_name, record.physical_id, replacement, properties, tuple(attributes)
    )


def _property_change(
    record: StackResource, definition: Definition, wanted: dict[str, Any], name: str
) -> PropertyChange:
    is_dynamic = is_unknown(wanted.get(name))
    replacing = definition.owner.registry.replacing_changes(record.type_name, record.properties, wanted)
    recreation = "Never" if name not in replacing else "Conditionally" if is_dynamic else "Always"
    return PropertyChange(name, recreation, is_dynamic)


# AWS: the text by which ``aws cloudformation deploy`` knows that nothing is to be done.
NO_CHANGES = "The submitted information didn't contain changes. Submit different information to create a change set."


@dataclass
class ChangeSet:
    """One change set of one stack, with the members of AWS's ChangeSetSummary."""

    change_set_id: str
    change_set_name: str
    stack_id: str
    stack_name: str
    kind: str
    """CREATE or UPDATE."""
    definition: Definition
    tags: dict[str, str] | None = None
    capabilities: list[str] = field(default_factory=list)
    notification_arns: list[str] | None = None
    """None where the stack's stay."""
    role_arn: str | None = None
    description: str | None = None
    on_stack_failure: str | None = None
    changes: list[ResourceChange] = field(default_factory=list)
    status: str = "CREATE_PENDING"
    status_reason: str | None = None
    execution_status: str = "UNAVAILABLE"
    creation_time: datetime = field(default_factory=utcnow)
    include_nested_stacks: bool = False

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

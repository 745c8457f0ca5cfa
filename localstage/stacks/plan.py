"""What an update would do: the changes between a stack and a definition.

Pure comparison: nothing is made, and values that only the execution will give
are marked as such.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from localstage.stacks.definition import Definition
from localstage.stacks.errors import CloudFormationError, ResourceFailure, ValidationError
from localstage.stacks.intrinsics import is_unknown
from localstage.stacks.outputs import resolved_outputs
from localstage.stacks.properties import wanted_properties
from localstage.stacks.scope import PlanScope
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
    """What would happen to one resource: Add, Modify or Remove."""

    action: str
    logical_id: str
    type_name: str
    physical_id: str | None = None
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
    registry = definition.owner.registry
    schema = registry.schema(record.type_name)
    is_dynamic = is_unknown(wanted.get(name))
    recreation = "Never"
    try:
        replacing = registry.resource_type(record.type_name).replacing_changes(record.properties, wanted)
    except ResourceFailure:
        replacing = []
    if schema is not None:
        replacing = [*replacing, *schema.create_only_changes(record.properties, wanted)]
    if name in replacing:
        recreation = "Conditionally" if is_dynamic else "Always"
    return PropertyChange(name, recreation, is_dynamic)

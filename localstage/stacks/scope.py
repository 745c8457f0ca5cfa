"""What the names in a stack's template mean while the stack is worked on, or planned.

``StackScope`` gives real values. ``PlanScope`` knows which resources do not
exist yet, and gives a mark in their place.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from localstage.stacks.definition import Definition, pseudo_parameter
from localstage.stacks.dynamic_references import with_values
from localstage.stacks.errors import ValidationError
from localstage.stacks.intrinsics import KNOWN_AFTER_APPLY
from localstage.stacks.stack import Stack, StackResource


class StackScope:
    """Names as they are now; records what is imported from other stacks."""

    def __init__(self, definition: Definition, stack: Stack, import_value: Callable[[str], Any]):
        self.mappings = definition.processed.section("Mappings")
        self.region = definition.owner.apis.region
        self.imported: set[str] = set()
        self._definition = definition
        self._stack = stack
        self._import_value = import_value

    def ref(self, name: str) -> Any:
        """A parameter's value, a pseudo parameter or a physical id."""
        if name in self._definition.values:
            return self._definition.values[name]
        value = pseudo_parameter(name, self._definition.owner)
        return self._resource(name).physical_id if value is None else value

    def get_att(self, logical_id: str, attribute: str) -> Any:
        """An attribute of a resource."""
        resource = self._resource(logical_id)
        for source in (resource.attributes, resource.properties):
            if attribute in source:
                return source[attribute]
        raise ValidationError(
            f"Template error: resource {logical_id} does not support attribute type {attribute} in Fn::GetAtt"
        )

    def condition(self, name: str) -> bool:
        """Whether a condition of the template holds."""
        return self._definition.conditions[name]

    def import_value(self, name: str) -> Any:
        """The value of an export."""
        self.imported.add(name)
        return self._import_value(name)

    def dynamic_value(self, text: str) -> str:
        """The text with its dynamic references, ``{{resolve:…}}``, replaced."""
        return with_values(text, self._definition.owner.apis)

    def _resource(self, logical_id: str) -> StackResource:
        resource = self._stack.resources.get(logical_id)
        if resource is None or not resource.exists:
            raise ValidationError(
                f"Template format error: Unresolved resource dependencies [{logical_id}] in the "
                "Resources block of the template"
            )
        return resource


class PlanScope(StackScope):
    """Names as far as they are known before anything is done."""

    def __init__(
        self, definition: Definition, stack: Stack, import_value: Callable[[str], Any], unknown: Collection[str]
    ):
        super().__init__(definition, stack, import_value)
        self._unknown = unknown

    def ref(self, name: str) -> Any:
        """As it is, or the mark for a resource that is to be made."""
        return KNOWN_AFTER_APPLY if name in self._unknown else super().ref(name)

    def get_att(self, logical_id: str, attribute: str) -> Any:
        """As it is, or the mark for a resource that is to be made."""
        if logical_id in self._unknown:
            return KNOWN_AFTER_APPLY
        return super().get_att(logical_id, attribute)

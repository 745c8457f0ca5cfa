"""The exports of the stacks of one account and region: who has them, who uses them.

Derived from the stacks each time; nothing is kept here.
"""

from __future__ import annotations

from collections.abc import Mapping

from localstage.stacks.errors import ValidationError
from localstage.stacks.stack import Output, Stack


class ExportBook:
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
                return output.value
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
            if users and wanted[name].value != output.value:
                return f"Export {name} cannot be updated as it is in use by {users}"
        return None

"""What the names of stacks and change sets may be."""

from __future__ import annotations

import re

from localstage.stacks.errors import ValidationError

_NAME = re.compile(r"^[a-zA-Z][-a-zA-Z0-9]*$")
MAX_NAME_CHARACTERS = 128


def check_stack_name(name: str) -> None:
    """Raises ValidationError unless the name (or an ARN in its place) can be a stack's."""
    if not name.startswith("arn:"):
        _check(name, "stackName")


def check_change_set_name(name: str) -> None:
    """Raises ValidationError unless the name can be a change set's."""
    _check(name, "changeSetName")


def _check(name: str, member: str) -> None:
    start = f"1 validation error detected: Value '{name}' at '{member}' failed to satisfy "
    if not _NAME.match(name):
        raise ValidationError(
            f"{start}constraint: Member must satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*"
        )
    if len(name) > MAX_NAME_CHARACTERS:
        raise ValidationError(f"{start}constraint: Member must have length less than or equal to {MAX_NAME_CHARACTERS}")

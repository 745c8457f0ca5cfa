"""The outputs of a stack, resolved."""

from __future__ import annotations

from localstage.stacks.definition import Definition
from localstage.stacks.errors import ValidationError
from localstage.stacks.intrinsics import resolve, text_of
from localstage.stacks.scope import StackScope
from localstage.stacks.stack import Output


def resolved_outputs(definition: Definition, scope: StackScope) -> list[Output]:
    """Each output of the definition with its value.

    Raises:
        ValidationError: a value is not a scalar, or cannot be had.
    """
    outputs = []
    for key, declared in definition.outputs.items():
        value = resolve(declared["Value"], scope)
        if isinstance(value, dict | list) or value is None:
            raise ValidationError(
                "Template format error: The Value field of every Outputs member must evaluate to a String."
            )
        export = declared.get("Export")
        outputs.append(
            Output(
                key,
                text_of(value),
                declared.get("Description"),
                text_of(resolve(export["Name"], scope)) if export else None,
            )
        )
    return outputs

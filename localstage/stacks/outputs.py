"""The outputs of a stack, resolved."""

from __future__ import annotations

from localstage.stacks.definition import Definition
from localstage.stacks.errors import ValidationError
from localstage.stacks.intrinsics import is_text, resolve, text_of
from localstage.stacks.scope import StackScope
from localstage.stacks.stack import Output


def resolved_outputs(definition: Definition, scope: StackScope) -> list[Output]:
    """Each output of the definition with its value.

    Raises:
        ValidationError: a value is not a scalar, or cannot be had.
    """
    outputs = []
    for key, declared in definition.outputs.items():
        value = resolve(declared["Value"], scope, f"/Outputs/{key}/Value")
        if not is_text(value):
            raise ValidationError(
                f"Template format error: Output {key} is malformed. The Value field of every Outputs member must "
                "evaluate to a String."
            )
        name = resolve(declared["Export"]["Name"], scope, f"/Outputs/{key}/Export/Name") if "Export" in declared else ""
        if not is_text(name):
            raise ValidationError(
                f"Template format error: Output {key} is malformed. The Name field of every Export member must "
                "evaluate to a String."
            )
        outputs.append(Output(key, text_of(value), declared.get("Description"), text_of(name) or None))
    return outputs

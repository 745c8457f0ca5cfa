"""Resolve a template's intrinsic functions to plain values.

Works on any ``Scope``: what a reference means is the scope's business, so the
same code serves creation, updates and change sets.
"""

from __future__ import annotations

import base64
import ipaddress
import json
import re
from typing import Any, Protocol

from localstage.stacks.errors import ValidationError

NO_VALUE = object()
"""What ``AWS::NoValue`` resolves to: the member that holds it is left out."""


class Scope(Protocol):
    """Where names in a template get their values."""

    mappings: dict[str, Any]
    region: str

    def ref(self, name: str) -> Any:
        """What ``Ref`` gives: a parameter's value, a pseudo parameter or a physical id."""

    def get_att(self, logical_id: str, attribute: str) -> Any:
        """What ``Fn::GetAtt`` gives."""

    def condition(self, name: str) -> bool:
        """Whether a named condition holds."""

    def import_value(self, name: str) -> Any:
        """The value of another stack's export."""


def resolve(value: Any, scope: Scope) -> Any:
    """The value with every intrinsic function replaced by its result.

    Raises:
        ValidationError: an intrinsic function is malformed or has no result.
    """
    if isinstance(value, dict):
        if len(value) == 1:
            ((name, argument),) = value.items()
            function = _FUNCTIONS.get(name)
            if function is not None:
                return function(argument, scope)
            if isinstance(name, str) and name.startswith("Fn::"):
                raise ValidationError(f"Template error: the local stage does not support {name}")
        resolved = {key: resolve(item, scope) for key, item in value.items()}
        return {key: item for key, item in resolved.items() if item is not NO_VALUE}
    if isinstance(value, list):
        items = [resolve(item, scope) for item in value]
        return [item for item in items if item is not NO_VALUE]
    return value


def evaluate(condition: Any, scope: Scope) -> bool:
    """Whether a condition expression holds."""
    if isinstance(condition, bool):
        return condition
    if not isinstance(condition, dict) or len(condition) != 1:
        raise ValidationError("Template format error: Every Conditions member must contain a condition function.")
    ((name, argument),) = condition.items()
    if name == "Condition":
        return scope.condition(argument)
    if name == "Fn::Equals":
        left, right = (text_of(resolve(side, scope)) for side in argument)
        return left == right
    if name == "Fn::Not":
        return not evaluate(argument[0], scope)
    if name == "Fn::And":
        return all([evaluate(part, scope) for part in argument])
    if name == "Fn::Or":
        return any([evaluate(part, scope) for part in argument])
    raise ValidationError(f"Template error: {name} is not a condition function")


def text_of(value: Any) -> str:
    """A scalar as text, booleans in lower case."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _ref(name: Any, scope: Scope) -> Any:
    if not isinstance(name, str):
        raise ValidationError("Template error: every Ref object must have a single String value.")
    return NO_VALUE if name == "AWS::NoValue" else scope.ref(name)


def attribute_reference(argument: Any) -> tuple[str, Any]:
    """The logical id and the (perhaps computed) attribute name of a ``Fn::GetAtt``."""
    if isinstance(argument, str):
        argument = argument.split(".", 1)
    if not isinstance(argument, list) or len(argument) < 2:
        raise ValidationError(
            "Template error: every Fn::GetAtt object requires two non-empty parameters, the "
            "resource name and the resource attribute"
        )
    rest = argument[1] if len(argument) == 2 else ".".join(argument[1:])
    return argument[0], rest


def _get_att(argument: Any, scope: Scope) -> Any:
    logical_id, attribute = attribute_reference(argument)
    return scope.get_att(logical_id, resolve(attribute, scope))


def _if(argument: Any, scope: Scope) -> Any:
    if not isinstance(argument, list) or len(argument) != 3:
        raise ValidationError("Template error: Fn::If requires a list argument with three elements")
    name, when_true, when_false = argument
    return resolve(when_true if scope.condition(name) else when_false, scope)


def _find_in_map(argument: Any, scope: Scope) -> Any:
    keys = [text_of(resolve(key, scope)) for key in argument[:3]]
    found: Any = scope.mappings
    for key in keys:
        found = found.get(key) if isinstance(found, dict) else None
    if found is None:
        raise ValidationError(f"Template error: Unable to get mapping for {'::'.join(keys)}")
    return found


def _join(argument: Any, scope: Scope) -> str:
    if not isinstance(argument, list) or len(argument) != 2:
        raise ValidationError(
            "Template error: every Fn::Join object requires two parameters, (1) a string "
            "delimiter and (2) a list of strings to be joined or a function that returns a list "
            "of strings (such as Fn::GetAZs) to be joined."
        )
    return argument[0].join(text_of(item) for item in resolve(argument[1], scope))


def _split(argument: Any, scope: Scope) -> list[str]:
    return resolve(argument[1], scope).split(argument[0])


def _select(argument: Any, scope: Scope) -> Any:
    index, items = int(resolve(argument[0], scope)), resolve(argument[1], scope)
    if not 0 <= index < len(items):
        raise ValidationError(f"Template error: Fn::Select cannot select nonexistent value at index {index}")
    return items[index]


SUB_VARIABLE = re.compile(r"\$\{([^}!][^}]*)\}")
_SUB_NAME = re.compile(r"^[A-Za-z0-9_.:]+$")


def sub_parts(argument: Any) -> tuple[str, dict[str, Any]]:
    """The text and the local variables of a ``Fn::Sub``."""
    text, variables = (argument, {}) if isinstance(argument, str) else (argument[0], argument[1])
    for name in SUB_VARIABLE.findall(text):
        if not _SUB_NAME.match(name.strip()):
            raise ValidationError(
                "Template error: variable names in Fn::Sub syntax must contain only "
                "alphanumeric characters, underscores, periods, and colons"
            )
    return text, variables


def _sub(argument: Any, scope: Scope) -> str:
    text, variables = sub_parts(argument)

    def replacement(match: re.Match[str]) -> str:
        name = match.group(1).strip()
        if name in variables:
            return text_of(resolve(variables[name], scope))
        if "." in name:
            return text_of(scope.get_att(*name.split(".", 1)))
        return text_of(scope.ref(name))

    return SUB_VARIABLE.sub(replacement, text).replace("${!", "${")


def _import_value(argument: Any, scope: Scope) -> Any:
    return scope.import_value(resolve(argument, scope))


def _get_azs(argument: Any, scope: Scope) -> list[str]:
    region = resolve(argument, scope) or scope.region
    return [f"{region}{letter}" for letter in "abcdef"[: 6 if region == "us-east-1" else 3]]


def _base64(argument: Any, scope: Scope) -> str:
    return base64.b64encode(text_of(resolve(argument, scope)).encode()).decode()


def _cidr(argument: Any, scope: Scope) -> list[str]:
    block, count, *bits = (resolve(part, scope) for part in argument)
    network = ipaddress.ip_network(block)
    prefix = network.max_prefixlen - int(bits[0] if bits else 8)
    subnets = network.subnets(new_prefix=prefix)
    return [str(next(subnets)) for _ in range(int(count))]


def _to_json_string(argument: Any, scope: Scope) -> str:
    return json.dumps(resolve(argument, scope), separators=(",", ":"))


def _length(argument: Any, scope: Scope) -> int:
    return len(resolve(argument, scope))


_FUNCTIONS = {
    "Ref": _ref,
    "Fn::Base64": _base64,
    "Fn::Cidr": _cidr,
    "Fn::FindInMap": _find_in_map,
    "Fn::GetAZs": _get_azs,
    "Fn::GetAtt": _get_att,
    "Fn::If": _if,
    "Fn::ImportValue": _import_value,
    "Fn::Join": _join,
    "Fn::Length": _length,
    "Fn::Select": _select,
    "Fn::Split": _split,
    "Fn::Sub": _sub,
    "Fn::ToJsonString": _to_json_string,
}

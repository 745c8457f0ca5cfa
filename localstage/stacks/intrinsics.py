"""The intrinsic functions of templates: what each takes, how it is refused otherwise, and what it gives.

Works on any ``Scope``, which says what a reference means. One table says what each function takes; whatever else it
is given is refused with a ValidationError that names the function and its place in the template (a JSON pointer).
"""

from __future__ import annotations

import base64
import ipaddress
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Protocol

from localstage.stacks.errors import ValidationError

NO_VALUE = object()
"""What ``AWS::NoValue`` resolves to: the member that holds it is left out."""
KNOWN_AFTER_APPLY = "{{changeSet:KNOWN_AFTER_APPLY}}"
"""AWS: what a change set shows for a value that only its execution will give."""


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


@dataclass(frozen=True)
class Function:
    """One function: which arguments it takes, how AWS refuses others, and what it gives."""

    takes: Callable[[Any], bool]
    refusal: str
    result: Callable[[Any, Scope, str], Any]
    resolves_itself: bool = False
    """Whether ``result`` gets the argument as the template wrote it, not resolved."""


def resolve(value: Any, scope: Scope, place: str = "") -> Any:
    """The value with every intrinsic function replaced by its result; ``place`` is where it stands.

    Raises:
        ValidationError: an intrinsic function is malformed or has no result.
    """
    if isinstance(value, dict):
        name = function_name(value)
        if name is not None:
            return _call(name, value[name], scope, place)
        resolved = {key: resolve(item, scope, f"{place}/{key}") for key, item in value.items()}
        return {key: item for key, item in resolved.items() if item is not NO_VALUE}
    if isinstance(value, list):
        items = [resolve(item, scope, f"{place}/{index}") for index, item in enumerate(value)]
        return [item for item in items if item is not NO_VALUE]
    return value


def check_functions(value: Any, place: str) -> None:
    """Refuse functions that no scope could resolve, before anything is done.

    Raises:
        ValidationError: with the place of the first malformed function.
    """
    if isinstance(value, dict):
        name = function_name(value)
        if name is not None:
            function = _function(name, place)
            if not function.takes(_opened(value[name])):
                raise refused(function.refusal, place)
        for key, item in value.items():
            check_functions(item, f"{place}/{key}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            check_functions(item, f"{place}/{index}")


def function_name(value: Any) -> str | None:
    """The intrinsic function that a value calls, or None when it is a plain value."""
    if not isinstance(value, dict) or len(value) != 1:
        return None
    (name,) = value
    return name if isinstance(name, str) and (name == "Ref" or name.startswith("Fn::")) else None


def is_unknown(value: Any) -> bool:
    """Whether a planned value depends on what is not made yet."""
    if isinstance(value, dict):
        return any(is_unknown(item) for item in value.values())
    if isinstance(value, list):
        return any(is_unknown(item) for item in value)
    return isinstance(value, str) and KNOWN_AFTER_APPLY in value


def text_of(value: Any) -> str:
    """A scalar as text, booleans in lower case."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _call(name: str, argument: Any, scope: Scope, place: str) -> Any:
    function = _function(name, place)
    if function.resolves_itself:
        if not function.takes(_opened(argument)):
            raise refused(function.refusal, place)
        return function.result(argument, scope, place)
    argument = resolve(argument, scope, f"{place}/{name}")
    try:
        if not function.takes(argument):
            raise refused(function.refusal, place)
        return function.result(argument, scope, place)
    except ValidationError:
        if is_unknown(argument):
            return KNOWN_AFTER_APPLY
        raise


def _function(name: str, place: str) -> Function:
    if name not in _FUNCTIONS:
        raise refused(f"localstage does not support {name}", place)
    return _FUNCTIONS[name]


def refused(sentence: str, place: str = "") -> ValidationError:
    """The refusal of a function at a place."""
    return ValidationError(f"Template error: {sentence}" + (f" ({place})" if place else ""))


# What a function within an argument will give is open: it fits wherever something is asked for.
_OPEN = object()


def _opened(value: Any) -> Any:
    if function_name(value) is not None:
        return _OPEN
    if isinstance(value, dict):
        return {key: _opened(item) for key, item in value.items()}
    return [_opened(item) for item in value] if isinstance(value, list) else value


def is_text(value: Any) -> bool:
    return value is _OPEN or isinstance(value, str | int | float)


def _is_list(value: Any) -> bool:
    return value is _OPEN or isinstance(value, list)


def is_texts(value: Any) -> bool:
    return value is _OPEN or (isinstance(value, list) and all(is_text(item) for item in value))


def _is_integer(value: Any) -> bool:
    return value is _OPEN or (isinstance(value, str | int) and re.fullmatch(r"-?[0-9]{1,9}", str(value)) is not None)


def _is_map(value: Any) -> bool:
    return value is _OPEN or isinstance(value, dict)


def list_of(*kinds: Callable[[Any], bool], optional: int = 0) -> Callable[[Any], bool]:
    """Whether a value is a list with one item of each kind; the last ``optional`` ones may be left out."""

    def takes(value: Any) -> bool:
        return (
            isinstance(value, list)
            and len(kinds) - optional <= len(value) <= len(kinds)
            and all(kind(item) for kind, item in zip(kinds, value, strict=False))
        )

    return takes


def _ref(name: str, scope: Scope, place: str) -> Any:
    return NO_VALUE if name == "AWS::NoValue" else scope.ref(name)


_GET_ATT_REFUSAL = (
    "every Fn::GetAtt object requires two non-empty parameters, the resource name and the resource attribute"
)


def attribute_reference(argument: Any) -> tuple[str, Any]:
    """The logical id and the (perhaps computed) attribute name of a ``Fn::GetAtt``.

    Raises:
        ValidationError: the argument is none.
    """
    parts = argument.split(".", 1) if isinstance(argument, str) else argument
    if not isinstance(parts, list) or len(parts) < 2 or not all(parts):
        raise refused(_GET_ATT_REFUSAL)
    names = parts[:1] if len(parts) == 2 else parts
    if not all(isinstance(name, str) for name in names):
        raise refused(_GET_ATT_REFUSAL)
    return parts[0], parts[1] if len(parts) == 2 else ".".join(parts[1:])


def _is_attribute_reference(argument: Any) -> bool:
    try:
        return is_text(attribute_reference(argument)[1])
    except ValidationError:
        return False


def _get_att(argument: Any, scope: Scope, place: str) -> Any:
    logical_id, attribute = attribute_reference(argument)
    attribute = resolve(attribute, scope, f"{place}/Fn::GetAtt/1")
    if not isinstance(attribute, str):
        raise refused(_GET_ATT_REFUSAL, place)
    return scope.get_att(logical_id, attribute)


def _if(argument: Any, scope: Scope, place: str) -> Any:
    name, when_true, when_false = argument
    holds = scope.condition(name)
    return resolve(when_true if holds else when_false, scope, f"{place}/Fn::If/{1 if holds else 2}")


def _find_in_map(argument: Any, scope: Scope, place: str) -> Any:
    keys = [text_of(key) for key in argument[:3]]
    found: Any = scope.mappings
    for key in keys:
        found = found.get(key) if isinstance(found, dict) else None
    if isinstance(found, str | int | float | list):
        return found
    if len(argument) == 4:
        return argument[3]["DefaultValue"]
    raise refused(f"Unable to get mapping for {'::'.join(keys)}", place)


def _select(argument: Any, scope: Scope, place: str) -> Any:
    index, items = int(argument[0]), argument[1]
    if not 0 <= index < len(items):
        raise refused(f"Fn::Select cannot select nonexistent value at index {index}", place)
    return items[index]


_SUB_NAME = re.compile(r"[A-Za-z0-9_.:]+")


def sub_parts(argument: Any) -> tuple[str, dict[str, Any]]:
    """The text and the local variables of a ``Fn::Sub``.

    Raises:
        ValidationError: the argument has neither of its two forms.
    """
    if not _takes_sub(argument):
        raise refused(_SUB_REFUSAL)
    return (argument, {}) if isinstance(argument, str) else (argument[0], argument[1])


def sub_variables(text: str) -> Iterator[tuple[str, str | None]]:
    """The pieces of a ``Fn::Sub`` text in order: literal text and the variable that follows it, None after the last.

    Raises:
        ValidationError: a variable's name is not one.
    """
    position = 0
    while (start := text.find("${", position)) >= 0:
        if text.startswith("!", start + 2):
            yield text[position : start + 2], None
            position = start + 3
            continue
        end = text.find("}", start)
        if end < 0:
            break
        name = text[start + 2 : end].strip()
        if not _SUB_NAME.fullmatch(name):
            raise refused(
                "variable names in Fn::Sub syntax must contain only alphanumeric characters, underscores, periods, "
                "and colons"
            )
        yield text[position:start], name
        position = end + 1
    yield text[position:].replace("${!", "${"), None


def _sub(argument: Any, scope: Scope, place: str) -> str:
    text, variables = sub_parts(argument)
    pieces = []
    for literal, name in sub_variables(text):
        pieces.append(literal)
        if name is None:
            continue
        if name in variables:
            value = resolve(variables[name], scope, f"{place}/Fn::Sub/1/{name}")
        else:
            value = scope.get_att(*name.split(".", 1)) if "." in name else _ref(name, scope, place)
        if not is_text(value):
            raise refused(f"variable {name} in Fn::Sub expression does not resolve to a string", place)
        pieces.append(text_of(value))
    return "".join(pieces)


def _cidr(argument: Any, scope: Scope, place: str) -> list[str]:
    block, count, bits = argument[0], int(argument[1]), int(argument[2]) if len(argument) == 3 else 8
    try:
        network = ipaddress.ip_network(block)
        subnets = list(islice(network.subnets(new_prefix=network.max_prefixlen - bits), count))
    except ValueError as error:
        raise refused(f"Fn::Cidr: {error}", place) from None
    if not 1 <= count <= 256 or len(subnets) < count:
        raise refused(f"Fn::Cidr cannot divide {block} into {count} blocks of {bits} bits", place)
    return [str(subnet) for subnet in subnets]


def _zones(region: str, scope: Scope, place: str) -> list[str]:
    region = region or scope.region
    return [f"{region}{letter}" for letter in "abcdef"[: 6 if region == "us-east-1" else 3]]


_SUB_REFUSAL = (
    "One or more Fn::Sub intrinsic functions don't specify expected arguments. Specify a string as first argument, "
    "and an optional second argument to specify a mapping of values to replace in the string"
)


def _takes_sub(argument: Any) -> bool:
    return isinstance(argument, str) or (
        list_of(lambda text: isinstance(text, str), lambda values: isinstance(values, dict))(argument)
    )


# AWS: the sentences. Guess (Malformed templates): those of Fn::Cidr, Fn::GetAZs, Fn::Length and Fn::ToJsonString.
_FUNCTIONS: dict[str, Function] = {
    "Ref": Function(
        lambda name: isinstance(name, str), "every Ref object must have a single String value.", _ref, True
    ),
    "Fn::Base64": Function(
        is_text,
        "every Fn::Base64 object must have a String-typed value.",
        lambda text, scope, place: base64.b64encode(text_of(text).encode()).decode(),
    ),
    "Fn::Cidr": Function(
        list_of(lambda block: block is _OPEN or isinstance(block, str), _is_integer, _is_integer, optional=1),
        "every Fn::Cidr object requires two or three parameters, an address block, the number of blocks, and the "
        "number of bits of each.",
        _cidr,
    ),
    "Fn::FindInMap": Function(
        list_of(is_text, is_text, is_text, lambda last: isinstance(last, dict) and "DefaultValue" in last, optional=1),
        "every Fn::FindInMap object requires three parameters, the map name, map key and the attribute for return "
        "value",
        _find_in_map,
    ),
    "Fn::GetAZs": Function(is_text, "every Fn::GetAZs object must have a String-typed value.", _zones),
    "Fn::GetAtt": Function(_is_attribute_reference, _GET_ATT_REFUSAL, _get_att, True),
    "Fn::If": Function(
        list_of(lambda name: isinstance(name, str), lambda _: True, lambda _: True),
        "Fn::If requires a list argument with three elements",
        _if,
        True,
    ),
    "Fn::ImportValue": Function(
        is_text,
        "the attribute in Fn::ImportValue must be a string or a function that returns a string",
        lambda name, scope, place: scope.import_value(text_of(name)),
    ),
    "Fn::Join": Function(
        list_of(lambda delimiter: isinstance(delimiter, str), is_texts),
        "every Fn::Join object requires two parameters, (1) a string delimiter and (2) a list of strings to be "
        "joined or a function that returns a list of strings (such as Fn::GetAZs) to be joined.",
        lambda argument, scope, place: argument[0].join(text_of(item) for item in argument[1]),
    ),
    "Fn::Length": Function(_is_list, "every Fn::Length object requires a list.", lambda items, *_: len(items)),
    "Fn::Select": Function(
        list_of(_is_integer, _is_list),
        "Fn::Select requires a list argument with two elements: an integer index and a list",
        _select,
    ),
    "Fn::Split": Function(
        list_of(lambda delimiter: isinstance(delimiter, str) and delimiter != "", is_text),
        "every Fn::Split object requires two parameters, (1) a string delimiter and (2) a string to be split or a "
        "function that returns a string to be split.",
        lambda argument, scope, place: text_of(argument[1]).split(argument[0]),
    ),
    "Fn::Sub": Function(_takes_sub, _SUB_REFUSAL, _sub, True),
    "Fn::ToJsonString": Function(
        lambda value: _is_list(value) or _is_map(value),
        "every Fn::ToJsonString object requires an object or a list.",
        lambda value, scope, place: json.dumps(value, separators=(",", ":")),
    ),
}

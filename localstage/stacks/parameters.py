"""A template's parameters: what was given, what defaults, and what may not be.

Values keep the type that intrinsic functions see: text, or a list of text for
the list types. Knows nothing of stacks; previous values are given to it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import regex

from localstage.stacks.errors import ValidationError

_PLAIN_TYPES = {"String", "Number", "List<Number>", "List<String>", "CommaDelimitedList"}
NO_ECHO = "****"
MAX_MATCHING_S = 1.0
"""How long an AllowedPattern may take; some take exponential time."""


def given_parameters(request: list[dict[str, Any]], previous: Mapping[str, str] | None = None) -> dict[str, str]:
    """The values of a request's parameter list, UsePreviousValue resolved.

    Raises:
        ValidationError: a previous value is asked for where there is none.
    """
    given: dict[str, str] = {}
    for parameter in request:
        key = parameter.get("ParameterKey")
        if key is None:
            raise ValidationError("Parameters: every parameter must have a ParameterKey")
        if _is_true(parameter.get("UsePreviousValue")):
            if previous is None or key not in previous:
                raise ValidationError(
                    f"Invalid input for parameter key {key}. Cannot specify usePreviousValue "
                    "as true for a parameter key not in the previous template"
                )
            given[key] = previous[key]
        elif "ParameterValue" not in parameter:
            raise ValidationError(
                f"Invalid input for parameter key {key}. Need to specify either "
                "usePreviousValue as true or a value for the parameter."
            )
        else:
            given[key] = str(parameter["ParameterValue"])
    return given


def parameter_texts(slots: Mapping[str, Any], given: Mapping[str, str]) -> dict[str, str]:
    """Each parameter's value as text: as given, or its default.

    Raises:
        ValidationError: values for parameters that the template does not have,
            parameters without a value, values that a constraint forbids.
    """
    unknown = [key for key in given if key not in slots]
    if unknown:
        raise ValidationError(f"Parameters: [{', '.join(unknown)}] do not exist in the template")
    texts = {
        key: given[key] if key in given else _text(slot["Default"])
        for key, slot in slots.items()
        if key in given or "Default" in slot
    }
    missing = [key for key in slots if key not in texts]
    if missing:
        raise ValidationError(f"Parameters: [{', '.join(missing)}] must have values")
    for key, text in texts.items():
        _check_constraints(key, slots[key], text)
    return texts


def parameter_values(
    slots: Mapping[str, Any], texts: Mapping[str, str], stored_value: Callable[[str], str]
) -> dict[str, Any]:
    """What ``Ref`` gives for each parameter; ``stored_value`` reads the SSM Parameter Store."""
    return {key: _value(slots[key], text, stored_value) for key, text in texts.items()}


def _value(slot: Mapping[str, Any], text: str, stored_value: Callable[[str], str]) -> Any:
    kind = slot.get("Type", "String")
    if kind.startswith("AWS::SSM::Parameter::Value<"):
        text = stored_value(text)
        kind = kind.removeprefix("AWS::SSM::Parameter::Value<").removesuffix(">")
    if kind == "CommaDelimitedList" or kind.startswith("List<"):
        return [item.strip() for item in text.split(",")] if text else []
    return text


def _check_constraints(key: str, slot: Mapping[str, Any], text: str) -> None:
    kind = slot["Type"]
    if kind not in _PLAIN_TYPES and not kind.startswith(("AWS::", "List<AWS::")):
        raise ValidationError(f"Template format error: Unrecognized parameter type: {kind}")
    allowed = [_text(value) for value in slot.get("AllowedValues", [])]
    if allowed:
        for item in text.split(",") if kind == "CommaDelimitedList" else [text]:
            if item.strip() not in allowed:
                raise _constraint(key, slot, f"must be one of [{', '.join(allowed)}]")
    pattern = slot.get("AllowedPattern")
    if pattern and not _matches(key, pattern, text):
        raise _constraint(key, slot, f"must match pattern {pattern}")
    if kind == "Number":
        _check_number(key, slot, text)
    elif "MinLength" in slot and len(text) < float(slot["MinLength"]):
        raise _constraint(key, slot, f"must contain at least {slot['MinLength']} characters")
    elif "MaxLength" in slot and len(text) > float(slot["MaxLength"]):
        raise _constraint(key, slot, f"must contain at most {slot['MaxLength']} characters")


def _matches(key: str, pattern: str, text: str) -> bool:
    try:
        return regex.fullmatch(pattern, text, timeout=MAX_MATCHING_S) is not None
    except regex.error:
        raise ValidationError(f"Template format error: Parameter {key}: AllowedPattern {pattern} is invalid.") from None
    except TimeoutError:
        raise ValidationError(
            f"Template format error: Parameter {key}: AllowedPattern {pattern} takes too long to match."
        ) from None


def _check_number(key: str, slot: Mapping[str, Any], text: str) -> None:
    try:
        number = float(text)
    except ValueError:
        raise ValidationError(f"Parameter '{key}' must be a number.") from None
    if "MinValue" in slot and number < float(slot["MinValue"]):
        raise _constraint(key, slot, f"must be a number not less than {slot['MinValue']}")
    if "MaxValue" in slot and number > float(slot["MaxValue"]):
        raise _constraint(key, slot, f"must be a number not greater than {slot['MaxValue']}")


def _constraint(key: str, slot: Mapping[str, Any], rule: str) -> ValidationError:
    if "ConstraintDescription" in slot:
        rule = slot["ConstraintDescription"]
        return ValidationError(f"Parameter {key} failed to satisfy constraint: {rule}")
    if rule.startswith("must be one of"):
        return ValidationError(f"Parameter '{key}' must be one of AllowedValues")
    return ValidationError(f"Parameter '{key}' {rule}")


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ",".join(_text(item) for item in value)
    return str(value)


def _is_true(flag: Any) -> bool:
    return flag is True or str(flag).lower() == "true"

"""A template's parameters: their values as given or by default, and which values may not be.

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


def parameter_texts(declarations: Mapping[str, Any], given: Mapping[str, str]) -> dict[str, str]:
    """Each parameter's value as text: as given, or its default.

    Raises:
        ValidationError: values for parameters that the template does not have,
            parameters without a value, values that a constraint forbids.
    """
    unknown = [key for key in given if key not in declarations]
    if unknown:
        raise ValidationError(f"Parameters: [{', '.join(unknown)}] do not exist in the template")
    texts = {
        key: given[key] if key in given else _text(declaration["Default"])
        for key, declaration in declarations.items()
        if key in given or "Default" in declaration
    }
    missing = [key for key in declarations if key not in texts]
    if missing:
        raise ValidationError(f"Parameters: [{', '.join(missing)}] must have values")
    for key, text in texts.items():
        _check_constraints(key, declarations[key], text)
    return texts


def parameter_values(
    declarations: Mapping[str, Any], texts: Mapping[str, str], stored_value: Callable[[str], str]
) -> dict[str, Any]:
    """What ``Ref`` gives for each parameter; ``stored_value`` reads the SSM Parameter Store."""
    return {key: _value(declarations[key], text, stored_value) for key, text in texts.items()}


def _value(declaration: Mapping[str, Any], text: str, stored_value: Callable[[str], str]) -> Any:
    kind = declaration.get("Type", "String")
    if kind.startswith("AWS::SSM::Parameter::Value<"):
        text = stored_value(text)
        kind = kind.removeprefix("AWS::SSM::Parameter::Value<").removesuffix(">")
    if kind == "CommaDelimitedList" or kind.startswith("List<"):
        return [item.strip() for item in text.split(",")] if text else []
    return text


def _check_constraints(key: str, declaration: Mapping[str, Any], text: str) -> None:
    kind = declaration["Type"]
    if kind not in _PLAIN_TYPES and not kind.startswith(("AWS::", "List<AWS::")):
        raise ValidationError(f"Template format error: Unrecognized parameter type: {kind}")
    allowed = [_text(value) for value in declaration.get("AllowedValues", [])]
    if allowed:
        for item in text.split(",") if kind == "CommaDelimitedList" else [text]:
            if item.strip() not in allowed:
                raise _constraint(key, declaration, f"must be one of [{', '.join(allowed)}]")
    pattern = declaration.get("AllowedPattern")
    if pattern and not _matches(key, pattern, text):
        raise _constraint(key, declaration, f"must match pattern {pattern}")
    if kind == "Number":
        _check_number(key, declaration, text)
    elif "MinLength" in declaration and len(text) < float(declaration["MinLength"]):
        raise _constraint(key, declaration, f"must contain at least {declaration['MinLength']} characters")
    elif "MaxLength" in declaration and len(text) > float(declaration["MaxLength"]):
        raise _constraint(key, declaration, f"must contain at most {declaration['MaxLength']} characters")


def _matches(key: str, pattern: str, text: str) -> bool:
    try:
        # concurrent: others go on meanwhile.
        return regex.fullmatch(pattern, text, timeout=MAX_MATCHING_S, concurrent=True) is not None
    except regex.error:
        raise ValidationError(f"Template format error: Parameter {key}: AllowedPattern {pattern} is invalid.") from None
    except TimeoutError:
        raise ValidationError(
            f"Template format error: Parameter {key}: AllowedPattern {pattern} takes too long to match."
        ) from None


def _check_number(key: str, declaration: Mapping[str, Any], text: str) -> None:
    try:
        number = float(text)
    except ValueError:
        raise ValidationError(f"Parameter '{key}' must be a number.") from None
    if "MinValue" in declaration and number < float(declaration["MinValue"]):
        raise _constraint(key, declaration, f"must be a number not less than {declaration['MinValue']}")
    if "MaxValue" in declaration and number > float(declaration["MaxValue"]):
        raise _constraint(key, declaration, f"must be a number not greater than {declaration['MaxValue']}")


def _constraint(key: str, declaration: Mapping[str, Any], rule: str) -> ValidationError:
    if "ConstraintDescription" in declaration:
        rule = declaration["ConstraintDescription"]
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

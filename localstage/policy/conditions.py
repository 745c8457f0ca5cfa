"""The Condition element: operators, set operators, ``IfExists`` and ``Null``.

AWS: IAM user guide, "Condition operators" and "Conditions with multiple context
keys or values". A block holds when each of its lines holds.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from localstage.policy.context import RequestContext
from localstage.policy.patterns import ArnText, Lookup, Text, as_list

Test = Callable[[str, Lookup], bool]
"""Whether one value of the request fits one value of the policy."""


class UnknownOperator(ValueError):
    """A condition operator that IAM does not have."""


@dataclass(frozen=True)
class Condition:
    """One line of a block: a key, an operator, and the values that fit."""

    key: str
    tests: tuple[Test, ...]
    negated: bool = False
    if_exists: bool = False
    quantifier: str = ""
    """"" or ``forallvalues`` or ``foranyvalue``."""
    written: str = ""
    """The key as the policy writes it."""

    def holds(self, context: RequestContext) -> bool:
        """Whether the request fits."""
        values = context.values(self.key)
        if not values:
            if self.quantifier == "foranyvalue":
                return self.if_exists
            return self.if_exists or self.negated or self.quantifier == "forallvalues"
        if self.quantifier == "forallvalues":
            return all(self._fits(value, context) for value in values)
        if self.negated and not self.quantifier:
            return all(self._fits(value, context) for value in values)
        return any(self._fits(value, context) for value in values)

    def _fits(self, value: str, context: RequestContext) -> bool:
        return any(test(value, context.single) for test in self.tests) is not self.negated


@dataclass(frozen=True)
class NullCondition:
    """``Null``: whether the key must be absent or present."""

    key: str
    absent: bool
    written: str = ""

    def holds(self, context: RequestContext) -> bool:
        """Whether the request fits."""
        return (not context.values(self.key)) is self.absent


def read_conditions(block: Mapping[str, Any], with_variables: bool) -> tuple[Condition | NullCondition, ...]:
    """The lines of a Condition element. Raises UnknownOperator."""
    return tuple(
        _read(operator, key, as_list(wanted), with_variables)
        for operator, keys in block.items()
        for key, wanted in keys.items()
    )


def _read(operator: str, key: str, wanted: list[Any], with_variables: bool) -> Condition | NullCondition:
    name = operator.lower()
    quantifier = ""
    if ":" in name:
        quantifier, _, name = name.partition(":")
    if_exists = name.endswith("ifexists")
    name = name.removesuffix("ifexists")
    values = [_as_text(value) for value in wanted]
    if name == "null" and not quantifier:
        return NullCondition(key.lower(), values[0].lower() == "true", key)
    negated = "not" in name
    make = _OPERATORS.get(name.replace("not", "", 1) if negated else name)
    if make is None or quantifier not in ("", "forallvalues", "foranyvalue") or (negated and name not in _NEGATED):
        raise UnknownOperator(operator)
    tests = tuple(make(value, with_variables) for value in values)
    return Condition(key.lower(), tests, negated, if_exists, quantifier, key)


def _as_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _string_equals(wanted: str, with_variables: bool) -> Test:
    return Text(wanted, with_variables, wildcards=False).matches


def _string_like(wanted: str, with_variables: bool) -> Test:
    return Text(wanted, with_variables).matches


def _string_equals_ignore_case(wanted: str, with_variables: bool) -> Test:
    text = Text(wanted, with_variables)

    def test(value: str, lookup: Lookup) -> bool:
        filled = text.filled(lookup)
        return filled is not None and filled.lower() == value.lower()

    return test


def _arn_like(wanted: str, with_variables: bool) -> Test:
    return ArnText(wanted, with_variables).matches


def _bool(wanted: str, with_variables: bool) -> Test:
    return lambda value, _: value.lower() == wanted.lower()


def _binary(wanted: str, with_variables: bool) -> Test:
    return lambda value, _: _decoded(value) is not None and _decoded(value) == _decoded(wanted)


def _decoded(value: str) -> bytes | None:
    try:
        return base64.b64decode(value, validate=True)
    except binascii.Error:
        return None


def _ip(wanted: str, with_variables: bool) -> Test:
    network = ipaddress.ip_network(wanted, strict=False)

    def test(value: str, _: Lookup) -> bool:
        try:
            return ipaddress.ip_address(value) in network
        except ValueError:
            return False

    return test


def _compared(read: Callable[[str], float], compare: Callable[[float, float], bool]) -> Callable[[str, bool], Test]:
    def make(wanted: str, with_variables: bool) -> Test:
        bound = read(wanted)

        def test(value: str, _: Lookup) -> bool:
            try:
                return compare(read(value), bound)
            except ValueError:
                return False

        return test

    return make


def _seconds(value: str) -> float:
    """A moment as seconds since 1970: the W3C's form of ISO 8601, or the number itself."""
    try:
        return float(value)
    except ValueError:
        moment = datetime.fromisoformat(value)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "equals": lambda a, b: a == b,
    "lessthan": lambda a, b: a < b,
    "lessthanequals": lambda a, b: a <= b,
    "greaterthan": lambda a, b: a > b,
    "greaterthanequals": lambda a, b: a >= b,
}
_OPERATORS: dict[str, Callable[[str, bool], Test]] = {
    "stringequals": _string_equals,
    "stringequalsignorecase": _string_equals_ignore_case,
    "stringlike": _string_like,
    "arnequals": _arn_like,
    "arnlike": _arn_like,
    "bool": _bool,
    "binaryequals": _binary,
    "ipaddress": _ip,
    **{f"numeric{name}": _compared(float, compare) for name, compare in _COMPARISONS.items()},
    **{f"date{name}": _compared(_seconds, compare) for name, compare in _COMPARISONS.items()},
}
_NEGATED = frozenset(
    {
        "stringnotequals",
        "stringnotequalsignorecase",
        "stringnotlike",
        "arnnotequals",
        "arnnotlike",
        "notipaddress",
        "numericnotequals",
        "datenotequals",
    }
)

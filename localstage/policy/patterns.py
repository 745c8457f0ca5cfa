"""IAM's wildcards and policy variables, and ARNs that are matched field by field.

AWS: IAM user guide, "Policy elements: Resource", "Policy variables", "ARN
condition operators". Knows no policy document. Whatever a pattern is, matching it
takes time that grows with its length times the value's: what one asterisk has
taken is not tried anew for the next.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

Lookup = Callable[[str], str | None]
"""The value of a condition key in the request, None where it has none or several."""

_VARIABLE = re.compile(r"\$\{([^{}]*)\}")
_DEFAULT = re.compile(r"^([^,]+?)\s*,\s*'(.*)'$")
_LITERALS = {"*": "*", "?": "?", "$": "$"}
_ARN_FIELDS = 6


class Text:
    """A value of a policy: plain text, or with variables that each request fills."""

    def __init__(self, value: str, with_variables: bool, wildcards: bool = True):
        self._wildcards = wildcards
        self._pieces = _pieces(value) if with_variables and "${" in value else [value]
        self._plain = self._expression(None) if len(self._pieces) == 1 else None

    def matches(self, value: str, lookup: Lookup) -> bool:
        """Whether a value is this text; a variable without a value matches nothing."""
        expression = self._plain or self._expression(lookup)
        return expression is not None and expression.fullmatch(value) is not None

    def filled(self, lookup: Lookup) -> str | None:
        """The text with its variables filled, None if one has no value."""
        parts = [piece if isinstance(piece, str) else piece.value(lookup) for piece in self._pieces]
        return None if None in parts else "".join(part for part in parts if part is not None)

    def _expression(self, lookup: Lookup | None) -> re.Pattern[str] | None:
        characters: list[str] = []
        for piece in self._pieces:
            if isinstance(piece, str):
                characters += map(_wildcard if self._wildcards else re.escape, piece)
                continue
            value = piece.value(lookup) if lookup is not None else None
            if value is None:
                return None
            characters += map(re.escape, value)  # What a variable brings in is never a wildcard.
        return re.compile(_expression_of(characters), re.DOTALL)


class ArnText:
    """An ARN with wildcards: each of the six fields is matched by itself; ``*`` alone is everything.

    A pattern with fewer fields is filled up with ``*``, as the guide says.
    """

    def __init__(self, value: str, with_variables: bool):
        fields = value.split(":", _ARN_FIELDS - 1)
        self._all = value == "*"
        self._fields = [Text(field, with_variables) for field in fields]
        self._fixed = None if any(c in value for c in "*?$") or len(fields) < _ARN_FIELDS else value

    def matches(self, value: str, lookup: Lookup) -> bool:
        """Whether an ARN is one of those meant."""
        if self._all:
            return True
        if self._fixed is not None:
            return value == self._fixed
        fields = value.split(":", _ARN_FIELDS - 1)
        if len(fields) < _ARN_FIELDS:
            return False
        return all(pattern.matches(field, lookup) for pattern, field in zip(self._fields, fields, strict=False))


class ActionNames:
    """Names of actions with wildcards, in any case of letters."""

    def __init__(self, names: list[str]):
        lowered = [name.lower() for name in names]
        self._exact = frozenset(name for name in lowered if not ("*" in name or "?" in name))
        globs = [_expression_of(map(_wildcard, name)) for name in lowered if name not in self._exact]
        self._globs = re.compile("|".join(globs), re.DOTALL) if globs else None

    def include(self, action: str) -> bool:
        """Whether an action is among them."""
        lowered = action.lower()
        return lowered in self._exact or (self._globs is not None and self._globs.fullmatch(lowered) is not None)


class _Variable:
    """``${key}`` or ``${key, 'default'}``."""

    def __init__(self, inner: str):
        default = _DEFAULT.match(inner)
        self._key = (default.group(1) if default else inner).strip().lower()
        self._default = default.group(2) if default else None

    def value(self, lookup: Lookup) -> str | None:
        found = lookup(self._key)
        return self._default if found is None else found


def _pieces(value: str) -> list[str | _Variable]:
    """Text and variables in turn; ``${*}``, ``${?}`` and ``${$}`` stand for the character itself."""
    pieces: list[str | _Variable] = []
    end = 0
    for match in _VARIABLE.finditer(value):
        pieces.append(value[end : match.start()])
        inner = match.group(1)
        pieces.append(_Literal(_LITERALS[inner]) if inner in _LITERALS else _Variable(inner))
        end = match.end()
    return [*pieces, value[end:]]


class _Literal(_Variable):
    """A character that would mean something else."""

    def __init__(self, character: str):
        self._character = character

    def value(self, lookup: Lookup) -> str | None:
        return self._character


def as_list(element: Any) -> list[Any]:
    """An element of a policy that may be one value or a list of them, as a list; of one that is absent, none."""
    return [] if element is None else element if isinstance(element, list) else [element]


_ANY = ".*"


def _wildcard(character: str) -> str:
    return _ANY if character == "*" else "." if character == "?" else re.escape(character)


def _expression_of(characters: Iterable[str]) -> str:
    """A regular expression of single characters and asterisks, which does not go back further than one asterisk.

    Between two asterisks the first place that fits is as good as any later one.
    """
    between = [""]
    for character in characters:
        if character == _ANY:
            between.append("")
        else:
            between[-1] += character
    first, *middle, last = between if len(between) > 1 else [*between, ""]
    fixed = "".join(f"(?>.*?{part})" for part in middle if part)
    return first + fixed + (_ANY if len(between) > 1 else "") + last

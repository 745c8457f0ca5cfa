"""The request context: what a policy's conditions and variables can ask about a call."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

Value = str | Sequence[str] | Callable[[], Sequence[str]]
"""One value, several, or what gives them when a policy asks."""


class RequestContext:
    """Condition keys, in any case of letters, and their values. Never changed once made."""

    def __init__(self, *layers: Mapping[str, Value]):
        self._values: dict[str, Value] = {}
        for layer in layers:
            for key, value in layer.items():
                self._values[key.lower()] = value

    def with_(self, more: Mapping[str, Value]) -> RequestContext:
        """This context and more keys."""
        return RequestContext(self._values, more) if more else self

    def values(self, key: str) -> Sequence[str]:
        """The key's values, none if the request has no such key; ``key`` in lower case."""
        value = self._values.get(key, ())
        if callable(value):
            value = value()
        return (value,) if isinstance(value, str) else value

    def single(self, key: str) -> str | None:
        """The value of a key that has exactly one, as policy variables need it."""
        values = self.values(key)
        return values[0] if len(values) == 1 else None

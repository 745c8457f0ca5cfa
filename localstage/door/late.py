"""Two notions of time: a value whose changes are seen late, and names that are not ready yet.

Everything takes ``now``, in seconds of one monotonic clock. What is replaced
is replaced whole, so another thread may ask while the owner changes it.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

T = TypeVar("T")
Name = TypeVar("Name", bound=Hashable)


class Late(Generic[T]):
    """A value of which others see each change some time after it was made."""

    def __init__(self, first: T):
        self._seen = first
        self._coming: tuple[tuple[float, T], ...] = ()

    def change(self, value: T, due: float) -> None:
        """The value changes; others see it from ``due`` on. ``due`` must not go back from call to call."""
        self._coming = (*self._coming, (due, value))

    def seen(self, now: float) -> T:
        """What others see."""
        come = [value for due, value in self._coming if due <= now]
        return come[-1] if come else self._seen

    def forget_past(self, now: float) -> None:
        """Drops what nobody sees any more. Only the owner may call this."""
        self._seen, self._coming = self.seen(now), tuple(entry for entry in self._coming if entry[0] > now)

    def settled(self, now: float) -> bool:
        """Whether the last change is seen."""
        return all(due <= now for due, _ in self._coming)


class Underway(Generic[Name]):
    """Names of what is being worked on, each until a time."""

    def __init__(self) -> None:
        self._until: dict[Name, float] = {}

    def begin(self, name: Name, until: float) -> None:
        """Work on ``name`` lasts until then."""
        self._until[name] = until

    def has(self, name: Name, now: float) -> bool:
        """Whether work on ``name`` is going on."""
        return now < self._until.get(name, now)

    def forget(self, name: Name) -> None:
        """Work on ``name`` has ended, if there was any."""
        self._until.pop(name, None)

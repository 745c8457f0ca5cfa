"""Waiting for what happens after an answer, with a deadline that says what it waited for."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from threading import Event
from typing import TypeVar

T = TypeVar("T")

_WITHIN_S = float(os.environ.get("CHAT_PATIENCE_S", "90"))
_PAUSE_S = 0.05


def eventually(look: Callable[[], T], is_there: Callable[[T], bool], what: str, within_s: float = _WITHIN_S) -> T:
    """Looks until what is seen satisfies; returns it. Raises AssertionError with what was waited for."""
    deadline = time.monotonic() + within_s
    never = Event()
    while True:
        seen = look()
        if is_there(seen):
            return seen
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {within_s:.0f} s for {what}; last seen: {seen!r}")
        never.wait(_PAUSE_S)

"""What a stage at AWS's pace does later, on the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from localstage.clock import Clock, Timer


class Agenda:
    """Calls that are due later, all of which can be taken back. ``begin`` must come first; any thread may add."""

    def __init__(self, clock: Clock):
        self._clock = clock
        self._timers: set[Timer] = set()
        self._loop: asyncio.AbstractEventLoop | None = None

    def begin(self, loop: asyncio.AbstractEventLoop) -> None:
        """Names the event loop on which time passes."""
        self._loop = loop

    def after(self, delay_s: float, callback: Callable[[], None]) -> None:
        """Calls ``callback`` on the event loop after ``delay_s`` seconds, unless it is taken back before."""
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._set, delay_s, callback)

    def take_back(self) -> None:
        """Takes back everything that is not done yet; what was added before this does not happen."""
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self.clear)

    def clear(self) -> None:
        """``take_back``, at once, on the event loop."""
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()

    def _set(self, delay_s: float, callback: Callable[[], None]) -> None:
        def due() -> None:
            self._timers.discard(timer)
            callback()

        timer = self._clock.call_later(delay_s, due)
        self._timers.add(timer)

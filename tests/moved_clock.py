"""Clocks of tests: one that a test moves, so that nothing is due before the test says so, and one that stands still."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Iterator

from localstage.clock import SystemClock

_STEPS_PER_S = 2**20


class StandingClock(SystemClock):
    """No time passes between two things, however busy the machine is; what is due later comes as ever."""

    def monotonic(self) -> float:
        return 0.0


class MovedTimer:
    """A call that is due later."""

    def __init__(self, callback: Callable[[], None]):
        self.callback = callback

    def cancel(self) -> None:
        """Takes the call back."""
        self.callback = lambda: None


class MovedClock:
    """Begins at 1,000 seconds.

    Its times are whole steps of 2**-20 seconds, which floats add without
    rounding: 599 seconds and one more are 600, at whatever time they begin. With
    other times a limit may be missed by the last bit of a float.
    """

    def __init__(self) -> None:
        self.seconds = 1_000.0
        self._due: list[tuple[float, int, MovedTimer]] = []
        self._order = itertools.count()

    def now_ms(self) -> int:
        return int(self.seconds * 1000)

    def monotonic(self) -> float:
        return self.seconds

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> MovedTimer:
        timer = MovedTimer(callback)
        heapq.heappush(self._due, (self.seconds + _in_steps(delay_s), next(self._order), timer))
        return timer

    def moving(self, seconds: float) -> Iterator[None]:
        """Moves the time; gives its caller a turn after each thing that was due. Must be driven to its end."""
        end = self.seconds + _in_steps(seconds)
        while self._due and self._due[0][0] <= end:
            self.seconds, _, timer = heapq.heappop(self._due)
            timer.callback()
            yield
        self.seconds = end

    def move(self, seconds: float) -> None:
        """Moves the time; all that was due has happened then."""
        for _ in self.moving(seconds):
            pass


def _in_steps(seconds: float) -> float:
    return round(seconds * _STEPS_PER_S) / _STEPS_PER_S

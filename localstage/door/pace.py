"""AWS's pace for one account: throttling now and then, and what is not ready at once.

The one owner of what the account's callers are still waiting for. Which calls
of a service it changes, and into what, is in the rooms' ``pace`` modules; how
long everything takes is in delays.py.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from random import Random

from localstage.clock import Clock, Timer
from localstage.door.call import Answer, AwsCall
from localstage.door.refusal import Refusal
from localstage.door.rooms import NO_ROOM, Rooms

_FIRST_CALM = (6, 12)
_CALM = (14, 30)
_LONGEST_BURST = 2
_THROTTLED = {
    # AWS: API Gateway v2 API reference, TooManyRequestsException; aws-sdk-js#1014 and
    # serverless-components/aws-api-gateway#8 have the text.
    "apigateway": ("TooManyRequestsException", "Too Many Requests", 429),
    # AWS: Lambda API reference, TooManyRequestsException.
    "lambda": ("TooManyRequestsException", "Rate exceeded", 429),
    # AWS: query services, common errors; terraform-provider-aws#5171 has the text.
    "cloudformation": ("Throttling", "Rate exceeded", 400),
    "iam": ("Throttling", "Rate exceeded", 400),
    # AWS: CloudWatch Logs API reference, common errors.
    "logs": ("ThrottlingException", "Rate exceeded", 400),
}
_NOT_THROTTLED = ("PutLogEvents", "CreateDeployment")
"""What functions do all the time, and what has a rate of its own that alone may use up the retries."""


def throttled(service: str) -> Refusal:
    """The answer of a service, by the name that it is signed for, to a call that comes too soon."""
    return Refusal(*_THROTTLED[service])


class Pace:
    """Nothing is throttled, and everything is done when it is answered."""

    def refusal(self, call: AwsCall) -> Refusal | None:
        """What AWS answers instead of doing the call; None when it does it. On the account thread."""
        return None

    def answer(self, call: AwsCall, proceed: Callable[[], Answer]) -> Answer:
        """The call's answer as AWS would give it now; ``proceed`` does the call. On the account thread."""
        return proceed()


class AwsPace(Pace):
    """What the rooms' paces make of each call."""

    def __init__(self, clock: Clock, rooms: Rooms, emptied: Callable[[], None]):
        """``emptied`` is called when the account has been reset."""
        self._clock = clock
        self._rooms = rooms
        self._emptied = emptied
        self._throttling = Throttling()

    def refusal(self, call: AwsCall) -> Refusal | None:
        refused = self._throttling.refusal(call)
        pace = self._rooms.get(call.service, NO_ROOM).pace
        return refused or (pace.refusal(call, self._clock.monotonic()) if pace is not None else None)

    def answer(self, call: AwsCall, proceed: Callable[[], Answer]) -> Answer:
        if call.backend == "moto_api" and call.path.startswith("/moto-api/reset"):
            self._forget()
            return proceed()
        pace = self._rooms.get(call.service, NO_ROOM).pace
        return pace.answer(call, self._clock.monotonic(), proceed) if pace is not None else proceed()

    def _forget(self) -> None:
        self._throttling = Throttling()
        for room in self._rooms.values():
            if room.pace is not None:
                room.pace.forget()
        self._emptied()


class Throttling:
    """Refuses control-plane calls now and then, the same in every run: each service has a seed of its own.

    A burst refuses one or two calls of a service in a row, so that boto3's default
    two retries absorb it and a program without retries fails.
    """

    def __init__(self) -> None:
        self._counters: dict[str, _Counter] = {}

    def refusal(self, call: AwsCall) -> Refusal | None:
        """The answer to a call that is throttled, None for one that passes."""
        if call.service not in _THROTTLED or call.operation in _NOT_THROTTLED:
            return None
        counter = self._counters.setdefault(call.service, _Counter(Random(call.service)))
        return throttled(call.service) if counter.next_is_refused() else None


class _Counter:
    """Bursts and the calm between them, for one service."""

    def __init__(self, random: Random):
        self._random = random
        self._calm = random.randint(*_FIRST_CALM)
        self._burst = 0

    def next_is_refused(self) -> bool:
        if self._burst == 0 and self._calm == 0:
            self._burst = self._random.randint(1, _LONGEST_BURST)
            self._calm = self._random.randint(*_CALM)
        if self._burst > 0:
            self._burst -= 1
            return True
        self._calm -= 1
        return False


class Timers:
    """What happens later, on the event loop, all of which can be taken back.

    ``begin`` must come first; any thread may add.
    """

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

"""Invocations of type Event: accepted at once, run in the background, tried again after a function error.

Does not know execution environments; it is given the coroutine that invokes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from localstage.clock import Clock
from localstage.functions.definition import FunctionDefinition
from localstage.functions.invocation import InvocationRefused, InvocationResult, TooManyRequests, new_request_id

_THROTTLED_DELAY_S = 1.0
"""AWS: Lambda developer guide, asynchronous invocation: a throttled event is tried again after 1 s at first."""


class Invoke(Protocol):
    """Runs one invocation to its end. Raises InvocationRefused."""

    async def __call__(
        self, definition: FunctionDefinition, payload: bytes, *, request_id: str
    ) -> InvocationResult: ...


class EventQueue:
    """The events that are not finished yet. ``stop`` drops them.

    ``retry_delays_s`` are the waits before the second, the third … attempt.
    """

    def __init__(self, invoke: Invoke, retry_delays_s: tuple[float, ...], clock: Clock) -> None:
        self._invoke = invoke
        self._retry_delays_s = retry_delays_s
        self._clock = clock
        self._deliveries: set[asyncio.Task[None]] = set()

    def accept(self, definition_of: Callable[[], FunctionDefinition | None], payload: bytes) -> str:
        """Takes an event; returns its request id, which all attempts share."""
        request_id = new_request_id()
        delivery = asyncio.get_running_loop().create_task(self._deliver(definition_of, payload, request_id))
        self._deliveries.add(delivery)
        delivery.add_done_callback(self._deliveries.discard)
        return request_id

    async def stop(self) -> None:
        """Drops what is not delivered; returns when no task is left."""
        deliveries = list(self._deliveries)
        for delivery in deliveries:
            delivery.cancel()
        await asyncio.gather(*deliveries, return_exceptions=True)

    async def _deliver(
        self, definition_of: Callable[[], FunctionDefinition | None], payload: bytes, request_id: str
    ) -> None:
        failures = 0
        while True:
            try:
                definition = definition_of()
                if definition is None:
                    return  # the function was deleted: AWS drops its events
                result = await self._invoke(definition, payload, request_id=request_id)
            except TooManyRequests:
                await self._pass(_THROTTLED_DELAY_S)  # no attempt: the function did not run
                continue
            except InvocationRefused:
                return  # another attempt would be refused as well
            if result.function_error is None or failures >= min(definition.event_retries, len(self._retry_delays_s)):
                return
            await self._pass(self._retry_delays_s[failures])
            failures += 1

    async def _pass(self, delay_s: float) -> None:
        passed = asyncio.Event()
        timer = self._clock.call_later(delay_s, passed.set)
        try:
            await passed.wait()
        finally:
            timer.cancel()

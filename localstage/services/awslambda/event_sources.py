"""Event source mappings: queues whose messages invoke a function, in batches.

``EventSources`` is their one owner, on the event loop. It does not ask queues now and then: the account thread tells
when something of SQS has changed, and a batch that was taken says when a hidden message can be seen again.
AWS: Lambda developer guide, "Using Lambda with Amazon SQS" (FIDELITY section 9).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any

from localstage.clock import Clock, Timer
from localstage.core.strict_json import read_json
from localstage.door.account_thread import AccountThread
from localstage.door.refusal import Refusal
from localstage.functions.definition import FunctionDefinition
from localstage.functions.invocation import InvocationRefused, StageStopping
from localstage.functions.service import Functions
from localstage.services.awslambda.directory import FunctionDirectory

CONCURRENT = 5
"""AWS: how many batches of a queue are worked on at once in the beginning; it does not grow here."""
_AGAIN_S = 1.0


@dataclass(frozen=True)
class EventSource:
    """One mapping that is enabled."""

    uuid: str
    queue_arn: str
    function_arn: str
    """As it was named: with a qualifier or without."""
    batch_size: int
    window_s: int
    reports_failures: bool
    concurrent: int
    visibility_timeout_s: int


@dataclass(frozen=True)
class Batch:
    """What is there for a function."""

    records: tuple[dict[str, Any], ...] = ()
    """The event's Records; those messages are hidden in the queue from now on."""
    gathering: bool = False
    """Messages are there, and more may come before the function is invoked."""
    more_in_s: float | None = None
    """When a message that is hidden or delayed can be seen again; None if there is none."""


@dataclass(frozen=True)
class Queues:
    """What is asked of queues, on the account thread."""

    take: Callable[[str, int, bool], Batch]
    """The queue's ARN, the size of a batch, and whether to wait for more."""
    delete: Callable[[str, list[str]], None]
    """The queue's ARN, and receipt handles."""


class EventSources:
    """Invokes functions with what comes into their queues. ``functions`` must be set before the first mapping."""

    functions: Functions | None = None

    def __init__(self, directory: FunctionDirectory, queues: Queues, thread: AccountThread, clock: Clock):
        self.directory = directory
        self.queues = queues
        self.thread = thread
        self.clock = clock
        self._pollers: dict[str, _Poller] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def take(self, sources: Mapping[str, EventSource]) -> None:
        """These are all mappings now, by UUID."""
        for uuid in [uuid for uuid, poller in self._pollers.items() if sources.get(uuid) != poller.source]:
            self._pollers.pop(uuid).end()
        for uuid, source in sources.items():
            if uuid not in self._pollers:
                self._pollers[uuid] = _Poller(source, self)
        self.wake()

    def wake(self) -> None:
        """Something of SQS may have changed."""
        for poller in self._pollers.values():
            poller.wake()

    def begin(self, work: Coroutine[Any, Any, None]) -> None:
        """Runs something until it is done, or all ends."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def stop(self) -> None:
        """Ends everything."""
        self.take({})
        for task in self._tasks:
            task.cancel()


class _Poller:
    """One mapping at work."""

    def __init__(self, source: EventSource, owner: EventSources):
        self.source = source
        self._owner = owner
        self._ended = self._looks = self._look_again = False
        self._batches = 0
        self._timer: Timer | None = None
        self._window: Timer | None = None
        self._window_is_over = False

    def end(self) -> None:
        """No further batch is taken; those that are under way come to their end."""
        self._ended = True
        for timer in (self._timer, self._window):
            if timer is not None:
                timer.cancel()

    def wake(self) -> None:
        """Looks into the queue, now or when the look that is under way has ended."""
        self._look_again = True
        if not self._looks and not self._ended:
            self._looks = True
            self._owner.begin(self._look())

    async def _look(self) -> None:
        try:
            while self._look_again and not self._ended and self._batches < self.source.concurrent:
                self._look_again = False
                await self._take()
        except Refusal:
            # The account was busy with something else for very long.
            self._timer = self._owner.clock.call_later(_AGAIN_S, self.wake)
        finally:
            self._looks = False

    async def _take(self) -> None:
        source, queues = self.source, self._owner.queues
        wait = source.window_s > 0 and not self._window_is_over
        batch = await self._owner.thread.run(lambda: queues.take(source.queue_arn, source.batch_size, wait))
        if batch.gathering:
            if self._window is None:
                self._window = self._owner.clock.call_later(source.window_s, self._close_window)
        elif self._window is not None:
            self._window.cancel()
            self._window, self._window_is_over = None, False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if batch.more_in_s is not None and not self._ended:
            self._timer = self._owner.clock.call_later(batch.more_in_s, self.wake)
        if batch.records:
            self._batches += 1
            self._look_again = True
            self._owner.begin(self._work_on(batch.records))

    def _close_window(self) -> None:
        self._window_is_over = True
        self.wake()

    async def _work_on(self, records: tuple[dict[str, Any], ...]) -> None:
        try:
            done = await self._invoke(records)
            handles = [record["receiptHandle"] for record in records if record["messageId"] in done]
            if handles:
                await self._owner.thread.run(lambda: self._owner.queues.delete(self.source.queue_arn, handles))
        except StageStopping:
            self._ended = True
        finally:
            self._batches -= 1
            self.wake()

    async def _invoke(self, records: tuple[dict[str, Any], ...]) -> set[str]:
        """Invokes the function; the ids of the messages that it is done with. Raises StageStopping."""
        functions, clock = self._owner.functions, self._owner.clock
        assert functions is not None, "who runs functions must be named before the first mapping"
        payload = json.dumps({"Records": records}).encode()
        until = clock.monotonic() + self.source.visibility_timeout_s
        while True:
            try:
                definition = self._definition()
                if definition is None:
                    return set()
                result = await functions.invoke(definition, payload)
                break
            except StageStopping:
                raise
            except InvocationRefused:
                # AWS: an invocation that is throttled is tried again until the messages are seen in the queue again.
                if clock.monotonic() + _AGAIN_S >= until or self._ended:
                    return set()
                await self._pause(_AGAIN_S)
        if result.function_error:
            return set()
        ids = {str(record["messageId"]) for record in records}
        return ids - failed_ids(result.payload, ids) if self.source.reports_failures else ids

    def _definition(self) -> FunctionDefinition | None:
        return self._owner.directory.function(self.source.function_arn)

    async def _pause(self, seconds: float) -> None:
        over = asyncio.Event()
        self._owner.clock.call_later(seconds, over.set)
        await over.wait()


def failed_ids(payload: bytes, ids: set[str]) -> set[str]:
    """The messages of a batch that failed, by a function's answer: its ``batchItemFailures``.

    AWS: Lambda developer guide, "Implementing partial batch responses": nothing, null or an empty list is a success
    of all; an identifier that is empty, misspelt or none of the batch is a failure of all.
    """
    try:
        answer = read_json(payload)
    except ValueError:
        return ids
    if not isinstance(answer, dict):
        return set()  # Guess (Queues that invoke functions): text and numbers, of which the guide says nothing.
    failures = answer.get("batchItemFailures") or []
    if not isinstance(failures, list):
        return ids
    failed = {str(failure.get("itemIdentifier")) if isinstance(failure, dict) else "" for failure in failures}
    return ids if failed - ids else failed

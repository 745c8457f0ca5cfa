"""The one thread on which moto runs: one piece of work after the other, none of them without an end.

moto's backends are not written for threads, so one thread owns them, and what
holds it holds everybody. So work that takes too long is interrupted, whoever
waits is told which work it was, and the end of the process waits for nothing.
Does not know what the work is.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from queue import SimpleQueue
from threading import Lock, Thread
from typing import Any, TypeVar

from localstage.door.refusal import Refusal

T = TypeVar("T")

log = logging.getLogger(__name__)

LIMIT_S = 45.0
"""How long one piece of work may take: less than the 60 seconds for which boto3 waits for an answer."""
GRACE_S = 5.0
"""How long interrupted work may take to come to its end before those who wait are answered."""
_LOOK_EVERY_S = 1.0
_STOP_WITHIN_S = 2.0


class TookTooLong(Exception):
    """Raised in the middle of work that has taken too long."""

    def __init__(self) -> None:
        super().__init__("it took too long and was interrupted")


class CallTookTooLong(Refusal):
    """The answer to a call that was interrupted."""

    def __init__(self, name: str, seconds: float):
        super().__init__(
            "CallTookTooLong",
            f"localstage interrupted {name} after {seconds:g} seconds, since calls are done one at a time "
            "and all others waited for it. What it had done until then is done.",
        )


class AccountBusy(Refusal):
    """The answer to a call that waited for one that cannot be interrupted."""

    def __init__(self, name: str, seconds: float):
        super().__init__(
            "AccountBusy",
            f"localstage did not begin this call: it has been at {name} for more than {seconds:g} seconds "
            "and cannot interrupt it. Restart localstage.",
        )


@dataclass(eq=False)
class _Work:
    """One piece of work, and who waits for it."""

    do: Callable[[], Any]
    name: Callable[[], str]
    result: asyncio.Future[Any]
    limit_s: float
    next_interruption_s: float = 0.0
    was_interrupted: bool = False
    dropped: bool = False
    """Nobody waits for it any more."""


class AccountThread:
    """Runs what it is given, in that order. ``stop`` must be called in the end."""

    def __init__(self, limit_s: float = LIMIT_S, grace_s: float = GRACE_S, look_every_s: float = _LOOK_EVERY_S) -> None:
        self._limit_s = limit_s
        self._grace_s = grace_s
        self._look_every_s = look_every_s
        self._queue: SimpleQueue[_Work | None] = SimpleQueue()
        self._waiting: dict[_Work, None] = {}
        self._current: _Work | None = None
        self._lock = Lock()
        """Held while the thread takes up or puts down work, and while it is interrupted."""
        self._thread: Thread | None = None
        self._watched_by: asyncio.AbstractEventLoop | None = None
        self._stopped = False

    async def run(
        self, work: Callable[[], T], name: Callable[[], str] = lambda: "work of its own", limit_s: float | None = None
    ) -> T:
        """Runs ``work`` after what was asked before, and returns its result; ``name`` is for those who wait for it.

        Raises CallTookTooLong, AccountBusy.
        """
        if self._stopped:
            raise RuntimeError("the account's thread has ended")
        if self._thread is None:
            self._thread = Thread(target=self._serve, name="account", daemon=True)
            self._thread.start()
        loop = asyncio.get_running_loop()
        asked = _Work(work, name, loop.create_future(), self._limit_s if limit_s is None else limit_s)
        self._waiting[asked] = None
        self._queue.put(asked)
        if self._watched_by is not loop:
            self._watched_by = loop
            loop.call_later(self._look_every_s, self._watch, loop)
        try:
            return await asked.result
        finally:
            asked.dropped = True
            self._waiting.pop(asked, None)

    def stop(self) -> None:
        """Drops what waits and ends the thread; one that cannot be ended holds up neither this nor the process."""
        self._stopped = True
        for asked in list(self._waiting):
            asked.dropped = True
            asked.result.cancel()
        self._queue.put(None)
        if self._thread is None:
            return
        self._thread.join(_STOP_WITHIN_S)
        if self._thread.is_alive():
            self._interrupt()
            self._thread.join(_STOP_WITHIN_S)

    def _serve(self) -> None:
        while (asked := self._queue.get()) is not None:
            if asked.dropped:
                continue
            result, error = self._do(asked)
            try:
                asked.result.get_loop().call_soon_threadsafe(_conclude, asked, result, error)
            except RuntimeError:
                return  # The event loop is closed: nobody waits any more.

    def _do(self, asked: _Work) -> tuple[Any, BaseException | None]:
        try:
            with self._lock:
                asked.next_interruption_s = time.monotonic() + asked.limit_s
                self._current = asked
            try:
                return asked.do(), None
            finally:
                self._put_down()
        except TookTooLong:
            return None, CallTookTooLong(asked.name(), asked.limit_s)
        except BaseException as error:  # Whoever waits for it gets it.
            return None, error

    def _put_down(self) -> None:
        """The work is done: from now on nothing interrupts it, nor what comes next."""
        while True:
            try:
                with self._lock:
                    done, self._current = self._current, None
                    if done is not None and done.was_interrupted:
                        _raise_in(self._thread, None)
                    return
            except TookTooLong:  # The interruption was on its way.
                continue

    def _watch(self, loop: asyncio.AbstractEventLoop) -> None:
        """Looks now and then, as long as somebody waits or the thread is busy, whether its work takes too long."""
        current = self._current
        if self._stopped or (current is None and not self._waiting):
            self._watched_by = None
            return
        loop.call_later(self._look_every_s, self._watch, loop)
        now_s = time.monotonic()
        if current is None or now_s < current.next_interruption_s:
            return
        if current.was_interrupted:
            self._answer_all(current)
        log.warning("%s takes too long and is interrupted", current.name())
        current.next_interruption_s = now_s + self._grace_s
        self._interrupt(current)

    def _answer_all(self, current: _Work) -> None:
        """The work does not come to an end: whoever waits is told."""
        name = current.name()
        for asked in list(self._waiting):
            own = asked is current
            asked.dropped = True
            _conclude(asked, None, (CallTookTooLong if own else AccountBusy)(name, current.limit_s))

    def _interrupt(self, work: _Work | None = None) -> None:
        """Raises TookTooLong in the thread's work, or in this very work if it is still at that."""
        with self._lock:
            if self._current is not None and work in (None, self._current):
                self._current.was_interrupted = True
                _raise_in(self._thread, TookTooLong)


def _conclude(asked: _Work, result: Any, error: BaseException | None) -> None:
    if asked.result.done():
        return  # Whoever waited has gone.
    if error is None:
        asked.result.set_result(result)
    else:
        asked.result.set_exception(error)


def _raise_in(thread: Thread | None, error: type[Exception] | None) -> None:
    """Raises an error in a thread as soon as it is at Python code; None takes back what is not raised yet."""
    import ctypes  # Half a megabyte that few need.

    assert thread is not None and thread.ident is not None
    ctypes.pythonapi.PyThreadState_SetAsyncExc(
        ctypes.c_ulong(thread.ident), ctypes.py_object(error) if error is not None else None
    )

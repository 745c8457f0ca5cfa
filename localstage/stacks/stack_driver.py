"""CloudFormation's operations, driven a step at a time.

Steps run on the account thread, where an operation was begun; the time between
them passes on the event loop. An operation that another one of the same stack
takes over from (a deletion while it is created) ends where it was.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator

from localstage.door.delays import Delays
from localstage.door.moto import AccountThread
from localstage.door.pace import Timers

log = logging.getLogger(__name__)


class PacedDriver:
    """Drives the operations of all stacks."""

    def __init__(self, timers: Timers, thread: AccountThread, delays: Delays):
        self._timers = timers
        self._thread = thread
        self._pauses_s = {"resource": delays.stack_step_s, "change set": delays.change_set_s}
        self._work: set[asyncio.Task[None]] = set()
        self._running: dict[str, Iterator[str]] = {}
        self._stepping = False

    def drive(self, work_id: str, steps: Iterator[str], ended: Callable[[], None]) -> None:
        """Runs an operation to its first pause and the rest later; ``ended`` is called on the account thread.

        ``work_id`` is the stack's or change set's id; an operation says at each pause what it waits for.
        What an operation itself begins (a nested stack) is run to its end at
        once: the outer operation's step takes its time.
        """
        if self._stepping:
            for _ in steps:
                pass
            ended()
            return
        before = self._running.pop(work_id, None)
        if before is not None:
            before.close()  # type: ignore[attr-defined]
        self._running[work_id] = steps
        self._step(work_id, steps, ended)

    def forget(self) -> None:
        """Drops every operation: the account is empty."""
        self._running.clear()

    def _step(self, work_id: str, steps: Iterator[str], ended: Callable[[], None]) -> None:
        if self._running.get(work_id) is not steps:
            return
        self._stepping = True
        try:
            pause = next(steps, None)
        except Exception:
            log.exception("The operation of %s failed", work_id)
            pause = None
        finally:
            self._stepping = False
        if pause is None:
            del self._running[work_id]
            ended()
        else:
            self._timers.after(self._pauses_s[pause], lambda: self._resume(lambda: self._step(work_id, steps, ended)))

    def _resume(self, step: Callable[[], None]) -> None:
        task = asyncio.get_running_loop().create_task(self._thread.run(step))
        self._work.add(task)
        task.add_done_callback(self._work.discard)

"""Who drives the operations of stacks, and how fast.

An operation yields what it waits for, and raises nothing. Here nothing needs waiting for, so operations are driven
to their end at once, before the request is answered; at AWS's pace they take time: steps run on the account thread,
where an operation was begun, and the time between them passes on the event loop. An operation that another one of
the same stack takes over from (a deletion while it is created) ends where it was.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator

from localstage.door.account_thread import AccountThread
from localstage.door.delays import Delays
from localstage.door.pace import Timers

Steps = Generator[str, None, None]
RESOURCE, CHANGE_SET = "resource", "change set"
"""What an operation can wait for."""


class Driver:
    """localstage's own pace: drives operations to their end at once. Always on the account thread."""

    def drive(self, work_id: str, steps: Steps, ended: Callable[[], None]) -> None:
        """Begins an operation of the stack or change set ``work_id``, in place of one that runs for it."""
        for _ in steps:
            pass
        ended()


class PacedDriver(Driver):
    """AWS's pace: drives the operations of all stacks step by step."""

    def __init__(self, timers: Timers, thread: AccountThread, delays: Delays):
        self._timers = timers
        self._thread = thread
        self._pauses_s = {"resource": delays.stack_step_s, "change set": delays.change_set_s}
        self._work: set[asyncio.Task[None]] = set()
        self._running: dict[str, Steps] = {}
        self._stepping = False

    def drive(self, work_id: str, steps: Steps, ended: Callable[[], None]) -> None:
        """Runs an operation to its first pause and the rest later; ``ended`` is called on the account thread.

        ``work_id`` is the stack's or change set's id; an operation says at each pause what it waits for.
        What an operation itself begins (a nested stack) is run to its end at
        once: the outer operation's step takes its time.
        """
        if self._stepping:
            super().drive(work_id, steps, ended)
            return
        before = self._running.pop(work_id, None)
        if before is not None:
            before.close()
        self._running[work_id] = steps
        self._step(work_id, steps, ended)

    def forget(self) -> None:
        """Drops every operation: the account is empty."""
        self._running.clear()

    def _step(self, work_id: str, steps: Steps, ended: Callable[[], None]) -> None:
        if self._running.get(work_id) is not steps:
            return
        self._stepping = True
        try:
            pause = next(steps, None)
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

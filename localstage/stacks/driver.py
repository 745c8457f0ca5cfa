"""Who drives the operations of stacks, and how fast.

An operation yields what it waits for, and raises nothing. What is inside the account needs no waiting: it is done at
once, before the request is answered, or at AWS's pace. A function that provides a custom resource is outside: it calls
the account itself, so the account thread is free while it runs, and an operation goes on there when it has answered.
An operation that another one of the same stack takes over from (a deletion while it is created) ends where it was.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from dataclasses import dataclass

from localstage.door.account_thread import AccountThread
from localstage.door.delays import Delays
from localstage.door.pace import Timers


@dataclass(frozen=True)
class StackEnd:
    """The end of what another stack is at, which an operation waits for."""

    stack_id: str


Outside = Callable[[Callable[[], None]], None]
"""Something outside of the account: is told whom to call, once and on the event loop, when it is over."""
Pause = str | StackEnd | Outside
Steps = Generator[Pause, None, None]
RESOURCE, CHANGE_SET = "resource", "change set"
"""What takes time at AWS's pace alone."""


class Driver:
    """localstage's own pace: drives operations as far as nothing outside is waited for. Always on the account thread."""

    def __init__(self, thread: AccountThread | None = None):
        self._thread = thread
        self._work: set[asyncio.Task[None]] = set()
        self._running: dict[str, Steps] = {}
        self._awaited: dict[str, list[Callable[[], None]]] = {}
        """What goes on when the operation of a stack ends."""

    def drive(self, work_id: str, steps: Steps, ended: Callable[[], None]) -> None:
        """Runs an operation to its first pause and the rest later; ``ended`` is called on the account thread.

        ``work_id`` is the stack's or change set's id; an operation that runs for it ends where it is.
        """
        before = self._running.pop(work_id, None)
        if before is not None:
            before.close()
        self._running[work_id] = steps
        self._go_on(work_id, steps, ended)

    def forget(self) -> None:
        """Drops every operation: the account is empty."""
        dropped = list(self._running.values())
        self._running.clear()
        self._awaited.clear()
        for steps in dropped:
            steps.close()

    def _go_on(self, work_id: str, steps: Steps, ended: Callable[[], None]) -> None:
        def resume() -> None:
            self._go_on(work_id, steps, ended)

        while self._running.get(work_id) is steps:
            pause = next(steps, None)
            if pause is None:
                del self._running[work_id]
                ended()
                for waiting in self._awaited.pop(work_id, ()):
                    waiting()
            elif isinstance(pause, StackEnd):
                if pause.stack_id in self._running:
                    self._awaited.setdefault(pause.stack_id, []).append(resume)
                    return
            elif not isinstance(pause, str):
                pause(lambda: self._later(resume))
                return
            elif self._takes_time(pause, resume):
                return

    def _takes_time(self, pause: str, resume: Callable[[], None]) -> bool:
        """Whether ``resume`` will be called after a pause, which has begun."""
        return False

    def _later(self, resume: Callable[[], None]) -> None:
        """On the event loop: goes on on the account thread."""
        if self._thread is None:
            resume()
            return
        task = asyncio.get_running_loop().create_task(self._thread.run(resume))
        self._work.add(task)
        task.add_done_callback(self._work.discard)


class PacedDriver(Driver):
    """AWS's pace: drives the operations of all stacks step by step."""

    def __init__(self, timers: Timers, thread: AccountThread, delays: Delays):
        super().__init__(thread)
        self._timers = timers
        self._pauses_s = {RESOURCE: delays.stack_step_s, CHANGE_SET: delays.change_set_s}

    def _takes_time(self, pause: str, resume: Callable[[], None]) -> bool:
        self._timers.after(self._pauses_s[pause], lambda: self._later(resume))
        return True

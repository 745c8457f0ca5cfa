"""One execution environment: a process that serves invocations in turn.

Lives here: its init, its invocations and its end, and what each thing that
happens to it means. Every wait also ends when the process ends, so a dead
process is always an answer. Does not know the pool, nor HTTP (runtime_api.py).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from operator import methodcaller
from typing import Any

from localstage.clock import Clock, Timer
from localstage.functions import log_lines
from localstage.functions.child_process import ChildProcess
from localstage.functions.definition import FunctionDefinition
from localstage.functions.environment_log import EnvironmentLog
from localstage.functions.invocation import (
    EnvironmentNotStarted,
    Invocation,
    InvocationRefused,
    Measurements,
    StageStopping,
)
from localstage.functions.launch import Launch, Launcher
from localstage.functions.lifecycle import IllegalStep, Lifecycle, Phase, Step
from localstage.functions.outcomes import EXIT_ERROR, Failure, InvocationOutcomes, error_type_of
from localstage.functions.runtimes import Runtime

FailedInit = Callable[[Invocation], None]
"""Ends one of the invocations that get the error of an init."""


@dataclass(frozen=True)
class Assigned:
    """An invocation as the runtime receives it. ``deadline_ms`` counts from the epoch."""

    invocation: Invocation
    deadline_ms: int


@dataclass
class _Running:
    invocation: Invocation
    began: float
    init_ms: float | None
    timed_out: bool = False


class Environment:
    """Its whole life is ``initialise``, ``serve`` and ``close``, in this order; the rest is what happens meanwhile.

    ``life`` is shared with the pool, which gives it its invocations; ``on_ready``
    is called when it has answered one and waits for the next.
    """

    def __init__(
        self,
        life: Lifecycle,
        definition: FunctionDefinition,
        runtime: Runtime,
        launcher: Launcher,
        log: EnvironmentLog,
        clock: Clock,
        on_ready: Callable[[], None],
    ) -> None:
        self.life = life
        self.definition = definition
        self._runtime = runtime
        self._launcher = launcher
        self._log = log
        self._clock = clock
        self._on_ready = on_ready
        self._outcomes = InvocationOutcomes(definition, log)
        self._launch: Launch | None = None
        self._asked_to_end = False
        self._process: ChildProcess | None = None
        self._init_error: Failure | None = None
        self._first_next: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._give: Callable[[Assigned | None], None] | None = None
        """Takes the invocation that the runtime has asked for."""
        self._current: _Running | None = None
        self._timer: Timer | None = None
        """Runs until the runtime asks for the next invocation."""
        self._init_ms: float | None = None
        self._max_memory_mb: int | None = None

    async def initialise(self, init_timeout_s: float) -> FailedInit | None:
        """Brings the runtime to its first ``next``: None, and the environment is ready. Else it will never serve."""
        try:
            self._launch = await self._launcher.prepare(
                self.life.environment, self.definition, self._runtime, self._log.stream
            )
            self._log.masks = self._launch.masks
            version = self._runtime.version(self.definition.runtime)
            self._log.platform(log_lines.init_start(version, self.definition.region))
            return await self._initialise(self._launch, init_timeout_s)
        except InvocationRefused as error:
            return methodcaller("refuse", error)

    async def serve(self) -> None:
        """Returns when the process has ended, for whatever reason."""
        assert self._process is not None, "only an initialised environment serves"
        await asyncio.shield(self._process.exited)

    async def close(self) -> None:
        """Ends the process and the invocation that it has in its hands, and leaves nothing behind."""
        self._withdraw_next()
        self._stop_timer()
        if self._process is not None:
            await self._process.close()
            self._conclude_abandoned(self._process.exited.result())
        if self._launch is not None:
            await self._launcher.clear(self._launch)

    def next(self, give: Callable[[Assigned | None], None]) -> None:
        """The runtime asks for its next invocation, which ``give`` takes; None when there will be none.

        Raises IllegalStep.
        """
        was = self.life.phase
        self._take(Step.NEXT)
        self._stop_timer()
        self._withdraw_next()
        self._give = give
        if was is Phase.INIT and not self._first_next.done():
            self._first_next.set_result(None)
        elif was is Phase.ANSWERED:
            self._on_ready()

    def begin(self, invocation: Invocation) -> None:
        """Hands the invocation that the pool has assigned to the waiting runtime."""
        give, self._give = self._give, None
        self._log.begin_tail()
        self._log.platform(log_lines.start(invocation.request_id, self.definition.version))
        timeout_s = self.definition.timeout_s
        self._timer = self._clock.call_later(timeout_s, self._time_out)
        self._current = _Running(invocation, self._clock.monotonic(), self._init_ms)
        self._init_ms = None
        if give is not None:
            give(Assigned(invocation, self._clock.now_ms() + timeout_s * 1000))

    async def answer(
        self, request_id: str, payload: bytes, *, is_error: bool, max_memory_mb: int | None = None
    ) -> bool:
        """The runtime posts a result or an error; False when the result is too large. Raises IllegalStep.

        ``max_memory_mb`` is what the runtime itself measured, where this process cannot.
        """
        current = self._current
        if current is None or current.invocation.request_id != request_id or current.timed_out:
            raise IllegalStep(self.life.phase, Step.ANSWER)
        self._take(Step.ANSWER)
        self._current = None
        duration_ms = self._elapsed_ms(current.began)
        try:
            if self._process is not None:
                await self._process.drain()
        finally:
            measured = Measurements(duration_ms, current.init_ms, self._measured_memory() or max_memory_mb)
            finish = self._outcomes.raised if is_error else self._outcomes.answered
            fits = finish(current.invocation, measured, payload)
        return fits

    def post_init_error(self, payload: bytes) -> None:
        """The runtime says why its init failed, before it ends itself. Raises IllegalStep."""
        if self.life.phase is not Phase.INIT:
            raise IllegalStep(self.life.phase, Step.INITIALISED)
        self._init_error = Failure(error_type_of(payload), self._log.masked(payload))

    def end(self) -> None:
        """Asks for the end at once; the environment ends when the process is gone. Idempotent.

        AWS: Lambda developer guide, execution environment lifecycle: without
        extensions the runtime is killed, not asked.
        """
        self._asked_to_end = True
        if self._process is not None:
            self._process.kill()

    async def _initialise(self, launch: Launch, init_timeout_s: float) -> FailedInit | None:
        """AWS: FIDELITY section 9, reuse: an init that takes over ten seconds is begun again, then with the
        function's own time limit."""
        for phase, limit_s in (("init", init_timeout_s), ("invoke", float(self.definition.timeout_s))):
            began = self._clock.monotonic()
            process = await self._attempt(launch, limit_s)
            init_ms = self._elapsed_ms(began)
            if self._asked_to_end:
                raise StageStopping
            if self._first_next.done():
                self._init_ms = init_ms
                self._take(Step.INITIALISED)
                return None
            if process.exited.done():
                error_type = self._init_error.error_type if self._init_error else EXIT_ERROR
                self._log.platform(log_lines.init_report(init_ms, phase, "error", error_type))
                return self._failed_init(init_ms, process.exited.result())
            self._log.platform(log_lines.init_report(init_ms, phase, "timeout"))
            await process.close()
        return self._failed_init(init_ms, None)

    def _failed_init(self, init_ms: float, returncode: int | None) -> FailedInit:
        return partial(
            self._outcomes.init_failed,
            measured=Measurements(init_ms, None, self._max_memory_mb),
            posted=self._init_error,
            returncode=returncode,
        )

    async def _attempt(self, launch: Launch, limit_s: float) -> ChildProcess:
        """Starts a process and waits for its first ``next``, its exit or the time limit."""
        try:
            process = self._process = await self._launcher.start(launch, self._log.output)
        except OSError as error:
            raise EnvironmentNotStarted(self.definition.name, str(error)) from error
        if self._asked_to_end:
            process.kill()
        either: set[asyncio.Future[Any]] = {self._first_next, process.exited}
        await asyncio.wait(either, timeout=limit_s, return_when=asyncio.FIRST_COMPLETED)
        await process.drain()
        self._measured_memory()
        return process

    def _time_out(self) -> None:
        """The invocation has reached its time limit: the process's end concludes it, if the answer has not.

        AWS: Lambda developer guide, execution environment lifecycle: the limit is of the whole phase, which
        lasts until the runtime asks for the next invocation.
        """
        if self._process is not None:
            if self._current is not None:
                self._current.timed_out = True
            self._measured_memory()
            self._process.kill()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _conclude_abandoned(self, returncode: int) -> None:
        """Ends the invocation that the process had in its hands."""
        current, self._current = self._current, None
        if current is None:
            return
        measured = Measurements(self._elapsed_ms(current.began), current.init_ms, self._max_memory_mb)
        if current.timed_out:
            self._outcomes.timed_out(current.invocation, measured)
        elif self._asked_to_end:
            current.invocation.refuse(StageStopping())
        else:
            self._outcomes.exited(current.invocation, measured, returncode)

    def _withdraw_next(self) -> None:
        give, self._give = self._give, None
        if give is not None:
            give(None)

    def _take(self, step: Step) -> None:
        self.life.take(step, self._clock.monotonic())

    def _elapsed_ms(self, began: float) -> float:
        return (self._clock.monotonic() - began) * 1000

    def _measured_memory(self) -> int | None:
        """The peak so far in MB; the last known value once the process is gone."""
        if self._process is not None and not self._process.exited.done():
            self._max_memory_mb = self._process.peak_memory_mb or self._max_memory_mb
        return self._max_memory_mb

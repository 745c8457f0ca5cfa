"""One execution environment: a process that serves invocations in turn.

Lives here: the environment's life from init to its end, and what each thing
that happens to it means. Every wait also ends when the process ends, so a dead
process is always an answer. Does not know the pool, nor HTTP (runtime_api.py).
"""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass
from typing import Protocol

from localstage.clock import Clock, Timer
from localstage.functions import log_lines
from localstage.functions.child_process import ChildProcess
from localstage.functions.conclusions import Conclusions, Facts
from localstage.functions.definition import FunctionDefinition
from localstage.functions.environment_log import EnvironmentLog
from localstage.functions.error_payload import EXIT_ERROR, Failure, error_type_of
from localstage.functions.errors import EnvironmentNotStarted, InvocationRefused, StageStopping
from localstage.functions.invocation import Invocation
from localstage.functions.launch import Launcher, Site
from localstage.functions.life import IllegalMove, Life, Move, after
from localstage.functions.memory import peak_memory_mb


class EnvironmentOwner(Protocol):
    """Who is told what becomes of an environment."""

    def environment_free(self, environment: Environment) -> None:
        """It waits for an invocation: ``begin`` may be called."""

    def init_failed(self, environment: Environment) -> list[Invocation]:
        """It will never serve. Returns the invocations that get its error; ``environment_ended`` follows."""

    def environment_ending(self, environment: Environment) -> None:
        """It takes no more invocations."""

    def environment_ended(self, environment: Environment) -> None:
        """Its process and its files are gone."""


@dataclass(frozen=True)
class Assigned:
    """An invocation as the runtime receives it. ``deadline_ms`` counts from the epoch."""

    invocation: Invocation
    deadline_ms: int


@dataclass
class _Running:
    invocation: Invocation
    began: float
    timer: Timer
    init_ms: float | None
    timed_out: bool = False


class Environment:
    """``run`` is its whole life; the other methods say what happens to it meanwhile."""

    def __init__(
        self,
        environment_id: str,
        definition: FunctionDefinition,
        owner: EnvironmentOwner,
        launcher: Launcher,
        log: EnvironmentLog,
        clock: Clock,
    ) -> None:
        self.environment_id = environment_id
        self.definition = definition
        self._owner = owner
        self._launcher = launcher
        self._log = log
        self._clock = clock
        self._conclusions = Conclusions(definition, log)
        self._life = Life.INIT
        self._asked_to_end = False
        self._process: ChildProcess | None = None
        self._init_error: Failure | None = None
        self._first_next: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._next: asyncio.Future[Assigned | None] | None = None
        self._current: _Running | None = None
        self._init_ms: float | None = None
        self._max_memory_mb: int | None = None

    async def run(self, init_timeout_s: float) -> None:
        """Starts, serves until the process ends for whatever reason, and leaves nothing behind."""
        site: Site | None = None
        try:
            site = await self._launcher.prepare(self.environment_id, self.definition, self._log.stream)
            self._log.masks = site.masks
            self._log.platform(
                log_lines.init_start(self.definition.runtime, self.definition.region, sys.version_info.micro)
            )
            if await self._initialise(site, init_timeout_s) and self._process is not None:
                await asyncio.shield(self._process.exited)
        except InvocationRefused as error:
            self._refuse_waiting(error)
        except Exception as error:
            self._refuse_waiting(EnvironmentNotStarted(self.definition.name, repr(error)))
            raise
        finally:
            await self._close(site)

    async def next(self) -> Assigned | None:
        """The runtime asks for its next invocation; None when there will be none. Raises IllegalMove."""
        was = self._life
        self._life = after(was, Move.NEXT)
        self._withdraw_next()
        waiting = self._next = asyncio.get_running_loop().create_future()
        if was is Life.INIT:
            self._first_next.set_result(None)
        elif was is Life.ANSWERED:
            self._owner.environment_free(self)
        return await waiting

    def begin(self, invocation: Invocation) -> None:
        """Hands the invocation to the waiting runtime. Raises IllegalMove."""
        self._life = after(self._life, Move.ASSIGN)
        assert self._next is not None, "only a runtime that asked for an invocation is free"
        self._log.begin_tail()
        self._log.platform(log_lines.start(invocation.request_id, self.definition.version))
        timeout_s = self.definition.timeout_s
        self._current = _Running(
            invocation, self._clock.monotonic(), self._clock.call_later(timeout_s, self._time_out), self._init_ms
        )
        self._init_ms = None
        if not self._next.done():
            self._next.set_result(Assigned(invocation, self._clock.now_ms() + timeout_s * 1000))

    async def answer(
        self, request_id: str, payload: bytes, *, is_error: bool, max_memory_mb: int | None = None
    ) -> bool:
        """The runtime posts a result or an error; False when the result is too large. Raises IllegalMove.

        ``max_memory_mb`` is what the runtime itself measured, where this process cannot.
        """
        current = self._current
        if current is None or current.invocation.request_id != request_id or current.timed_out:
            raise IllegalMove(self._life, Move.ANSWER)
        self._life = after(self._life, Move.ANSWER)
        self._current = None
        current.timer.cancel()
        duration_ms = self._elapsed_ms(current.began)
        try:
            if self._process is not None:
                await self._process.drain()
        finally:
            facts = Facts(duration_ms, current.init_ms, self._measured_memory() or max_memory_mb)
            conclude = self._conclusions.raised if is_error else self._conclusions.answered
            fits = conclude(current.invocation, facts, payload)
        return fits

    def post_init_error(self, payload: bytes) -> None:
        """The runtime says why its init failed, before it ends itself. Raises IllegalMove."""
        if self._life is not Life.INIT:
            raise IllegalMove(self._life, Move.NEXT)
        self._init_error = Failure(error_type_of(payload), self._log.masked(payload))

    def end(self) -> None:
        """Asks for the end at once; ``run`` returns when the process is gone. Idempotent.

        AWS: Lambda developer guide, execution environment lifecycle: without
        extensions the runtime is killed, not asked.
        """
        self._asked_to_end = True
        if self._process is not None:
            self._process.kill()

    async def _initialise(self, site: Site, init_timeout_s: float) -> bool:
        """Brings the runtime to its first ``next``; False when that failed.

        AWS: FIDELITY section 9, reuse: an init that takes over ten seconds is
        begun again, then with the function's own time limit.
        """
        for phase, limit_s in (("init", init_timeout_s), ("invoke", float(self.definition.timeout_s))):
            began = self._clock.monotonic()
            process = await self._attempt(site, limit_s)
            init_ms = self._elapsed_ms(began)
            if self._asked_to_end:
                return False
            if self._first_next.done():
                self._init_ms = init_ms
                self._owner.environment_free(self)
                return True
            if process.exited.done():
                self._fail_init(init_ms, phase, process.exited.result())
                return False
            self._log.platform(log_lines.init_report(init_ms, phase, "timeout"))
            await process.close()
        self._fail_waiting(init_ms, None)
        return False

    async def _attempt(self, site: Site, limit_s: float) -> ChildProcess:
        """Starts a process and waits for its first ``next``, its exit or the time limit."""
        try:
            process = self._process = await self._launcher.start(site, self._log.output)
        except OSError as error:
            raise EnvironmentNotStarted(self.definition.name, str(error)) from error
        if self._asked_to_end:
            process.kill()
        await asyncio.wait({self._first_next, process.exited}, timeout=limit_s, return_when=asyncio.FIRST_COMPLETED)
        await process.drain()
        self._measured_memory()
        return process

    def _refuse_waiting(self, error: InvocationRefused) -> None:
        for invocation in self._owner.init_failed(self):
            invocation.refuse(error)

    def _fail_init(self, init_ms: float, phase: str, returncode: int) -> None:
        error_type = self._init_error.error_type if self._init_error else EXIT_ERROR
        self._log.platform(log_lines.init_report(init_ms, phase, "error", error_type))
        self._fail_waiting(init_ms, returncode)

    def _fail_waiting(self, init_ms: float, returncode: int | None) -> None:
        facts = Facts(init_ms, None, self._max_memory_mb)
        for invocation in self._owner.init_failed(self):
            self._conclusions.init_failed(invocation, facts, self._init_error, returncode)

    def _time_out(self) -> None:
        """The invocation has reached its time limit: the process's end concludes it."""
        if self._current is not None and self._process is not None:
            self._current.timed_out = True
            self._measured_memory()
            self._process.kill()

    async def _close(self, site: Site | None) -> None:
        self._life = after(self._life, Move.END)
        self._owner.environment_ending(self)
        self._withdraw_next()
        if self._process is not None:
            await self._process.close()
            self._conclude_abandoned(self._process.exited.result())
        if site is not None:
            await self._launcher.clear(site)
        self._owner.environment_ended(self)

    def _conclude_abandoned(self, returncode: int) -> None:
        """Ends the invocation that the process had in its hands."""
        current, self._current = self._current, None
        if current is None:
            return
        current.timer.cancel()
        facts = Facts(self._elapsed_ms(current.began), current.init_ms, self._max_memory_mb)
        if current.timed_out:
            self._conclusions.timed_out(current.invocation, facts)
        elif self._asked_to_end:
            current.invocation.refuse(StageStopping())
        else:
            self._conclusions.exited(current.invocation, facts, returncode)

    def _withdraw_next(self) -> None:
        if self._next is not None and not self._next.done():
            self._next.set_result(None)

    def _elapsed_ms(self, began: float) -> float:
        return (self._clock.monotonic() - began) * 1000

    def _measured_memory(self) -> int | None:
        """The peak so far in MB; the last known value once the process is gone."""
        if self._process is not None and not self._process.exited.done():
            self._max_memory_mb = peak_memory_mb(self._process.pid) or self._max_memory_mb
        return self._max_memory_mb

"""Lambda's execution side: invocations, and the execution environments that serve them.

``Functions`` is what the rest of the stage uses. It owns the pool and the
environments and carries out what the pool decides. Lives on one event loop.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from operator import methodcaller
from pathlib import Path

from localstage.clock import Clock, SystemClock, Timer
from localstage.functions import log_lines, runtime_api
from localstage.functions.definition import FunctionDefinition
from localstage.functions.environment import Environment, FailedInit
from localstage.functions.environment_log import EnvironmentLog, LogSink
from localstage.functions.event_queue import EventQueue
from localstage.functions.invocation import (
    EnvironmentNotStarted,
    InvalidRuntime,
    Invocation,
    InvocationResult,
    StageStopping,
    TooManyRequests,
    new_request_id,
    new_trace_id,
)
from localstage.functions.launch import Launcher
from localstage.functions.lifecycle import Step
from localstage.functions.pool import Assign, Pool, PoolLimits, Start
from localstage.functions.runtimes import RUNTIMES, Runtimes
from localstage.port.exchange import Reply, Request
from localstage.settings import Settings

log = logging.getLogger(__name__)

_EVENT_RETRY_DELAYS_S = (60.0, 120.0)
"""AWS: Lambda developer guide, error handling for asynchronous invocation: two more attempts."""


class Functions:
    """Runs functions. ``stop`` must be called in the end, while the port is still open.

    ``runtime_api_address`` gives "host:port" of the Runtime API and is asked at
    the first invocation. ``function_environment`` gives the variables that the
    stage adds (credentials, proxy, CA).
    """

    def __init__(
        self,
        *,
        settings: Settings,
        runtime_api_address: Callable[[], str],
        function_environment: Callable[[FunctionDefinition], Mapping[str, str]],
        log_sink: LogSink,
        work_dir: Path,
        clock: Clock | None = None,
        event_retry_delays_s: tuple[float, ...] = _EVENT_RETRY_DELAYS_S,
        runtimes: Runtimes = RUNTIMES,
    ) -> None:
        self._settings = settings
        self._log_sink = log_sink
        self._clock = clock or SystemClock()
        self._launcher = Launcher(work_dir, runtime_api_address, function_environment)
        self._runtimes = runtimes
        limits = PoolLimits(settings.max_environments, os.cpu_count() or 1, settings.idle_environment_s)
        self._pool = Pool(limits, lambda: secrets.token_urlsafe(16))
        self._definitions: dict[str, FunctionDefinition] = {}
        self._environments: dict[str, Environment] = {}
        self._runs: dict[str, asyncio.Task[None]] = {}
        self._events = EventQueue(self.invoke, event_retry_delays_s, self._clock)
        self._in_flight: Counter[str] = Counter()
        self._limits: dict[str, tuple[asyncio.Timeout, float]] = {}
        self._wake: Timer | None = None
        self._stopped = False

    @property
    def environment_count(self) -> int:
        """How many execution environments there are."""
        return len(self._pool)

    async def invoke(
        self,
        definition: FunctionDefinition,
        payload: bytes,
        *,
        request_id: str | None = None,
        client_context: str | None = None,
        within_s: float | None = None,
    ) -> InvocationResult:
        """Runs one invocation to its end; a function that fails is a result too.

        ``client_context`` is JSON (Invoke carries it in base64). ``within_s`` is how
        long the caller waits, from when an environment starts for the invocation or
        takes it: on AWS, hundreds run at once, and none waits for a machine's few
        processes. An invocation goes on when its caller is cancelled or has waited
        enough, as on AWS. Raises InvocationRefused, TimeoutError.
        """
        if self._stopped:
            raise StageStopping
        refusal = self._runtimes.refusal(definition.name, definition.runtime)
        if refusal is not None:
            raise InvalidRuntime(refusal)
        bound = definition.reserved_concurrency
        if bound is not None and self._in_flight[definition.arn] >= bound:
            raise TooManyRequests
        invocation = Invocation(
            request_id or new_request_id(),
            definition.invoked_arn or definition.arn,
            payload,
            new_trace_id(self._clock.now_ms()),
            client_context,
            asyncio.get_running_loop().create_future(),
        )
        self._in_flight[definition.arn] += 1
        invocation.result.add_done_callback(lambda _: self._concluded(definition.arn))
        self._definitions[definition.key] = definition
        self._pool.enqueue(definition.key, definition.revision, invocation, self._clock.monotonic())
        async with asyncio.timeout(None) as limit:
            if within_s is not None:
                self._limits[invocation.request_id] = limit, within_s
            self._act()
            try:
                return await asyncio.shield(invocation.result)
            finally:
                self._limits.pop(invocation.request_id, None)

    async def invoke_event(self, definition_of: Callable[[], FunctionDefinition | None], payload: bytes) -> str:
        """Accepts an invocation of type Event and returns its request id at once.

        It runs in the background and is tried again after a function error,
        with the definition that ``definition_of`` gives then; None drops it.
        """
        if self._stopped:
            raise StageStopping
        return self._events.accept(definition_of, payload)

    def handle_runtime_request(self, environment_id: str, tail: str, request: Request) -> Reply | Awaitable[Reply]:
        """Answers a request to ``/{environment_id}/{tail}``; ``tail`` begins with the Runtime API's version."""
        return runtime_api.answer(self._environments.get(environment_id), tail, request)

    def knows(self, target: str) -> bool:
        """Whether a request's target is that of an execution environment, whose id nobody else knows."""
        return target.split("/", 2)[1] in self._environments

    def retire(self, function_arn: str) -> None:
        """The function is deleted: its idle environments end, the busy ones when they are free."""
        self._pool.retire(lambda key: key.startswith(function_arn + ":"))
        self._act()

    async def stop(self) -> None:
        """Ends everything; invocations that wait or run raise StageStopping. Returns when nothing is left."""
        self._stopped = True
        if self._wake is not None:
            self._wake.cancel()
        await self._events.stop()
        for invocation in self._pool.abandon():
            invocation.refuse(StageStopping())
        for environment in self._environments.values():
            environment.end()
        while self._runs:
            await asyncio.wait(self._runs.values())
        await self._launcher.clear_all()

    def _concluded(self, function_arn: str) -> None:
        self._in_flight[function_arn] -= 1
        if not self._in_flight[function_arn]:
            del self._in_flight[function_arn]

    def _act(self) -> None:
        """Carries out what the pool decides."""
        if self._stopped:
            return
        now = self._clock.monotonic()
        for action in self._pool.decide(now):
            if isinstance(action, Start):
                self._count_from_now(action.ticket)
                self._start(action)
            elif isinstance(action, Assign):
                self._count_from_now(action.ticket)
                self._environments[action.environment].begin(action.ticket)
            else:
                self._environments[action.environment].end()
        self._set_wake(now)

    def _count_from_now(self, invocation: Invocation) -> None:
        """The invocation has an environment, or gets one: its caller's patience begins, once."""
        limit = self._limits.pop(invocation.request_id, None)
        if limit is not None:
            timeout, within_s = limit
            timeout.reschedule(asyncio.get_running_loop().time() + within_s)

    def _start(self, action: Start) -> None:
        definition = self._definitions[action.function]
        runtime = self._runtimes.find(definition.runtime)
        assert runtime is not None, "a function without a runtime is refused before it waits"
        now = datetime.fromtimestamp(self._clock.now_ms() / 1000, UTC)
        stream = log_lines.log_stream_name(now, definition.version, secrets.token_hex(16))
        lines = EnvironmentLog(definition, stream, self._log_sink, self._clock.now_ms)
        life = self._pool.life_of(action.environment)
        environment = Environment(life, definition, runtime, self._launcher, lines, self._clock, self._act)
        self._environments[action.environment] = environment
        self._runs[action.environment] = asyncio.get_running_loop().create_task(
            self._run(environment), name=f"environment of {definition.name}"
        )

    async def _run(self, environment: Environment) -> None:
        """An environment from its init to its end."""
        name = environment.life.environment
        try:
            if await self._initialise(environment):
                self._act()
                await environment.serve()
        finally:
            environment.life.take(Step.END, self._clock.monotonic())
            self._act()
            await environment.close()
            del self._environments[name], self._runs[name]
            self._pool.ended(name)
            if not self._pool.knows(environment.definition.key):
                self._definitions.pop(environment.definition.key, None)
            self._act()

    async def _initialise(self, environment: Environment) -> bool:
        """Whether the environment can serve; else its error has gone to those who waited for it."""
        failed: FailedInit | None
        try:
            failed = await environment.initialise(self._settings.init_timeout_s)
        except Exception as error:  # A fault of localstage's own: nobody may wait for ever.
            log.exception("an execution environment of %s failed", environment.definition.name)
            failed = methodcaller("refuse", EnvironmentNotStarted(environment.definition.name, repr(error)))
        if failed is None:
            return True
        for invocation in self._pool.init_failed(environment.life.environment, self._clock.monotonic()):
            failed(invocation)
        return False

    def _set_wake(self, now: float) -> None:
        if self._wake is not None:
            self._wake.cancel()
        at = self._pool.wake_at(now)
        self._wake = None if at is None else self._clock.call_later(max(0.0, at - now), self._woken)

    def _woken(self) -> None:
        self._wake = None
        self._act()

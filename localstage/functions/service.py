"""Lambda's execution side: invocations, and the execution environments that serve them.

``Functions`` is what the rest of the stage uses. It owns the pool and the
environments and carries out what the pool decides. Lives on one event loop.
"""

from __future__ import annotations

import asyncio
import os
import secrets
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from aiohttp import web

from localstage.clock import Clock, SystemClock, Timer
from localstage.functions import log_lines, runtime_api
from localstage.functions.definition import FunctionDefinition
from localstage.functions.environment import Environment
from localstage.functions.environment_log import EnvironmentLog, LogSink
from localstage.functions.errors import InvalidRuntime, InvocationRefused, StageStopping, TooManyRequests
from localstage.functions.event_queue import EventQueue
from localstage.functions.invocation import Invocation, InvocationResult, new_request_id, new_trace_id
from localstage.functions.launch import Launcher
from localstage.functions.pool import Assign, Pool, PoolLimits, Start
from localstage.settings import Settings

__all__ = ["Functions", "InvocationRefused", "InvocationResult", "LogSink"]

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
        native_client: bool = True,
    ) -> None:
        self._settings = settings
        self._log_sink = log_sink
        self._clock = clock or SystemClock()
        self._launcher = Launcher(work_dir, runtime_api_address, function_environment, native_client)
        limits = PoolLimits(settings.max_environments, os.cpu_count() or 1, settings.idle_environment_s)
        self._pool = Pool(limits, lambda: secrets.token_urlsafe(16))
        self._definitions: dict[str, FunctionDefinition] = {}
        self._environments: dict[str, Environment] = {}
        self._lives: dict[str, asyncio.Task[None]] = {}
        self._events = EventQueue(self._invoke, event_retry_delays_s, self._clock)
        self._in_flight: Counter[str] = Counter()
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
        client_context: str | None = None,
        trace_id: str | None = None,
        invoked_function_arn: str | None = None,
    ) -> InvocationResult:
        """Runs one invocation to its end; a function that fails is a result too.

        ``client_context`` is JSON (Invoke carries it in base64). An invocation
        goes on when its caller is cancelled, as on AWS. Raises InvocationRefused.
        """
        return await self._invoke(definition, payload, new_request_id(), client_context, trace_id, invoked_function_arn)

    async def invoke_event(self, definition_of: Callable[[], FunctionDefinition | None], payload: bytes) -> str:
        """Accepts an invocation of type Event and returns its request id at once.

        It runs in the background and is tried again after a function error,
        with the definition that ``definition_of`` gives then; None drops it.
        """
        if self._stopped:
            raise StageStopping
        return self._events.accept(definition_of, payload)

    async def handle_runtime_request(self, environment_id: str, tail: str, request: web.BaseRequest) -> web.Response:
        """Answers a request to ``/{environment_id}/{tail}``; ``tail`` begins with the Runtime API's version."""
        return await runtime_api.answer(self._environments.get(environment_id), tail, request)

    async def retire(self, function_arn: str) -> None:
        """The function is deleted: returns when its idle environments are gone; busy ones end when free."""
        self._pool.retire(lambda key: key.startswith(function_arn + ":"))
        ending = self._act()
        if ending:
            await asyncio.wait(ending)

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
        while self._lives:
            await asyncio.wait(self._lives.values())
        await self._launcher.clear_all()

    def environment_free(self, environment: Environment) -> None:
        """Environment's word: it waits for an invocation."""
        self._pool.freed(environment.environment_id, self._clock.monotonic())
        self._act()

    def init_failed(self, environment: Environment) -> list[Invocation]:
        """Environment's word: it will never serve."""
        return self._pool.init_failed(environment.environment_id)

    def environment_ending(self, environment: Environment) -> None:
        """Environment's word: it takes no more invocations."""
        self._pool.ending(environment.environment_id)
        self._act()

    def environment_ended(self, environment: Environment) -> None:
        """Environment's word: nothing of it is left."""
        del self._environments[environment.environment_id]
        del self._lives[environment.environment_id]
        self._pool.ended(environment.environment_id)
        if not self._pool.knows(environment.definition.key):
            self._definitions.pop(environment.definition.key, None)
        self._act()

    async def _invoke(
        self,
        definition: FunctionDefinition,
        payload: bytes,
        request_id: str,
        client_context: str | None = None,
        trace_id: str | None = None,
        invoked_function_arn: str | None = None,
    ) -> InvocationResult:
        if self._stopped:
            raise StageStopping
        if not definition.runtime.startswith("python3."):
            raise InvalidRuntime(definition.name, definition.runtime)
        bound = definition.reserved_concurrency
        if bound is not None and self._in_flight[definition.arn] >= bound:
            raise TooManyRequests
        invocation = Invocation(
            request_id,
            invoked_function_arn or definition.invoked_arn or definition.arn,
            payload,
            trace_id or new_trace_id(self._clock.now_ms()),
            client_context,
            asyncio.get_running_loop().create_future(),
        )
        self._in_flight[definition.arn] += 1
        invocation.result.add_done_callback(lambda _: self._concluded(definition.arn))
        self._definitions[definition.key] = definition
        self._pool.enqueue(definition.key, definition.revision, invocation, self._clock.monotonic())
        self._act()
        return await asyncio.shield(invocation.result)

    def _concluded(self, function_arn: str) -> None:
        self._in_flight[function_arn] -= 1
        if not self._in_flight[function_arn]:
            del self._in_flight[function_arn]

    def _act(self) -> list[asyncio.Task[None]]:
        """Carries out what the pool decides; returns the lives that were asked to end."""
        if self._stopped:
            return []
        now = self._clock.monotonic()
        ending: list[asyncio.Task[None]] = []
        for action in self._pool.decide(now):
            if isinstance(action, Start):
                self._start(action)
            elif isinstance(action, Assign):
                self._environments[action.environment].begin(action.ticket)
            else:
                self._environments[action.environment].end()
                ending.append(self._lives[action.environment])
        self._set_wake(now)
        return ending

    def _start(self, action: Start) -> None:
        definition = self._definitions[action.function]
        stream = log_lines.log_stream_name(self._now(), definition.version, secrets.token_hex(16))
        log = EnvironmentLog(definition, stream, self._log_sink, self._clock.now_ms)
        environment = Environment(action.environment, definition, self, self._launcher, log, self._clock)
        self._environments[action.environment] = environment
        self._lives[action.environment] = asyncio.get_running_loop().create_task(
            environment.run(self._settings.init_timeout_s), name=f"environment of {definition.name}"
        )

    def _set_wake(self, now: float) -> None:
        if self._wake is not None:
            self._wake.cancel()
        at = self._pool.wake_at(now)
        self._wake = None if at is None else self._clock.call_later(max(0.0, at - now), self._woken)

    def _woken(self) -> None:
        self._wake = None
        self._act()

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock.now_ms() / 1000, UTC)

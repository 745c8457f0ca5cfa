"""One invocation, its result, and why Lambda may not even start it.

An InvocationRefused is the answer that Invoke's caller gets.
"""

from __future__ import annotations

import asyncio
import math
import secrets
import uuid
from dataclasses import dataclass, field


class InvocationRefused(Exception):
    """Invoke answers with ``status``, the error ``code`` and the exception's text."""

    status = 500
    code = "ServiceException"


class StageStopping(InvocationRefused):
    """The stage ends; nothing is started any more and what runs is ended."""

    def __init__(self) -> None:
        super().__init__("localstage is stopping, so the function did not finish.")


class InvalidRuntime(InvocationRefused):
    """No runtime here can run the function. AWS: Lambda API reference, Invoke, InvalidRuntimeException."""

    status = 502
    code = "InvalidRuntimeException"


class TooManyRequests(InvocationRefused):
    """The function's reserved concurrency is used up. AWS: Lambda API reference, Invoke, TooManyRequestsException."""

    status = 429
    code = "TooManyRequestsException"

    def __init__(self) -> None:
        super().__init__("Rate Exceeded.")


class InvalidZipFile(InvocationRefused):
    """The package cannot be unpacked. AWS: Lambda API reference, Invoke, InvalidZipFileException."""

    status = 502
    code = "InvalidZipFileException"


class EnvironmentNotStarted(InvocationRefused):
    """This machine could not start a process for the function."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"No process could be started for the function {name}: {reason}")


@dataclass(frozen=True)
class Measurements:
    """What one invocation has cost; ``init_ms`` is None for a warm one, ``max_memory_mb`` where it is not known."""

    duration_ms: float
    init_ms: float | None = None
    max_memory_mb: int | None = None

    @property
    def billed_ms(self) -> int:
        """AWS: FIDELITY section 9 and 5, the init of a cold start is billed too."""
        return math.ceil(self.duration_ms + (self.init_ms or 0.0))


@dataclass(frozen=True)
class InvocationResult:
    """What Invoke answers.

    ``function_error`` is None or "Unhandled" (AWS: FIDELITY section 9), then
    ``payload`` is the error payload. ``log_tail`` is the last 4 KB of the log.
    """

    request_id: str
    payload: bytes
    function_error: str | None
    log_tail: str
    measured: Measurements


@dataclass(frozen=True)
class Invocation:
    """What an execution environment is given. ``client_context`` is JSON, decoded already.

    Exactly one of ``finish`` and ``refuse`` ends it; the first one counts.
    """

    request_id: str
    function_arn: str
    payload: bytes
    trace_id: str
    client_context: str | None
    result: asyncio.Future[InvocationResult] = field(repr=False)

    def finish(self, result: InvocationResult) -> None:
        if not self.result.done():
            self.result.set_result(result)

    def refuse(self, error: InvocationRefused) -> None:
        if not self.result.done():
            self.result.set_exception(error)
            self.result.exception()  # the caller may have gone; that is no fault of the loop


def new_request_id() -> str:
    """AWS: FIDELITY section 9, a UUID."""
    return str(uuid.uuid4())


def new_trace_id(now_ms: int) -> str:
    """A trace header that is not sampled. AWS: X-Ray developer guide, tracing header."""
    return f"Root=1-{now_ms // 1000:08x}-{secrets.token_hex(12)};Parent={secrets.token_hex(8)};Sampled=0"

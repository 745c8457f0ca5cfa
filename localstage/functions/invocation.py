"""One invocation and its result, as the caller and the execution environment share them."""

from __future__ import annotations

import asyncio
import secrets
import uuid
from dataclasses import dataclass, field

from localstage.functions.errors import InvocationRefused


@dataclass(frozen=True)
class InvocationResult:
    """What Invoke answers. Durations in ms, memory in MB.

    ``function_error`` is None or "Unhandled" (AWS: FIDELITY section 9), then
    ``payload`` is the error payload. ``log_tail`` is the last 4 KB of the log.
    """

    request_id: str
    payload: bytes
    function_error: str | None
    log_tail: str
    duration_ms: float
    billed_ms: int
    init_ms: float | None = None
    max_memory_mb: int | None = None


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

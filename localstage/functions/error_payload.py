"""The payloads of invocations that the runtime itself could not answer.

The runtime's own error payloads (exceptions, init errors) are written by
awslambdaric and only pass through. Pure.
"""

from __future__ import annotations

import json
import signal
from dataclasses import dataclass

TIMED_OUT = "Sandbox.Timedout"
EXIT_ERROR = "Runtime.ExitError"
TOO_LARGE = "Function.ResponseSizeTooLarge"
RESPONSE_LIMIT_BYTES = 6_291_556
"""Largest result of a synchronous invocation. AWS: FIDELITY section 9 (6 MB); the exact figure is in AWS's message."""

_SIGNALS = {
    "SIGHUP": "hangup",
    "SIGINT": "interrupt",
    "SIGQUIT": "quit",
    "SIGILL": "illegal instruction",
    "SIGTRAP": "trace/breakpoint trap",
    "SIGABRT": "aborted",
    "SIGBUS": "bus error",
    "SIGFPE": "floating point exception",
    "SIGKILL": "killed",
    "SIGUSR1": "user defined signal 1",
    "SIGSEGV": "segmentation fault",
    "SIGUSR2": "user defined signal 2",
    "SIGPIPE": "broken pipe",
    "SIGALRM": "alarm clock",
    "SIGTERM": "terminated",
}


@dataclass(frozen=True)
class Failure:
    """Why an invocation or an init has no result: the payload that the caller gets, and its error type."""

    error_type: str
    payload: bytes

    @classmethod
    def of(cls, error_type: str, message: str) -> Failure:
        """AWS: FIDELITY section 9, the newer form of a timeout's payload: type first."""
        return cls(
            error_type, json.dumps({"errorType": error_type, "errorMessage": message}, separators=(",", ":")).encode()
        )

    @property
    def message(self) -> str:
        return str(json.loads(self.payload).get("errorMessage", ""))


def timed_out(request_id: str, timeout_s: float) -> Failure:
    """AWS: FIDELITY section 9, timeout (the newer form)."""
    return Failure.of(TIMED_OUT, f"RequestId: {request_id} Error: Task timed out after {timeout_s:.2f} seconds")


def exited(request_id: str, returncode: int) -> Failure:
    """The process ended while an invocation was in its hands. ``returncode`` is negative for a signal."""
    # Guess: FIDELITY has no capture of these texts; the payload's form is that of a time-out.
    if returncode == 0:
        reason = "Runtime exited without providing a reason"
    elif returncode < 0:
        reason = f"Runtime exited with error: signal: {_signal_text(-returncode)}"
    else:
        reason = f"Runtime exited with error: exit status {returncode}"
    return Failure.of(EXIT_ERROR, f"RequestId: {request_id} Error: {reason}")


def _signal_text(number: int) -> str:
    try:
        return _SIGNALS[signal.Signals(number).name]
    except (ValueError, KeyError):
        return f"signal {number}"


def too_large() -> Failure:
    """The handler's result is over the limit of a synchronous invocation."""
    # Guess: FIDELITY has the limit (6 MB), not the text.
    return Failure.of(
        TOO_LARGE, f"Response payload size exceeded maximum allowed payload size ({RESPONSE_LIMIT_BYTES} bytes)."
    )


def error_type_of(payload: bytes) -> str:
    """The errorType of a payload that the runtime posted, "Unhandled" when it has none."""
    try:
        found = json.loads(payload)
    except ValueError:
        return "Unhandled"
    return str(found.get("errorType") or "Unhandled") if isinstance(found, dict) else "Unhandled"

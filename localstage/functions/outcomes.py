"""How an invocation ends: its error payload, the last lines of its log, the result that its caller gets.

The runtime's own error payloads (exceptions, init errors) are written by the
runtime and only pass through. Does not know processes or phases.
"""

from __future__ import annotations

import json
import signal
from dataclasses import dataclass, replace

from localstage.core.strict_json import read_json
from localstage.functions import log_lines
from localstage.functions.definition import FunctionDefinition
from localstage.functions.environment_log import EnvironmentLog
from localstage.functions.invocation import Invocation, InvocationResult, Measurements
from localstage.functions.log_lines import Report

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
    # Guess (Sentences of errors): FIDELITY has no capture of these texts; the payload's form is that of a time-out.
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
    # Guess (Sentences of errors): FIDELITY has the limit (6 MB), not the text.
    return Failure.of(
        TOO_LARGE, f"Response payload size exceeded maximum allowed payload size ({RESPONSE_LIMIT_BYTES} bytes)."
    )


def error_type_of(payload: bytes) -> str:
    """The errorType of a payload that the runtime posted, "Unhandled" when it has none."""
    try:
        found = read_json(payload)
    except ValueError:
        return "Unhandled"
    return str(found.get("errorType") or "Unhandled") if isinstance(found, dict) else "Unhandled"


class InvocationOutcomes:
    """Ends the invocations of one execution environment, in each of the ways in which one can end."""

    def __init__(self, definition: FunctionDefinition, log: EnvironmentLog) -> None:
        self._definition = definition
        self._log = log

    def answered(self, invocation: Invocation, measured: Measurements, payload: bytes) -> bool:
        """The handler returned. False when its result is too large to be delivered."""
        if len(payload) > RESPONSE_LIMIT_BYTES:
            self._fail(invocation, measured, too_large())
            return False
        self._finish(invocation, measured, payload, function_error=None)
        return True

    def raised(self, invocation: Invocation, measured: Measurements, payload: bytes) -> bool:
        """The runtime posted an error: the handler raised or its result is no JSON. Always True."""
        self._finish(invocation, measured, self._log.masked(payload))
        return True

    def timed_out(self, invocation: Invocation, measured: Measurements) -> None:
        """The process was killed at the time limit. AWS: FIDELITY section 9, timeout."""
        timeout_s = self._definition.timeout_s
        self._log.platform(log_lines.timed_out(self._log.now(), invocation.request_id, timeout_s))
        exactly = replace(measured, duration_ms=timeout_s * 1000)
        self._finish(invocation, exactly, timed_out(invocation.request_id, timeout_s).payload, status="timeout")

    def exited(self, invocation: Invocation, measured: Measurements, returncode: int) -> None:
        """The process ended during the invocation."""
        failure = exited(invocation.request_id, returncode)
        # Guess (Log lines of a function): FIDELITY has no capture of these two lines.
        self._log.platform(failure.message, failure.error_type)
        self._fail(invocation, measured, failure)

    def init_failed(
        self, invocation: Invocation, measured: Measurements, posted: Failure | None, returncode: int | None
    ) -> None:
        """The init failed: the runtime said why, or its process ended, or (no return code) took too long."""
        self._log.platform(log_lines.start(invocation.request_id, self._definition.version))
        if posted is not None:
            self._fail(invocation, measured, posted)
        elif returncode is not None:
            self.exited(invocation, measured, returncode)
        else:
            self.timed_out(invocation, measured)

    def _fail(self, invocation: Invocation, measured: Measurements, failure: Failure) -> None:
        self._finish(invocation, measured, failure.payload, status="error", error_type=failure.error_type)

    def _finish(
        self,
        invocation: Invocation,
        measured: Measurements,
        payload: bytes,
        *,
        function_error: str | None = "Unhandled",
        status: str | None = None,
        error_type: str | None = None,
    ) -> None:
        report = Report(invocation.request_id, measured, self._definition.memory_mb, status, error_type)
        self._log.platform(log_lines.end(invocation.request_id), report.line())
        invocation.finish(InvocationResult(invocation.request_id, payload, function_error, self._log.tail, measured))

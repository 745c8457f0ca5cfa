"""How an invocation ends: the last lines of its log and the result that its caller gets.

One method for each way to end. Does not know processes or the environment's life.
"""

from __future__ import annotations

from dataclasses import dataclass

from localstage.functions import error_payload, log_lines
from localstage.functions.definition import FunctionDefinition
from localstage.functions.environment_log import EnvironmentLog
from localstage.functions.error_payload import Failure
from localstage.functions.invocation import Invocation, InvocationResult
from localstage.functions.log_lines import Report


@dataclass(frozen=True)
class Facts:
    """What was measured. ``init_ms`` is None for a warm invocation, ``max_memory_mb`` where it is not known."""

    duration_ms: float
    init_ms: float | None
    max_memory_mb: int | None


class Conclusions:
    """Ends the invocations of one execution environment."""

    def __init__(self, definition: FunctionDefinition, log: EnvironmentLog) -> None:
        self._definition = definition
        self._log = log

    def answered(self, invocation: Invocation, facts: Facts, payload: bytes) -> bool:
        """The handler returned. False when its result is too large to be delivered."""
        if len(payload) > error_payload.RESPONSE_LIMIT_BYTES:
            self._fail(invocation, facts, error_payload.too_large(), status="error")
            return False
        self._conclude(invocation, payload, self._report(invocation, facts), function_error=None)
        return True

    def raised(self, invocation: Invocation, facts: Facts, payload: bytes) -> bool:
        """The runtime posted an error: the handler raised or its result is no JSON. Always True."""
        self._conclude(invocation, self._log.masked(payload), self._report(invocation, facts))
        return True

    def timed_out(self, invocation: Invocation, facts: Facts) -> None:
        """The process was killed at the time limit. AWS: FIDELITY section 9, timeout."""
        timeout_s = self._definition.timeout_s
        self._log.platform(log_lines.timed_out(self._log.now(), invocation.request_id, timeout_s))
        exactly = Facts(timeout_s * 1000, facts.init_ms, facts.max_memory_mb)
        failure = error_payload.timed_out(invocation.request_id, timeout_s)
        self._conclude(invocation, failure.payload, self._report(invocation, exactly, "timeout"))

    def exited(self, invocation: Invocation, facts: Facts, returncode: int) -> None:
        """The process ended during the invocation."""
        failure = error_payload.exited(invocation.request_id, returncode)
        self._log.platform(failure.message, failure.error_type)  # Guess: FIDELITY has no capture of these two lines
        self._fail(invocation, facts, failure, status="error")

    def init_failed(self, invocation: Invocation, facts: Facts, posted: Failure | None, returncode: int | None) -> None:
        """The init failed: the runtime said why, or its process ended, or (no return code) took too long."""
        self._log.platform(log_lines.start(invocation.request_id, self._definition.version))
        if posted is not None:
            self._fail(invocation, facts, posted, status="error")
        elif returncode is not None:
            self.exited(invocation, facts, returncode)
        else:
            self.timed_out(invocation, facts)

    def _fail(self, invocation: Invocation, facts: Facts, failure: Failure, status: str) -> None:
        self._conclude(invocation, failure.payload, self._report(invocation, facts, status, failure.error_type))

    def _report(
        self, invocation: Invocation, facts: Facts, status: str | None = None, error_type: str | None = None
    ) -> Report:
        return Report(
            invocation.request_id,
            facts.duration_ms,
            self._definition.memory_mb,
            facts.max_memory_mb,
            facts.init_ms,
            status,
            error_type,
        )

    def _conclude(
        self, invocation: Invocation, payload: bytes, report: Report, function_error: str | None = "Unhandled"
    ) -> None:
        self._log.platform(log_lines.end(invocation.request_id), report.line())
        invocation.finish(
            InvocationResult(
                request_id=invocation.request_id,
                payload=payload,
                function_error=function_error,
                log_tail=self._log.tail,
                duration_ms=report.duration_ms,
                billed_ms=report.billed_ms,
                init_ms=report.init_ms,
                max_memory_mb=report.max_memory_mb,
            )
        )

"""The lines that the Lambda platform itself writes to a function's log.

Pure text. Time and identity are parameters. Each line is without its newline.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from localstage.functions.invocation import Measurements

TAIL_BYTES = 4096
"""AWS: Invoke with LogType Tail returns the last 4 KB of the log."""


def log_stream_name(now: datetime, version: str, token: str) -> str:
    """The stream of one execution environment. ``token`` is 32 hex digits. AWS: FIDELITY section 9."""
    return f"{now:%Y/%m/%d}/[{version}]{token}"


def init_start(version: str, region: str) -> str:
    """The first line of an environment; ``version`` is its runtime's. AWS: FIDELITY section 9, platform lines."""
    # Guess (Log lines of a function): the digest of the ARN; AWS does not publish what it is made of.
    digest = hashlib.sha256(version.encode()).hexdigest()
    return f"INIT_START Runtime Version: {version}\tRuntime Version ARN: arn:aws:lambda:{region}::runtime:{digest}"


def init_report(init_ms: float, phase: str, status: str, error_type: str | None = None) -> str:
    """Written only when the init failed. AWS: Lambda developer guide, "Failures during the Init phase"."""
    line = f"INIT_REPORT Init Duration: {init_ms:.2f} ms\tPhase: {phase}\tStatus: {status}"
    return f"{line}\tError Type: {error_type}" if error_type else line


def start(request_id: str, version: str) -> str:
    """AWS: FIDELITY section 9, platform lines."""
    return f"START RequestId: {request_id} Version: {version}"


def end(request_id: str) -> str:
    """AWS: FIDELITY section 9, platform lines."""
    return f"END RequestId: {request_id}"


def timed_out(now: datetime, request_id: str, timeout_s: float) -> str:
    """AWS: FIDELITY section 9, timeout."""
    moment = f"{now:%Y-%m-%dT%H:%M:%S}.{now.microsecond // 1000:03d}Z"
    return f"{moment} {request_id} Task timed out after {timeout_s:.2f} seconds"


@dataclass(frozen=True)
class Report:
    """What the REPORT line of one invocation says. ``memory_mb`` is what the function is given."""

    request_id: str
    measured: Measurements
    memory_mb: int
    status: str | None = None
    error_type: str | None = None

    def line(self) -> str:
        """AWS: FIDELITY section 9, platform lines; a Tab closes each figure."""
        parts = [
            f"REPORT RequestId: {self.request_id}",
            f"Duration: {self.measured.duration_ms:.2f} ms",
            f"Billed Duration: {self.measured.billed_ms} ms",
            f"Memory Size: {self.memory_mb} MB",
        ]
        if self.measured.max_memory_mb is not None:
            parts.append(f"Max Memory Used: {self.measured.max_memory_mb} MB")
        if self.measured.init_ms is not None:
            parts.append(f"Init Duration: {self.measured.init_ms:.2f} ms")
        parts.append(f"Status: {self.status}" if self.status else "")
        if self.error_type:  # Guess (Log lines of a function): FIDELITY shows Status alone
            parts.append(f"Error Type: {self.error_type}")
        return "\t".join(parts)


def tail_of(messages: Iterable[str]) -> str:
    """The last 4 KB of the messages, as LogResult has them, cut at a character."""
    return "".join(messages).encode()[-TAIL_BYTES:].decode(errors="ignore")

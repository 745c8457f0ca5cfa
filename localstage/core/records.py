"""What is kept of an event: its line in the access log, its metrics, its execution log.

AWS: FIDELITY section 8. In an access log's format a variable without a value
reads ``-``. An execution log has all lines at ``INFO`` and those of failures at
``ERROR``; data trace adds what was sent and received. Its sentences are those of
public captures of REST and WebSocket APIs, or are marked as guesses. Does not
know where the lines go.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from localstage.core.events import ConnectionFacts
from localstage.core.integrations import ProxyResult
from localstage.core.snapshot import RouteLogging

_LINE_LIMIT_BYTES = 1024
_VARIABLE = re.compile(r"\$context\.([A-Za-z0-9_.-]*[A-Za-z0-9_])")


@dataclass(frozen=True)
class EventRecord:
    """One event and what became of it, as the access log and the metrics tell it.

    ``context`` is the event's requestContext. ``status`` is what the client or
    the log sees; ``result`` what the integration returned, None if
    it was not called or failed. ``refused_early`` says that API Gateway itself
    answered a 4xx before any integration was called.
    """

    context: Mapping[str, Any]
    status: int
    result: ProxyResult | None = None
    integration_latency_ms: int | None = None
    error: str | None = None
    refused_early: bool = False

    @property
    def integration_status(self) -> int | None:
        """The status that the integration returned."""
        return self.result.status_code if self.result is not None else None


def access_log_line(log_format: str, record: EventRecord) -> str:
    """One line of the access log, without a line end."""
    return _VARIABLE.sub(lambda match: _value(match.group(1), record), log_format).replace("\n", " ")


def _value(name: str, record: EventRecord) -> str:
    outcome = {
        "status": record.status,
        "integrationLatency": record.integration_latency_ms,
        "integration.latency": record.integration_latency_ms,
        "integration.status": record.integration_status,
        "integrationStatus": record.integration_status,
        "error.message": record.error,
        "error.messageString": json.dumps(record.error) if record.error else None,
        "integrationErrorMessage": record.error if not record.refused_early else None,
        "integration.error": record.error if not record.refused_early else None,
    }
    value: Any = outcome.get(name)
    if name not in outcome:
        value = record.context
        for part in name.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
    return "-" if value is None or isinstance(value, Mapping) else str(value)


def metrics_of(record: EventRecord) -> dict[str, float]:
    """The CloudWatch metrics that one event counts for, by name.

    AWS: DG "Monitor WebSocket API execution with CloudWatch metrics".
    """
    kind = record.context.get("eventType")
    counts = {
        "ConnectCount": 1.0 if kind == "CONNECT" else 0.0,
        "MessageCount": 1.0 if kind == "MESSAGE" else 0.0,
        "ClientError": 1.0 if record.refused_early else 0.0,
        "ExecutionError": 1.0 if record.error and not record.refused_early else 0.0,
        "IntegrationError": 1.0 if (record.integration_status or 200) >= 400 else 0.0,
    }
    found = {name: value for name, value in counts.items() if value}
    if record.integration_latency_ms is not None:
        found["IntegrationLatency"] = float(record.integration_latency_ms)
    return found


class ExecutionLog:
    """The lines of one event, each with the request id in brackets at its beginning."""

    def __init__(self, request_id: str, logging: RouteLogging):
        self._request_id = request_id
        self._informs = logging.level == "INFO"
        self._tells_errors = logging.level in ("INFO", "ERROR")
        self._traces = self._informs and logging.data_trace
        self.lines: list[str] = []

    def info(self, text: str) -> None:
        """A step that was taken."""
        if self._informs:
            self._add(text)

    def data(self, what: str, value: str | bytes) -> None:
        """What was sent or received."""
        if self._traces:
            self._add(f"{what}: {value.decode('utf-8', 'replace') if isinstance(value, bytes) else value}")

    def error(self, text: str) -> None:
        """Why the event failed."""
        if self._tells_errors:
            self._add(text)

    def begin(self, route_key: str, what_happens: str) -> None:
        """The lines with which every event begins."""
        self.info(f"Extended Request Id: {self._request_id}")
        self.info(f"Starting execution for request: {self._request_id}")
        self.info(f"WebSocket Request Route: [{route_key}]")
        self.info(what_happens)

    def _add(self, text: str) -> None:
        line = f"({self._request_id}) {text}"
        encoded = line.encode("utf-8")
        if len(encoded) > _LINE_LIMIT_BYTES:
            line = encoded[:_LINE_LIMIT_BYTES].decode("utf-8", "ignore") + " [TRUNCATED]"
        self.lines.append(line)


def is_connecting(facts: ConnectionFacts) -> str:
    """What happens at ``$connect``."""
    who = f"UserAgent: {facts.user_agent or 'null'}, SourceIp: {facts.source_ip}"
    return f"Client [{who}] is connecting to WebSocket API [{facts.api_id}]."


def sent_a_message(facts: ConnectionFacts) -> str:
    """What happens at a message."""
    return f"WebSocket API [{facts.api_id}] received message from client [Connection Id: {facts.connection_id}]."


def has_disconnected(facts: ConnectionFacts) -> str:
    """What happens at ``$disconnect``."""
    # Guess (Execution log): the sentence.
    return f"Client [Connection Id: {facts.connection_id}] disconnected from WebSocket API [{facts.api_id}]."

"""The execution log of one event, line by line, as API Gateway writes it.

AWS: FIDELITY section 8. ``INFO`` writes all lines, ``ERROR`` those of failures,
and data trace adds what was sent and received. A line begins with the request id
in brackets. The sentences of the integration are those of public captures of
REST and WebSocket APIs; ``# Guess:`` stands at those without one. Does not know
where the lines go.
"""

from __future__ import annotations

from localstage.core.events import ConnectionFacts
from localstage.core.snapshot import RouteLogging

_LINE_LIMIT_BYTES = 1024


class ExecutionLog:
    """Gathers the lines of one event."""

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
    # Guess: the sentence.
    return f"Client [Connection Id: {facts.connection_id}] disconnected from WebSocket API [{facts.api_id}]."

"""What API Gateway itself answers: a handshake that is refused, a message that is not served.

AWS: FIDELITY sections 2 and 3. Both have the same text, byte for byte (captured
spacing: a blank after the first colon and after commas, none after the later
colons). An error is its answer on the wire.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

FORBIDDEN = "Forbidden"
INTERNAL_SERVER_ERROR = "Internal server error"
ENDPOINT_REQUEST_TIMED_OUT = "Endpoint request timed out"
TOO_MANY_REQUESTS = (
    "Too Many Requests"  # Guess (Throttled message): the throttle frame's text (FIDELITY section 5, unsure).
)
BAD_REQUEST_BODY = "Bad request body"


def error_text(message: str, connection_id: str, request_id: str) -> str:
    """The frame for a message that could not be served (the socket stays open), and the body of a refused handshake."""
    return f'{{"message": {_quoted(message)}, "connectionId":"{connection_id}", "requestId":"{request_id}"}}'


def _quoted(message: str) -> str:
    return json.dumps(message, ensure_ascii=False)


class MessageRefused(Exception):
    """A message is refused before any integration is called; ``status`` is what the logs show."""

    def __init__(self, status: int, message: str):
        super().__init__(message)
        self.status = status
        self.message = message

    def frame(self, context: Mapping[str, Any]) -> str:
        """The frame for the sender; ``context`` is the event's requestContext."""
        return error_text(self.message, context["connectionId"], context["requestId"])


class BadRequestBody(MessageRefused):
    """A message does not satisfy the request model of its route. Its frame names the message, not the request."""

    def __init__(self) -> None:
        super().__init__(400, BAD_REQUEST_BODY)

    def frame(self, context: Mapping[str, Any]) -> str:
        return (
            f'{{"message": {_quoted(self.message)}, '
            f'"connectionId":"{context["connectionId"]}", "messageId":"{context["messageId"]}"}}'
        )


class HandshakeRefused(Exception):
    """A handshake is refused with ``status``; without a ``message`` the answer has no body."""

    def __init__(self, status: int, message: str | None = None):
        super().__init__(message or f"refused with {status}")
        self.status = status
        self.message = message
        self._ids: tuple[str, str] | None = None

    def name_ids(self, connection_id: str, request_id: str) -> None:
        """Puts the ids into the body, where there is one.

        Guess (Texts of refused handshakes): claimed of AWS by one test suite, undated.
        """
        self._ids = (connection_id, request_id)

    def body(self) -> bytes:
        """The body of the answer; empty where ``$connect`` itself refused (FIDELITY section 3)."""
        if self.message is None:
            return b""
        if self._ids is None:
            return json.dumps({"message": self.message}).encode()
        return error_text(self.message, *self._ids).encode()

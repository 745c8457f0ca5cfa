"""The frames that API Gateway itself sends to a client, byte for byte.

AWS: FIDELITY section 2 (captured spacing: a blank after the first colon and
after commas, none after the later colons).
"""

from __future__ import annotations

FORBIDDEN = "Forbidden"
INTERNAL_SERVER_ERROR = "Internal server error"
ENDPOINT_REQUEST_TIMED_OUT = "Endpoint request timed out"
TOO_MANY_REQUESTS = "Too Many Requests"  # Guess: the throttle frame's text (FIDELITY section 5, unsure).
BAD_REQUEST_BODY = "Bad request body"


def error_frame(message: str, connection_id: str, request_id: str) -> str:
    """The frame for a message that could not be served; the socket stays open."""
    return f'{{"message": "{message}", "connectionId":"{connection_id}", "requestId":"{request_id}"}}'


def bad_request_body_frame(connection_id: str, message_id: str) -> str:
    """The frame for a message that its route's request model refuses."""
    return f'{{"message": "{BAD_REQUEST_BODY}", "connectionId":"{connection_id}", "messageId":"{message_id}"}}'

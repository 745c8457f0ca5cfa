"""What a chat says on the wire, read and written: pure functions, no sockets, no widgets.

A chat message goes out as ``{"action": "sendMessage", …}`` and comes back with
``sender`` and ``message``. Handlers may say what a frame is in its ``type``;
error frames of API Gateway (FIDELITY section 2) have ids instead. This file
does not know who is connected to whom.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

SHOWN_CHARACTERS = 2000
"""A longer text is cut when it is shown, so that one classmate cannot fill every screen."""

_ERROR_KEYS = {"connectionId", "requestId", "messageId"}
_CHANGING_KEYS = _ERROR_KEYS | {
    "connection_id",
    "message_id",
    "connectedAt",
    "lastActiveAt",
    "connected_at",
    "sourceIp",
    "userAgent",
    "timestamp",
    "time",
}
_KINDS = {"error": "refusal", "notice": "answer", "usage": "answer", "pong": "silent"}
_CHANGING_VALUE = re.compile(r"(?<![A-Za-z0-9_-])[A-Za-z0-9_-]{14,18}={1,2}(?![A-Za-z0-9=])")


@dataclass(frozen=True)
class Arrival:
    """One received frame as a person reads it.

    ``kind`` is ``message`` (a chat message of ``sender``), ``refusal`` (an error
    frame of API Gateway or of a handler), ``answer`` (anything else that a
    handler sent) or ``silent`` (the answer to a heartbeat).
    """

    kind: str
    text: str
    sender: str = ""


def chat_frame(sender: str, message: str) -> str:
    """The frame that sends a chat message: JSON text whose ``action`` selects the route sendMessage."""
    return json.dumps({"action": "sendMessage", "sender": sender, "message": message}, ensure_ascii=False)


def read_frame(frame: str) -> Arrival:
    """Tell what a received frame is. Never raises: a frame may hold anything."""
    value = _parsed(frame)
    if not isinstance(value, dict):
        return Arrival("answer", frame)
    message, sender, kind = value.get("message"), value.get("sender"), value.get("type")
    if isinstance(message, str) and isinstance(sender, str):
        return Arrival("message", message, sender)
    if isinstance(kind, str) and kind in _KINDS:
        return Arrival(_KINDS[kind], message if isinstance(message, str) else frame)
    if _of_api_gateway(value):
        return Arrival("refusal", value["message"])
    return Arrival("answer", message if isinstance(message, str) and len(value) == 1 else frame)


def may_be_asked_again(frame: str) -> bool:
    """Whether API Gateway refused a frame for a reason that passes, such as too many at once, or a function's failure.

    Else nobody was refused, or a handler did it, or there is no such route.
    """
    value = _parsed(frame)
    return (
        isinstance(value, dict) and "type" not in value and _of_api_gateway(value) and value["message"] != "Forbidden"
    )


def shortened(text: str, limit: int = SHOWN_CHARACTERS) -> str:
    """``text``, or its beginning and how much was left out."""
    if len(text) <= limit:
        return text
    return f"{text[:limit]}… ({len(text) - limit:,} more characters)"


def masked(frame: str) -> str:
    """``frame`` with ids, addresses and times replaced by ``…``, so that it reads the same on every run."""
    value = _parsed(frame)
    if value is None:
        return _CHANGING_VALUE.sub("…", frame)
    return json.dumps(_masked_value(value), ensure_ascii=False)


def _parsed(frame: str) -> Any:
    """The JSON value of a frame; None when it is no JSON (or nests too deeply, as only an attack does)."""
    try:
        return json.loads(frame)
    except (ValueError, RecursionError):
        return None


def _of_api_gateway(value: dict[str, Any]) -> bool:
    """Whether this is an error frame of API Gateway (FIDELITY section 2)."""
    ids = _ERROR_KEYS & value.keys()
    return isinstance(value.get("message"), str) and "connectionId" in ids and len(ids) > 1


def _masked_value(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: "…" if key in _CHANGING_KEYS else _masked_value(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_masked_value(inner) for inner in value]
    return _CHANGING_VALUE.sub("…", value) if isinstance(value, str) else value

"""A target that writes down what it is asked and what it answers, as a client sees it.

Lives here: the sockets' frames and handshakes, and the API calls whose answers the rows
are about. What the account's other services say is not written down. Does not know
pytest, and redacts nothing.
"""

from __future__ import annotations

import io
import json
import re
from collections import Counter
from typing import Any

import websocket
from botocore.response import StreamingBody
from websocket import ABNF

from tests.stage.target import Target

_LONGEST = 6_000
"""Characters of one line; a longer text is cut, and its length is told."""
_REPEATED = re.compile(r"(.)\1{39,}")
_CONTROL = {ABNF.OPCODE_CLOSE: "close", ABNF.OPCODE_PING: "ping", ABNF.OPCODE_PONG: "pong"}


class Sightings:
    """What was seen since the last ``begin``, line by line, and how often what was done in all."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.counts: Counter[str] = Counter()
        self.api_ids: set[str] = set()
        self._sockets = 0

    def begin(self) -> None:
        """Another test begins."""
        self.lines = []
        self._sockets = 0

    def saw(self, line: str) -> None:
        """Adds a line; the same one again only counts."""
        line = _REPEATED.sub(lambda match: f"{match[1]}…({len(match[0])} times)", line)
        line = line if len(line) <= _LONGEST else f"{line[:60]}… ({len(line)} characters) …{line[-300:]}"
        last, _, times = self.lines[-1].rpartition(" ×") if self.lines else ("", "", "")
        if self.lines and self.lines[-1] == line:
            self.lines[-1] = f"{line} ×2"
        elif last == line and times.isdigit():
            self.lines[-1] = f"{line} ×{int(times) + 1}"
        else:
            self.lines.append(line)

    def next_socket(self) -> int:
        """The number of a new connection of the test."""
        self._sockets += 1
        return self._sockets


class Watched:
    """A target, watched. Everything else that the target has, this has, too."""

    def __init__(self, target: Target, sightings: Sightings):
        self._target = target
        self._sightings = sightings

    def __getattr__(self, name: str) -> Any:
        return getattr(self._target, name)

    def client(self, service: str, **options: Any) -> Any:
        """A boto3 client of the target whose calls are counted, and some of them written down."""
        client = self._target.client(service, **options)
        client.meta.events.register("after-call", self._after_call, unique_id="watched")
        return client

    def connect(self, url: str, **options: Any) -> websocket.WebSocket:
        """A socket of the target; its handshake and all its frames are written down."""
        sightings, number = self._sightings, self._sightings.next_socket()
        sightings.counts["connections"] += 1
        asked = _path(url)
        try:
            socket = self._target.connect(url, class_=_watched_socket(sightings, number, self._target), **options)
        except websocket.WebSocketBadStatusException as refused:
            body = (refused.resp_body or b"").decode("utf-8", "replace")
            sightings.saw(f"{number} handshake {asked} → {refused.status_code} {body}".rstrip())
            raise
        chosen = f", sub-protocol {socket.subprotocol}" if socket.subprotocol else ""
        sightings.saw(f"{number} handshake {asked} → 101{chosen}")
        return socket

    def get(self, url: str) -> int:
        """The status that answers an HTTP GET; it is written down."""
        status = self._target.get(url)
        self._sightings.saw(f"GET {_path(url)} → {status}")
        return status

    def saw(self, what: str, value: Any) -> None:
        """Writes down what a test has found out in another way, such as an event."""
        self._sightings.saw(f"{what}: {json.dumps(value, ensure_ascii=False)}")

    def _after_call(self, http_response: Any, parsed: dict[str, Any], model: Any, **_: Any) -> None:
        service, operation = model.service_model.service_name, model.name
        self._sightings.counts[f"{service}.{operation}"] += 1
        if operation == "CreateApi" and "ApiId" in parsed:
            self._sightings.api_ids.add(parsed["ApiId"])
        status, error = http_response.status_code, parsed.get("Error", {})
        said = f"{status} {error['Code']}: {error.get('Message', '')}".rstrip(": ") if error else str(status)
        if service == "apigatewaymanagementapi" or (service == "apigatewayv2" and error):
            self._sightings.saw(f"{operation} → {said}")
        elif operation == "Invoke":
            payload = parsed["Payload"].read() if "Payload" in parsed else b""
            parsed["Payload"] = StreamingBody(io.BytesIO(payload), len(payload))
            failed = f" {parsed['FunctionError']}" if parsed.get("FunctionError") else ""
            self._sightings.saw(f"Invoke → {said}{failed} {payload.decode('utf-8', 'replace')}".rstrip())


def _watched_socket(sightings: Sightings, number: int, target: Target) -> type[websocket.WebSocket]:
    """The class of one socket."""

    class Socket(websocket.WebSocket):
        def send(self, payload: Any, opcode: int = ABNF.OPCODE_TEXT) -> int:
            target.settle()
            sightings.counts["messages"] += 1
            sightings.saw(f"{number} > {'close' if opcode == ABNF.OPCODE_CLOSE else _text(payload)}")
            return super().send(payload, opcode)

        def recv_frame(self) -> ABNF:
            frame = super().recv_frame()
            sightings.counts["messages"] += 1
            if frame.opcode == ABNF.OPCODE_CLOSE:
                code = int.from_bytes(frame.data[:2], "big") if frame.data else "without a code"
                sightings.saw(f"{number} < close {code} {_text(frame.data[2:])}".rstrip())
            else:
                sightings.saw(f"{number} < {_CONTROL.get(frame.opcode, '')}{_text(frame.data)}")
            return frame

    return Socket


def _path(url: str) -> str:
    """What follows the host."""
    return url.partition("amazonaws.com")[2] or url.partition("://")[2].partition("/")[2]


def _text(data: Any) -> str:
    return data.decode("utf-8", "replace") if isinstance(data, bytes | bytearray) else str(data)

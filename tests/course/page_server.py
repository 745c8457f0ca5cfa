"""A small WebSocket server that misbehaves on demand, for the page's tests. It knows the page's frames and no AWS."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import Server, ServerConnection, serve

from tests.stage.waiting import eventually

FORBIDDEN = '{"message": "Forbidden", "connectionId":"abc=", "requestId":"def="}'
"""What API Gateway answers to a message that has no route (FIDELITY section 2)."""


class PageServer:
    """A chat on one port: messages go to everyone, pings are answered. A context manager; gone on exit.

    ``/refused`` answers the handshake with 401; ``/mute`` answers the first ping and none after it;
    ``/no-ping`` answers pings as API Gateway does without such a route, ``/no-route`` answers everything so,
    and ``/silent`` answers nothing. ``heard`` is every frame received, ``asked`` the path and query of every handshake.
    """

    def __init__(self) -> None:
        self.heard: list[dict[str, Any]] = []
        self.asked: list[str] = []
        self._port = 0
        self._server: Server | None = None
        self._thread: threading.Thread | None = None
        self._open: list[ServerConnection] = []

    def __enter__(self) -> PageServer:
        self.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()

    @property
    def handshakes(self) -> int:
        return len(self.asked)

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Listen, on the same port as before if there was one."""
        self._server = serve(
            self._serve,
            "127.0.0.1",
            self._port,
            process_request=self._answer_handshake,
            compression=None,
            max_size=None,
        )
        self._port = self._server.socket.getsockname()[1]
        self._thread = threading.Thread(target=self._server.serve_forever, name="page server")
        self._thread.start()

    def stop(self) -> None:
        """Close every connection and stop listening; harmless when stopped."""
        if self._server is None or self._thread is None:
            return
        self._server.shutdown()
        self._end_all()
        self._thread.join(10)
        eventually(lambda: list(self._open), lambda left: not left, "the page server's connections to end")
        self._server = None

    def cut(self) -> None:
        """End every connection without a close frame, as a lost line does. There must be one, now or in a moment."""
        self._wait_for_one()
        self._end_all()

    def close(self, code: int, reason: str) -> None:
        """Close every connection with a code, as API Gateway does with an idle one."""
        self._wait_for_one()
        for connection in list(self._open):
            connection.close(code, reason)

    def say(self, *frames: str | bytes | dict[str, Any]) -> None:
        """Send frames to everyone; a dict goes as JSON."""
        self._wait_for_one()
        for frame in frames:
            text = json.dumps(frame) if isinstance(frame, dict) else frame
            for connection in list(self._open):
                connection.send(text)

    def wait_heard(self, *actions: str, what: str = "frames from the page") -> None:
        """Block until the frames received are these actions, in this order."""
        eventually(lambda: [frame.get("action") for frame in self.heard], lambda seen: seen == list(actions), what)

    def wait_open(self, count: int) -> None:
        eventually(lambda: len(self._open), lambda number: number == count, f"{count} open connections")

    def _wait_for_one(self) -> None:
        """The page may know of its connection a moment before the server's thread does."""
        eventually(lambda: len(self._open), bool, "an open connection")

    def _end_all(self) -> None:
        for connection in list(self._open):
            connection.close_socket()

    def _answer_handshake(self, connection: ServerConnection, request: Any) -> Any:
        self.asked.append(request.path)
        if request.path == "/refused":
            return connection.respond(HTTPStatus.UNAUTHORIZED, "no\n")
        return None

    def _serve(self, connection: ServerConnection) -> None:
        self._open.append(connection)
        try:
            for text in connection:
                self._receive(connection, json.loads(text))
        except ConnectionClosed:
            pass
        finally:
            self._open.remove(connection)

    def _receive(self, connection: ServerConnection, frame: dict[str, Any]) -> None:
        path = connection.request.path if connection.request else ""
        is_ping = frame["action"] == "ping"
        if path == "/no-route" or (path == "/no-ping" and is_ping):
            connection.send(FORBIDDEN)
        elif is_ping and path != "/silent":
            if path != "/mute" or not any(one["action"] == "ping" for one in self.heard):
                connection.send('{"type": "pong"}')
        elif path != "/silent":
            self.say(message(frame["sender"], frame["message"], 1_000_001 + len(self.heard)))
        self.heard.append(frame)  # Last, so that whoever has seen it here knows that its answer is on the way.


def message(sender: Any, text: Any, number: int) -> dict[str, Any]:
    """A chat message as the handlers send it."""
    return {
        "type": "message",
        "room": "global",
        "sender": sender,
        "message": text,
        "timestamp": 1_795_000_000_000_000 + number,
        "message_id": f"id-{number}",
    }


def numbered(texts: Iterable[str], sender: str = "Mallory") -> list[dict[str, Any]]:
    return [message(sender, text, number) for number, text in enumerate(texts, start=1000)]

"""One WebSocket of a chat panel, in a daemon thread of its own.

Here lives websocket-client's ``WebSocketApp`` and nothing else: what comes in
is handed to a listener, from the thread. This file knows no widgets, and it
does not know what a frame means. Nothing is ever printed: text from a thread
would land in whichever cell runs.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable
from typing import Protocol

import websocket

_logger = logging.getLogger("websocket")  # reports every closed connection as an error
_logger.addHandler(logging.NullHandler())
_logger.propagate = False

CONNECTING, CONNECTED, DISCONNECTED, REFUSED = "connecting", "connected", "disconnected", "refused"


class Listener(Protocol):
    """What a line tells its owner, always in this order: one status, frames, one last status."""

    def status_changed(self, status: str, detail: str) -> None:
        """``status`` is connected, disconnected or refused; ``detail`` the HTTP status or close code as text."""

    def frame_received(self, text: str) -> None:
        """A text frame arrived."""

    def ping_answered(self) -> None:
        """A ping has been answered: what the other side had sent before it got the ping has arrived."""


class ChatSocket:
    """A client connection to a WebSocket URL. ``open`` once; afterwards ``send`` and ``close`` from any thread.

    The proxy and CA variables of the environment are honoured, as websocket-client does.
    """

    def __init__(self, url: str, listener: Listener):
        self._listener = listener
        self._refusal = ""
        self._socket: websocket.WebSocket | None = None
        self._app = websocket.WebSocketApp(
            url,
            on_open=self._on_open,
            on_message=self._on_message,
            on_pong=self._on_pong,
            on_error=self._on_error,
            on_close=self._on_close,
        )
        self._thread = threading.Thread(target=self._app.run_forever, name=f"chat socket {url}", daemon=True)

    def open(self) -> None:
        """Begin to connect and return at once; the listener hears of the outcome."""
        self._thread.start()

    def send(self, text: str) -> None:
        """Send one text frame. Raises ``ConnectionError`` when the connection is gone."""
        self._send(text, websocket.ABNF.OPCODE_TEXT)

    def ping(self) -> None:
        """Send a ping, which the other side answers in its turn. Raises ``ConnectionError``."""
        self._send("", websocket.ABNF.OPCODE_PING)

    def close(self, timeout_s: float = 5.0) -> None:
        """Close with code 1000 and wait until the thread has ended; harmless when already closed."""
        try:
            if self._socket is not None and self._socket.connected:
                self._socket.send_close()  # the thread reads the answer and ends; two readers would race for it
        except (OSError, websocket.WebSocketException):
            pass  # it closed by itself in the meantime
        if self._thread is threading.current_thread() or not self._thread.ident:
            return
        self._thread.join(timeout_s)
        if self._thread.is_alive():
            self._app.close(timeout=0)

    def _send(self, text: str, opcode: int) -> None:
        try:
            self._app.send(text, opcode)
        except websocket.WebSocketException as error:
            raise ConnectionError(str(error)) from error

    def _on_open(self, app: websocket.WebSocketApp) -> None:
        self._socket = app.sock
        self._listener.status_changed(CONNECTED, "")

    def _on_message(self, app: websocket.WebSocketApp, text: str) -> None:
        self._listener.frame_received(text)

    def _on_pong(self, app: websocket.WebSocketApp, data: bytes) -> None:
        self._listener.ping_answered()

    def _on_error(self, app: websocket.WebSocketApp, error: BaseException) -> None:
        status = getattr(error, "status_code", None)
        self._refusal = (
            str(status) if status else getattr(error, "strerror", None) or str(error) or type(error).__name__
        )

    def _on_close(self, app: websocket.WebSocketApp, code: int | None, reason: str | None) -> None:
        if self._socket is not None:
            self._socket.shutdown()  # after a close handshake websocket-client leaves the TCP connection open
            self._listener.status_changed(DISCONNECTED, " ".join(str(part) for part in (code, reason) if part))
        else:
            self._listener.status_changed(REFUSED, self._refusal)


class FunctionLine:
    """A line without a network: every frame that is sent goes to a function, as a dict.

    The function's result, if any, is what arrives in return. It lets the panel
    work before there is an API (lesson 1 writes rows to a table with it).
    """

    def __init__(self, function: Callable[[dict], dict | None], listener: Listener):
        self._function = function
        self._listener = listener

    def open(self) -> None:
        self._listener.status_changed(CONNECTED, "")

    def send(self, text: str) -> None:
        result = self._function(json.loads(text))
        if result is not None:
            self._listener.frame_received(json.dumps(result))

    def ping(self) -> None:
        self._listener.ping_answered()

    def close(self, timeout_s: float = 0.0) -> None:
        self._listener.status_changed(DISCONNECTED, "")

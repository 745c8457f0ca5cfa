"""Three people who chat in a deployed variant: each a WebSocket, and everything that it has received.

They speak the variants' wire form and know neither tables nor functions.
"""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable

import websocket

from classroom.exercises.checks import CheckFailed

PATIENCE_S = 60.0
_FRAME_BYTES = 30_000
"""Less than the 32 KB that API Gateway takes in one frame; a longer message goes in several."""
_ANSWERS = ("Forbidden", "not recognized")
"""What is in the answer to an action that has no route, from API Gateway or from a ``$default`` function."""


class Person:
    """One client. Raises ``Refused`` when the handshake is."""

    class Refused(Exception):
        """The handshake was answered with an HTTP status; it is the text."""

    def __init__(self, url: str, changed: threading.Condition):
        """``changed`` is notified of every frame; the people of one chat share it."""
        try:
            self._socket = websocket.create_connection(url, timeout=PATIENCE_S)
        except websocket.WebSocketBadStatusException as error:
            raise Person.Refused(str(error.status_code)) from None
        self._socket.settimeout(None)
        self._frames: list[str] = []
        self._changed = changed
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def say(self, action: str, text: str) -> None:
        """Send a chat message, in as many frames as it takes."""
        data = json.dumps({"action": action, "sender": "Student", "message": text}, ensure_ascii=False).encode()
        for start in range(0, len(data), _FRAME_BYTES):
            part = data[start : start + _FRAME_BYTES]
            opcode = websocket.ABNF.OPCODE_CONT if start else websocket.ABNF.OPCODE_TEXT
            last = start + _FRAME_BYTES >= len(data)
            self._socket.send_frame(websocket.ABNF.create_frame(part, opcode, int(last)))

    def ask(self) -> str:
        """Send an action that has no route, wait for its answer, and return the text in it.

        What was posted to this person before it was asked has arrived by then.
        """
        before = len(self.answers)
        self._socket.send('{"action": "dance"}')
        self.wait_for(lambda: len(self.answers) > before, "the answer to an action that has no route")
        return json.loads(self.answers[-1])["message"]

    def heard(self, text: str) -> int:
        """How many frames with a text have come."""
        return sum(text in frame for frame in tuple(self._frames))

    def wait_for(self, is_so: Callable[[], bool], what: str) -> None:
        """Wait until it is so, looking whenever a frame comes. Raises ``CheckFailed``."""
        with self._changed:
            if not self._changed.wait_for(is_so, PATIENCE_S):
                raise CheckFailed(f"{PATIENCE_S:.0f} s were not enough for {what}.")

    @property
    def answers(self) -> list[str]:
        """The answers to actions that have no route."""
        return [frame for frame in tuple(self._frames) if any(words in frame for words in _ANSWERS)]

    def leave(self) -> None:
        """Close the connection; harmless when it is closed."""
        with contextlib.suppress(OSError, websocket.WebSocketException):
            self._socket.send_close()  # the reader gets the answer, and ends
        self._reader.join(PATIENCE_S)
        self._socket.shutdown()

    def _read(self) -> None:
        while True:
            try:
                text = self._socket.recv()
            except (OSError, websocket.WebSocketException):
                return
            if not text:
                return  # it is closed: no frame of a chat is empty
            with self._changed:
                self._frames.append(text)
                self._changed.notify_all()


def until(what: str, is_so: Callable[[], bool]) -> None:
    """Look until it is so. Raises ``CheckFailed`` with what was waited for."""
    deadline = time.monotonic() + PATIENCE_S
    while not is_so():
        if time.monotonic() > deadline:
            raise CheckFailed(f"{PATIENCE_S:.0f} s were not enough for {what}.")
        threading.Event().wait(0.1)

"""The chat panel in a chat with rooms: it joins a room, and again whenever it connects again.

What it knows of the room is a ``Conversation``, which decides which messages are
shown: each once, in the room's order, those of the time without a connection too.
"""

from __future__ import annotations

import json
import random
import threading
import time
from contextlib import suppress
from typing import Any

from classroom.panel.chat_panel import Panel
from classroom.panel.conversation import Conversation
from classroom.panel.transcript import Entry, Frame
from classroom.panel.wire import may_be_asked_again


class RoomPanel(Panel):
    """A chat screen for one person in one room at a time. Give it the ``url`` of a chat with rooms, and a ``room``."""

    def __init__(self, name: str, url: str, room: str, **options: Any):
        self._conversation = Conversation(room, name)
        self._answered = True
        """Whether the last wish to join has been answered, either way."""
        self._asking_again: threading.Timer | None = None
        super().__init__(name, url, **options)
        self._view.add_room(room, self)

    @property
    def room(self) -> str:
        return self._conversation.room

    @property
    def members(self) -> list[str]:
        """Who is in the room, as far as this screen has been told."""
        with self._changed:
            return list(self._conversation.members)

    def connect(self, timeout: float | None = None) -> None:
        """Connect, join the room, and wait for its history: what was said meanwhile is on the screen then."""
        super().connect(timeout)
        if self.connected:
            self._join(timeout)

    def go_to(self, room: str, timeout: float | None = None) -> None:
        """Leave the room for another one; the screen is emptied first."""
        with self._changed:
            left, self._conversation = self.room, Conversation(room, self.name)
            self.clear()
        self.send_frame({"action": "leaveRoom", "room": left})
        self._join(timeout)

    def earlier(self, timeout: float | None = None) -> None:
        """Show what was said before the first message on the screen, if anything was."""
        with self._changed:
            wish, oldest = self._conversation.earlier(), self._conversation.first
        if wish is not None:
            self.send_frame(wish)
            self._wait(lambda: self._conversation.first != oldest, timeout, "earlier messages")

    def wait_members(self, *names: str, timeout: float | None = None) -> None:
        """Block until exactly these are in the room, as this screen knows it."""
        self._wait(
            lambda: self._conversation.members == sorted(names), timeout, f"{', '.join(sorted(names))} in the room"
        )

    def frame_received(self, text: str) -> None:
        frame = _room_frame(text)
        if frame is None or frame.get("room", self.room) != self.room:
            super().frame_received(text)
            if may_be_asked_again(text):
                self._ask_again_later()
            return
        with self._changed:
            self._frames.append(Frame("received", text, self._time()))
            shown = [self._entry_of(message) for message in self._conversation.receive(frame)]
            if "before" in frame:
                self._log.put_first(shown)
            else:
                for entry in shown:
                    self._log.append(entry)
            if frame["type"] == "presence":
                word = "has come" if frame["here"] else "has left"
                self._log.append(Entry("notice", f"{frame['name']} {word}", clock=self._time()))
            self._answered |= frame["type"] == "history"
            self._show_everything()
            wish = self._conversation.wish()
            self._changed.notify_all()
        if wish is not None:
            self.send_frame(wish)

    def room_entered(self, room: str) -> None:
        if room.strip() and room.strip() != self.room:
            self._try(lambda: self.go_to(room.strip()))

    def earlier_wanted(self) -> None:
        self._try(self.earlier)

    def _join(self, timeout: float | None) -> None:
        with self._changed:
            self._answered = False
            wish, errors = self._conversation.join(), self._refusals()
        self.send_frame(wish)
        self._wait(lambda: self._answered or self._refusals() > errors, timeout, f"the room {self.room}")

    def _ask_again_later(self) -> None:
        """What was refused may have been the question that is open."""
        with self._changed:
            longest_s = None if self._asking_again else self._conversation.refused()
            if longest_s is None:
                return
            self._asking_again = threading.Timer(longest_s * random.uniform(0.5, 1), self._ask_again)
            self._asking_again.daemon = True
            self._asking_again.start()

    def _ask_again(self) -> None:
        with self._changed:
            self._asking_again = None
            question = self._conversation.question if self.connected else None
        if question is not None:
            with suppress(ConnectionError):  # It has closed meanwhile; connecting again asks, too.
                self.send_frame(question)

    def _refusals(self) -> int:
        return sum(entry.kind == "refusal" for entry in self._log)

    def _entry_of(self, message: dict[str, Any]) -> Entry:
        kind = "own" if message["sender"] == self._conversation.name else "other"
        return Entry(kind, message["message"], message["sender"], self._time(), time.monotonic())

    def _frame_of(self, text: str) -> str | dict:
        return {"action": "sendMessage", "room": self.room, "message": text}


def _room_frame(text: str) -> dict[str, Any] | None:
    """A frame that is about a room, or None."""
    try:
        frame = json.loads(text)
    except (ValueError, RecursionError):
        return None
    kinds = ("joined", "history", "message", "presence", "members")
    known = isinstance(frame, dict) and frame.get("type") in kinds and isinstance(frame.get("room"), str)
    return frame if known else None

"""What one client knows of one room: every message once, in the room's order, however often its line is cut.

The messages of a room are numbered 1, 2, 3 without a gap. So a client sees by itself
what it has missed, and what it has already. Pure: frames go in, messages come out in
order, and ``wish`` says what to send next. The page's ``conversation.js`` does the same.
"""

from __future__ import annotations

from typing import Any

Frame = dict[str, Any]
ASK_AGAIN = 5
"""So many times in a row: what is refused for longer is no crowd of a moment."""


class Conversation:
    """One room as one client sees it. It outlives connections: send ``join()`` after each connect."""

    def __init__(self, room: str, name: str = ""):
        self.room, self.name = room, name
        self.last: int | None = None
        """The newest message that has been shown, and all before it; None until the first history has come."""
        self.first: int | None = None
        """The oldest one that has been shown; 1 means that there is nothing before it."""
        self.members: list[str] = []
        self.question: Frame | None = None
        """What was asked and is not answered yet; the answer is a history."""
        self._refusals = 0
        self._early: dict[int, Frame] = {}
        self._behind = False

    def join(self) -> Frame:
        """The frame that joins the room, or joins again and asks for what was missed."""
        self._refusals = 0
        frame = {"action": "joinRoom", "room": self.room}
        if self.name:
            frame["name"] = self.name
        self.question = frame if self.last is None else {**frame, "after": self.last}
        return self.question

    def receive(self, frame: Frame) -> list[Frame]:
        """Take a frame of this room; return the messages that can be shown now, in order, each of them once."""
        kind = frame.get("type")
        if kind == "joined":
            self.name, self.members = frame["name"], sorted(frame["members"])
        elif kind == "members":
            self.members = sorted(frame["members"])
        elif kind == "presence":
            others = {name for name in self.members if name != frame["name"]}
            self.members = sorted(others | {frame["name"]} if frame["here"] else others)
        elif kind == "history":
            return self._history(frame)
        elif kind == "message":
            self._early[frame["number"]] = frame
            return self._in_order()
        return []

    def wish(self) -> Frame | None:
        """What to send now, if anything: a question for the messages that are missing."""
        if self.question or self.last is None or not (self._early or self._behind):
            return None
        self.question = {"action": "readHistory", "room": self.room, "after": self.last}
        return self.question

    def refused(self) -> int | None:
        """API Gateway has refused a frame, which may have been the question.

        The longest wait in seconds before it is asked again, twice as long each time; None where it is not.
        """
        if self.question is None or self._refusals == ASK_AGAIN:
            return None
        self._refusals += 1
        return 2 ** (self._refusals - 1)

    def earlier(self) -> Frame | None:
        """The question for what was said before the oldest message shown; None where there is nothing before it."""
        if self.first is None or self.first <= 1:
            return None
        return {"action": "readHistory", "room": self.room, "before": self.first}

    def _history(self, frame: Frame) -> list[Frame]:
        messages: list[Frame] = frame["messages"]
        if "before" in frame:
            older = [message for message in messages if self.first is not None and message["number"] < self.first]
            self.first = older[0]["number"] if older else self.first if messages else 1
            return older
        if self.last is None:
            self.first = messages[0]["number"] if messages else 1
            self.last = self.first - 1
        elif messages and "after" in frame and frame["after"] <= self.last:
            self.last = max(self.last, messages[0]["number"] - 1)  # what lies between has expired: it never comes
        self._early |= {message["number"]: message for message in messages}
        self.question, self._refusals = None, 0
        self._behind = "after" in frame and frame["more"]
        return self._in_order()

    def _in_order(self) -> list[Frame]:
        """Take what follows the last message without a gap; forget what has been shown before."""
        shown: list[Frame] = []
        if self.last is not None:
            while self.last + 1 in self._early:
                self.last += 1
                shown.append(self._early[self.last])
            self._early = {number: frame for number, frame in self._early.items() if number > self.last}
        return shown

"""A panel in a chat with rooms, on a line that is a function: what it sends, and what it shows of what it is told."""

from __future__ import annotations

from typing import Any

import pytest

from classroom.panel import room_panel
from classroom.panel.conversation import ASK_AGAIN
from classroom.panel.room_panel import RoomPanel

BUSY = {"message": "Too Many Requests", "connectionId": "c=", "requestId": "r="}
HISTORY = {"type": "history", "room": "tea", "more": False} | {
    "messages": [{"type": "message", "room": "tea", "number": 1, "sender": "Bob", "message": "Milk?", "timestamp": 1}]
}


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wait is a thousandth of what it is."""
    monkeypatch.setattr(room_panel.random, "uniform", lambda least, most: most / 1000)


class Api:
    """Answers joining with these frames, one after the other, and with the last of them from then on."""

    def __init__(self, *answers: dict[str, Any]):
        self._answers = [*answers]
        self.asked: list[dict[str, Any]] = []

    def __call__(self, frame: dict[str, Any]) -> dict[str, Any]:
        self.asked.append(frame)
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


def test_room_when_joining_was_refused_for_a_moment() -> None:
    """It asks again, and shows what was said; the refusals stay on the screen."""
    api = Api(BUSY, {**BUSY, "message": "Internal server error"}, HISTORY)
    panel = RoomPanel("Ann", "", "tea", write=api)
    panel.wait_for("Milk?")
    assert api.asked == [{"action": "joinRoom", "room": "tea", "name": "Ann"}] * 3
    assert [text for _, text in panel.messages()] == ["Milk?"]
    assert "Too Many Requests" in str(panel.transcript())


def test_room_when_joining_is_refused_for_good() -> None:
    """After some refusals in a row it asks no more, until it connects again."""
    api = Api(BUSY)
    panel = RoomPanel("Ann", "", "tea", write=api)
    panel.wait_for("Too Many Requests", count=ASK_AGAIN + 1)
    assert panel._asking_again is None
    panel.disconnect()
    panel.connect()
    panel.wait_for("Too Many Requests", count=2 * (ASK_AGAIN + 1))
    assert len(api.asked) == 2 * (ASK_AGAIN + 1)


@pytest.mark.parametrize(
    "refusal", [{"type": "error", "message": "There is no such room."}, {**BUSY, "message": "Forbidden"}]
)
def test_room_when_a_handler_or_the_api_says_no(refusal: dict[str, Any]) -> None:
    """What a handler refuses, and a route that is not there, is asked once."""
    api = Api(refusal)
    panel = RoomPanel("Ann", "", "tea", write=api)
    panel.wait_for(refusal["message"])
    assert panel._asking_again is None and len(api.asked) == 1

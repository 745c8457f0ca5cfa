"""A client's view of a room: every message once and in order, whatever is lost, repeated, late or cut."""

from __future__ import annotations

import json
import random
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from py_mini_racer import MiniRacer

from classroom.panel.conversation import Conversation

PAGE = 5
PAGES_OWN = Path(__file__).resolve().parents[2] / "html" / "conversation.js"


@pytest.fixture(scope="module")
def engine() -> MiniRacer:
    engine = MiniRacer()
    engine.eval(PAGES_OWN.read_text("utf-8"))
    return engine


class PagesConversation:
    """The page's Conversation with the methods of the panel's."""

    def __init__(self, engine: MiniRacer, room: str, name: str = ""):
        self._engine, self._name, self._room = engine, name, room
        engine.eval(f"var here = new Conversation({json.dumps(room)})")

    def _ask(self, expression: str) -> Any:
        return json.loads(str(self._engine.eval(f"JSON.stringify({expression} ?? null)")))

    def join(self) -> dict[str, Any]:
        return self._ask(f"here.join({json.dumps(self._name)})")

    def receive(self, frame: dict[str, Any]) -> list[dict[str, Any]]:
        return self._ask(f"here.receive({json.dumps(frame)})")

    def wish(self) -> dict[str, Any] | None:
        return self._ask("here.wish()")

    def earlier(self) -> dict[str, Any] | None:
        return self._ask("here.earlier()")

    def refused(self) -> int | None:
        return self._ask("here.refused()")

    @property
    def members(self) -> list[str]:
        return self._ask("here.members")

    @property
    def question(self) -> dict[str, Any] | None:
        return self._ask("here.question")


@pytest.fixture(params=["panel", "page"])
def begin(request: pytest.FixtureRequest, engine: MiniRacer) -> Any:
    """How a conversation begins: the notebook's panel and the web page have one each, which must do the same."""
    return Conversation if request.param == "panel" else partial(PagesConversation, engine)


def message(number: int) -> dict[str, Any]:
    return {"type": "message", "room": "tea", "number": number, "sender": "ann", "timestamp": number} | {
        "message": f"line {number}"
    }


def answered(said: int, wish: dict[str, Any]) -> dict[str, Any]:
    """What the course's functions answer to a join or a question when so many messages have been said."""
    after, before = wish.get("after"), wish.get("before")
    if after is not None:
        numbers = list(range(after + 1, min(after + PAGE, said) + 1))
        return {"type": "history", "after": after, "messages": [*map(message, numbers)], "more": after + PAGE < said}
    end = before or said + 1
    numbers = list(range(max(1, end - PAGE), end))
    asked = {} if before is None else {"before": before}
    return {"type": "history", **asked, "messages": [*map(message, numbers)], "more": end - PAGE > 1}


def numbers(frames: list[dict[str, Any]]) -> list[int]:
    return [frame["number"] for frame in frames]


@pytest.mark.parametrize("seed", range(20))
def test_every_message_once_when_the_line_is_cut_at_random(seed: int, begin: Any) -> None:
    """Frames are lost, repeated and out of order, and the line is cut: what is shown is 1, 2, 3 and so on, to the end."""
    chance = random.Random(seed)
    here = begin("tea")
    shown = numbers(here.receive(answered(0, here.join())))
    on_the_way: list[dict[str, Any]] = []
    for number in range(1, 41):
        on_the_way += [message(number)] * chance.choice((0, 1, 1, 1, 2))
        chance.shuffle(on_the_way)
        while on_the_way and chance.random() < 0.7:
            shown += numbers(here.receive(on_the_way.pop()))
        if wish := here.wish():
            on_the_way.append(answered(number, wish))
        if chance.random() < 0.1:  # the line is cut: what was on it is lost, answers too
            on_the_way = [answered(number, here.join())]
    on_the_way = [answered(40, here.join())]
    while on_the_way:
        shown += numbers(here.receive(on_the_way.pop()))
        if wish := here.wish():
            on_the_way.append(answered(40, wish))
    assert shown == list(range(1, 41))


def test_newest_page_first_when_a_room_has_a_past(begin: Any) -> None:
    """Who joins sees the last messages; paging back gives those before, to the first, and then nothing is asked."""
    here = begin("tea")
    assert numbers(here.receive(answered(12, here.join()))) == [8, 9, 10, 11, 12]
    assert here.wish() is None
    older = []
    while wish := here.earlier():
        older = numbers(here.receive(answered(12, wish))) + older
    assert older == [1, 2, 3, 4, 5, 6, 7]
    assert numbers(here.receive(message(13))) == [13]


def test_nothing_twice_when_an_answer_comes_twice(begin: Any) -> None:
    """The same page of older messages, or the same history, shows nothing the second time."""
    here = begin("tea")
    first = answered(12, here.join())
    back = answered(12, {"before": 8})
    assert [numbers(here.receive(frame)) for frame in (first, first, back, back)] == [
        [8, 9, 10, 11, 12],
        [],
        [3, 4, 5, 6, 7],
        [],
    ]


def test_members_follow_who_comes_and_goes(begin: Any) -> None:
    """The list is what joining answered, and changes with each presence."""
    here = begin("tea", "eve")
    assert here.join() == {"action": "joinRoom", "room": "tea", "name": "eve"}
    here.receive({"type": "joined", "name": "Ann", "members": ["Bob", "Ann"]})
    here.receive({"type": "presence", "name": "Carol", "here": True})
    here.receive({"type": "presence", "name": "Bob", "here": False})
    here.receive({"type": "presence", "name": "Dan", "here": False})
    assert here.members == ["Ann", "Carol"]


def test_going_on_when_what_was_missed_has_expired(begin: Any) -> None:
    """Whoever comes back when messages 3 to 8 have expired sees 9 next, and asks for nothing that never comes."""
    here = begin("tea")
    assert numbers(here.receive(answered(2, here.join()))) == [1, 2]
    left = {"type": "history", "after": 2, "messages": [message(9), message(10)], "more": False}
    assert here.join()["after"] == 2
    assert numbers(here.receive(left)) == [9, 10] and here.wish() is None
    assert numbers(here.receive(left)) == []
    assert numbers(here.receive(message(12))) == [] and here.wish()["after"] == 10
    assert numbers(here.receive({**left, "after": 10, "messages": [message(11), message(12)]})) == [11, 12]


def test_nothing_earlier_when_it_has_expired(begin: Any) -> None:
    """A question for earlier messages that finds none is the last one."""
    here = begin("tea")
    here.receive({"type": "history", "messages": [message(9), message(10)], "more": False})
    asked = here.earlier()
    assert asked["before"] == 9
    assert here.receive({"type": "history", "before": 9, "messages": [], "more": False}) == []
    assert here.earlier() is None


def test_question_stays_open_until_it_is_answered(begin: Any) -> None:
    """A history closes it, and nothing else: so what API Gateway refused can be asked again."""
    here = begin("tea")
    asked = here.join()
    here.receive({"type": "joined", "name": "Ann", "members": ["Ann"]})
    here.receive(message(1))
    assert here.question == asked and here.wish() is None
    here.receive(answered(1, asked))
    assert here.question is None
    here.receive(message(4))
    assert here.wish() == here.question == {"action": "readHistory", "room": "tea", "after": 1}
    here.receive(answered(4, here.question))
    assert here.question is None


def test_question_when_it_is_refused_again_and_again(begin: Any) -> None:
    """It is asked again after longer and longer waits, five times; an answer, or joining anew, begins the count anew."""
    here = begin("tea")
    assert here.refused() is None
    asked = here.join()
    assert [here.refused() for _ in range(6)] == [1, 2, 4, 8, 16, None]
    asked = here.join()
    assert [here.refused() for _ in range(2)] == [1, 2]
    here.receive(answered(1, asked))
    assert here.refused() is None
    here.receive(message(4))
    assert here.wish() and here.refused() == 1

"""rooms.yaml deployed: rooms, history, names and presence, for people whose lines are cut, and for hostile ones."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from localstage import LocalStage
from tests.course.test_templates_deployed import BUCKET, Site
from tests.stage.target import StageTarget


class Person:
    """A client of the chat with rooms."""

    def __init__(self, site: Site, url: str):
        self._socket = site.connect(url)
        self._socket.settimeout(20)
        self.heard: list[dict[str, Any]] = []

    def send(self, action: str, **fields: Any) -> None:
        self._socket.send(json.dumps({"action": action, **fields}))

    def hears(self, kind: str) -> dict[str, Any]:
        """The next frame of a kind; what comes before it is passed over."""
        while True:
            self.heard.append(json.loads(self._socket.recv()))
            if self.heard[-1].get("type") == kind:
                return self.heard[-1]

    def joins(self, room: str, **fields: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        self.send("joinRoom", room=room, **fields)
        return self.hears("joined"), self.hears("history")

    def says(self, room: str, message: str) -> None:
        self.send("sendMessage", room=room, message=message)

    def close(self) -> None:
        self._socket.close()


@pytest.fixture(scope="module")
def site(emptied: LocalStage) -> Iterator[Site]:
    site = Site(StageTarget(emptied))
    site.target.client("s3").create_bucket(Bucket=BUCKET)
    yield site
    site.close()


@pytest.fixture(scope="module")
def open_chat(site: Site) -> dict[str, str]:
    """The stack without a secret: names are what people say."""
    return site.deploy("open", "rooms.yaml")


def test_messages_stay_in_their_room(site: Site, open_chat: dict[str, str]) -> None:
    """Two rooms, one person in both: each hears its own, in order, and who joins later reads what was said."""
    ann, bob, eve = (Person(site, open_chat["WebSocketUrl"]) for _ in range(3))
    assert ann.joins("tea", name="Ann")[0]["members"] == ["Ann"]
    assert bob.joins("tea", name="Bob")[0]["members"] == ["Ann", "Bob"]
    bob.joins("chess", name="Bob")
    eve.joins("chess", name="Eve")
    assert ann.hears("presence") == {"type": "presence", "room": "tea", "name": "Bob", "here": True}
    ann.says("tea", "Milk?")
    eve.says("chess", "e4")
    milk = ann.hears("message")
    assert [milk[key] for key in ("room", "number", "sender", "message")] == ["tea", 1, "Ann", "Milk?"]
    heard = {frame["room"]: frame["message"] for frame in (bob.hears("message"), bob.hears("message"))}
    assert heard == {"tea": "Milk?", "chess": "e4"}
    assert eve.hears("message")["message"] == "e4"
    ann.says("chess", "d5")
    assert ann.hears("error")["message"] == "You are not in the room chess: join it first."
    _, history = ann.joins("chess", name="Ann")
    assert [message["message"] for message in history["messages"]] == ["e4"] and not history["more"]
    ann.send("leaveRoom", room="chess")
    assert eve.hears("presence")["here"] and not eve.hears("presence")["here"]
    assert ann.hears("presence") == {"type": "presence", "room": "chess", "name": "Ann", "here": False}
    bob.close()
    assert ann.hears("presence") == {"type": "presence", "room": "tea", "name": "Bob", "here": False}
    ann.send("listRooms")
    rooms = ann.hears("rooms")
    assert sorted(rooms["rooms"]) == ["chess", "tea"] and rooms["yours"] == ["tea"] and rooms["from"] is None
    ann.send("listMembers", room="tea")
    assert ann.hears("members")["members"] == ["Ann"]

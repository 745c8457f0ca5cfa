"""What two of the write-ups promise, deployed as mended. What all of them do, test_variants_compared.py measures."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
import websocket

from localstage import LocalStage
from tests.course.test_templates_deployed import BUCKET, Site, heard
from tests.stage.target import StageTarget
from tests.stage.waiting import eventually

FORBIDDEN = "Forbidden"


@pytest.fixture(scope="module")
def variants_site(emptied: LocalStage) -> Site:
    """A stage with a bucket for deployment packages, for all variants: each has a prefix of its own."""
    site = Site(StageTarget(emptied))
    site.target.client("s3").create_bucket(Bucket=BUCKET)
    return site


@pytest.fixture
def site(variants_site: Site) -> Iterator[Site]:
    """The same, hung up afterwards."""
    yield variants_site
    variants_site.close()


def test_one_function_when_only_module_one_is_there(site: Site) -> None:
    """s0, module 1: a message is a row of ChatMessages, and nothing comes back; there is no connections table."""
    url = site.deploy("mod", "variants/s0-one-function.yaml", Module="1")["WebSocketUrl"]
    ann = connected(site, url, "prod", 1)[0]
    say(ann, "Hello AWS", sender="Student")
    [row] = eventually(lambda: site.rows("mod-ChatMessages"), bool, "the message in the table")
    assert (row["room_id"], row["sender"], row["message"]) == ({"S": "global"}, {"S": "Student"}, {"S": "Hello AWS"})
    assert asked(ann, "dance")["message"] == FORBIDDEN  # and nothing before it
    tables = site.target.client("dynamodb").list_tables()["TableNames"]
    assert [name for name in tables if name.startswith("mod-")] == ["mod-ChatMessages"]

    site.deploy("mod", "variants/s0-one-function.yaml", Module="2")
    bob = site.connect(url)
    say(bob, "module 2")
    assert heard(bob) == {"sender": "Ann", "message": "module 2"}


def test_sessions_when_people_come_talk_and_leave(site: Site) -> None:
    """s2: rows of each table after connect, message and disconnect are those that the write-up tells to verify."""
    url = site.deploy("s2", "variants/s2-sessions.yaml")["WebSocketUrl"]
    people = connected(site, url, "dev", 3)
    for person, newcomers in zip(people, (2, 1, 0), strict=True):
        assert [heard(person)["message"].split()[1] for _ in range(newcomers)] == ["joined"] * newcomers
    ids = {row["connection_id"]["S"] for row in site.rows("s2-ActiveConnections")}
    sessions = site.rows("s2-SessionHistory")
    assert {row["connection_id"]["S"] for row in sessions} == ids and len(ids) == 3
    assert all(
        is_utc(row["connected_at"]) and row["source_ip"]["S"] and "disconnected_at" not in row for row in sessions
    )

    people[0].send('{"action": "sendmessage", "message": "Hello, WebSocket!"}')
    for person in people:
        prefix, text = re.fullmatch(r"(\[.+\] \S+): (.+)", heard(person)["message"]).groups()
        assert text == "Hello, WebSocket!" and prefix.split("] ")[1] in ids
    [row] = site.rows("s2-MessageHistory")
    assert row.keys() == {"message_id", "connection_id", "message", "timestamp"}
    assert is_utc(row["timestamp"]) and row["connection_id"]["S"] in ids and row["message"]["S"] == "Hello, WebSocket!"

    people[0].send('{"action": "ping"}')
    people[0].send('{"action": "sendmessage", "message": "ping"}')
    for person in people:
        assert heard(person)["message"].endswith(": ping")  # a word like any other; the heartbeat is a route
    assert asked(people[0], "dance") == {
        "error": "Unknown action",
        "message": "The requested action is not recognized.",
    }
    assert len(site.rows("s2-MessageHistory")) == 2
    people.pop().close()
    for person in people:
        assert heard(person)["message"].endswith(" left")
    everybody_leaves(site, people, "s2-ActiveConnections")
    closed = eventually(
        lambda: site.rows("s2-SessionHistory"),
        lambda rows: all("duration_seconds" in row for row in rows),
        "three closed sessions",
    )
    assert len(closed) == 3 and all(
        is_utc(row["disconnected_at"]) and float(row["duration_seconds"]["N"]) >= 0 for row in closed
    )


def connected(site: Site, url: str, stage: str, count: int) -> list[websocket.WebSocket]:
    """So many people at an address, whose stage is checked."""
    assert url.endswith(f".amazonaws.com/{stage}")
    return [site.connect(url) for _ in range(count)]


def say(socket: websocket.WebSocket, message: str, sender: str = "Ann") -> None:
    socket.send(json.dumps({"action": "sendMessage", "sender": sender, "message": message}))


def asked(socket: websocket.WebSocket, action: str) -> dict[str, Any]:
    """What comes next after an action is sent."""
    socket.send(json.dumps({"action": action}))
    return heard(socket)


def is_utc(value: dict[str, str]) -> bool:
    return datetime.fromisoformat(value["S"]).utcoffset().total_seconds() == 0


def everybody_leaves(site: Site, people: list[websocket.WebSocket], table: str) -> None:
    """Hang up, and see every row of the connections table go."""
    for person in people:
        person.close()
    eventually(lambda: site.rows(table), lambda rows: not rows, f"{table} to be empty")

"""Each of the five write-ups deployed, and what it promises: FEATURES of the source material, sections 1 to 3."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest
import websocket

from localstage import LocalStage
from tests.course.test_templates_deployed import BUCKET, Site, heard, left_over
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
    assert tables(site, "mod") == {"mod-ChatMessages": ["room_id", "timestamp"]}

    site.deploy("mod", "variants/s0-one-function.yaml", Module="2")
    bob = site.connect(url)
    say(bob, "module 2")
    assert heard(bob) == {"sender": "Ann", "message": "module 2"}


def test_one_function_when_everybody_talks(site: Site) -> None:
    """s0, module 2: everyone hears each message, the sender too; messages of one instant are all kept, in order."""
    url = site.deploy("s0", "variants/s0-one-function.yaml")["WebSocketUrl"]
    assert functions(site, "s0") == ["s0-chat_handler"]
    assert tables(site, "s0") == {"s0-ChatMessages": ["room_id", "timestamp"], "s0-ChatConnections": ["connection_id"]}
    people = connected(site, url, "prod", 3)
    texts = [f"number {number}" for number in range(5)]
    for text in texts:
        say(people[0], text)
    for person in people:
        assert sorted(heard(person)["message"] for _ in texts) == texts
    assert sorted(row["message"]["S"] for row in site.rows("s0-ChatMessages")) == texts
    say(people[0], " ")
    assert heard(people[0])["message"] == "The message is empty."
    everybody_leaves(site, people, "s0-ChatConnections")
    gone_with_its_stack(site, "s0")


def test_three_functions_when_everybody_talks(site: Site) -> None:
    """s1: a connection is one row, everyone hears each message, and no message is kept."""
    url = site.deploy("s1", "variants/s1-three-functions.yaml")["WebSocketUrl"]
    assert functions(site, "s1") == ["s1-onConnect", "s1-onDisconnect", "s1-sendMessage"]
    assert tables(site, "s1") == {"s1-WebSocketConnections": ["connectionId"]}
    people = connected(site, url, "dev", 3)
    assert len(site.rows("s1-WebSocketConnections")) == 3
    say(people[1], "to all")
    for person in people:
        assert heard(person) == {"sender": "Ann", "message": "to all"}
    assert asked(people[0], "sendmessage")["message"] == FORBIDDEN  # keys are case-sensitive
    everybody_leaves(site, people, "s1-WebSocketConnections")
    gone_with_its_stack(site, "s1")


def test_sessions_when_people_come_talk_and_leave(site: Site) -> None:
    """s2: rows of each table after connect, message and disconnect are those that the write-up tells to verify."""
    url = site.deploy("s2", "variants/s2-sessions.yaml")["WebSocketUrl"]
    assert functions(site, "s2") == [
        "s2-ConnectHandler",
        "s2-DefaultHandler",
        "s2-DisconnectHandler",
        "s2-SendMessageHandler",
    ]
    assert tables(site, "s2") == {
        "s2-ActiveConnections": ["connection_id"],
        "s2-SessionHistory": ["connection_id"],
        "s2-MessageHistory": ["message_id"],
    }
    people = connected(site, url, "dev", 3)
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
    assert heard(people[0])["message"].endswith(": ping")  # a word like any other; the heartbeat is a route
    assert asked(people[0], "dance") == {
        "error": "Unknown action",
        "message": "The requested action is not recognized.",
    }
    assert len(site.rows("s2-MessageHistory")) == 2
    everybody_leaves(site, people, "s2-ActiveConnections")
    closed = eventually(
        lambda: site.rows("s2-SessionHistory"),
        lambda rows: all("duration_seconds" in row for row in rows),
        "three closed sessions",
    )
    assert len(closed) == 3 and all(
        is_utc(row["disconnected_at"]) and float(row["duration_seconds"]["N"]) >= 0 for row in closed
    )


def test_sessions_when_notices_are_wanted(site: Site) -> None:
    """s2 with notices: the others are told who comes and who goes."""
    url = site.deploy("told", "variants/s2-sessions.yaml", JoinAndLeaveNotices="true")["WebSocketUrl"]
    ann = site.connect(url)
    bob = site.connect(url)
    assert heard(ann)["message"].endswith(" joined")
    bob.close()
    assert heard(ann)["message"].endswith(" left")


def test_cloudformation_when_everybody_talks(site: Site) -> None:
    """s3: all but the sender hear a message; $default tells how to chat and who you are; the table is provisioned 5/5."""
    url = site.deploy("s3", "variants/s3-cloudformation.yaml")["WebSocketUrl"]
    assert functions(site, "s3") == [
        "s3-ConnectHandler",
        "s3-DefaultHandler",
        "s3-DisconnectHandler",
        "s3-SendMessageHandler",
    ]
    assert tables(site, "s3") == {"s3-ConnectionsTable": ["connectionId"]}
    described = site.target.client("dynamodb").describe_table(TableName="s3-ConnectionsTable")["Table"][
        "ProvisionedThroughput"
    ]
    assert (described["ReadCapacityUnits"], described["WriteCapacityUnits"]) == (5, 5)
    people = connected(site, url, "prod", 3)
    say(people[0], "to the others")
    for person in people[1:]:
        assert heard(person) == {"sender": "Ann", "message": "to the others"}
    usage = asked(people[0], "dance")  # and no message before it
    assert '"action": "sendMessage"' in usage["message"]
    assert usage["connection"].keys() >= {"connectionId", "connectedAt", "lastActiveAt", "sourceIp"}
    everybody_leaves(site, people, "s3-ConnectionsTable")
    gone_with_its_stack(site, "s3")


def test_cloudformation_when_a_connection_is_gone(site: Site) -> None:
    """s3: a delivery that fails is logged, and the row of a connection that is gone goes too."""
    url = site.deploy("stale", "variants/s3-cloudformation.yaml")["WebSocketUrl"]
    ann, bob = connected(site, url, "prod", 2)
    site.target.client("dynamodb").put_item(
        TableName="stale-ConnectionsTable", Item={"connectionId": {"S": "AAAAAAAAAAAAAAA="}, "connected_at": {"N": "1"}}
    )
    say(ann, "anyone?")
    assert heard(bob)["message"] == "anyone?"
    eventually(
        lambda: site.rows("stale-ConnectionsTable"), lambda rows: len(rows) == 2, "the row of the gone connection to go"
    )
    lines = eventually(
        lambda: site.logged("stale-SendMessageHandler"),
        lambda lines: any("gone" in line for line in lines),
        "the line about it",
    )
    assert any('"to": "AAAAAAAAAAAAAAA="' in line for line in lines)


def test_sam_when_everybody_talks(site: Site) -> None:
    """s4: the table's name comes from WEBSOCKET_TABLE, everyone hears each message, and each is kept under a UUID."""
    url = site.deploy("s4", "variants/s4-sam.yaml")["WebSocketUrl"]
    assert functions(site, "s4") == ["s4-connect", "s4-disconnect", "s4-message"]
    assert tables(site, "s4") == {"s4-WebSocketConnections": ["connectionId"], "s4-ChatMessages": ["messageId"]}
    configuration = site.target.client("lambda").get_function_configuration(FunctionName="s4-connect")
    assert configuration["Environment"]["Variables"]["WEBSOCKET_TABLE"] == "s4-WebSocketConnections"
    people = connected(site, url, "dev", 3)
    for text in ("one", "two"):
        say(people[0], text)
        for person in people:
            assert heard(person) == {"sender": "Ann", "message": text}
    rows = site.rows("s4-ChatMessages")
    assert sorted(row["message"]["S"] for row in rows) == ["one", "two"]
    assert len({UUID(row["messageId"]["S"]) for row in rows}) == 2
    people[0].send('{"action": "sendMessage"}')
    assert heard(people[0]) == {"error": "Refused", "message": "The message is empty."}
    everybody_leaves(site, people, "s4-WebSocketConnections")
    gone_with_its_stack(site, "s4")


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


def tables(site: Site, prefix: str) -> dict[str, list[str]]:
    """The keys of a variant's tables, the partition key first."""
    dynamodb = site.target.client("dynamodb")
    return {
        name: [key["AttributeName"] for key in dynamodb.describe_table(TableName=name)["Table"]["KeySchema"]]
        for name in dynamodb.list_tables()["TableNames"]
        if name.startswith(f"{prefix}-")
    }


def functions(site: Site, prefix: str) -> list[str]:
    found = site.target.client("lambda").list_functions()["Functions"]
    return sorted(entry["FunctionName"] for entry in found if entry["FunctionName"].startswith(f"{prefix}-"))


def is_utc(value: dict[str, str]) -> bool:
    return datetime.fromisoformat(value["S"]).utcoffset().total_seconds() == 0


def everybody_leaves(site: Site, people: list[websocket.WebSocket], table: str) -> None:
    """Hang up, and see every row of the connections table go."""
    for person in people:
        person.close()
    eventually(lambda: site.rows(table), lambda rows: not rows, f"{table} to be empty")


def gone_with_its_stack(site: Site, name: str) -> None:
    """Delete the stack; nothing with its name is left."""
    site.delete(name)
    assert left_over(site, name) == []

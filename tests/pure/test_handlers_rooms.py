"""Rooms in the handlers: one order for each room, history in pages, memberships, and who may throw out whom."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator
from itertools import permutations, product
from types import ModuleType, SimpleNamespace
from typing import Any

import boto3
import pytest

from tests.pure.chat_account import NOW_MS, ChatAccount, chat_account, failure, load_handler

VARIABLES = {"ROOMS_TABLE": "ChatRooms", "MEMBERS_TABLE": "ChatMembers", "HISTORY_TABLE": "ChatHistory"}


class Rooms:
    """The chat with rooms in a pretended account."""

    def __init__(self, account: ChatAccount, monkeypatch: pytest.MonkeyPatch):
        self.account = account
        for variable, name in VARIABLES.items():
            monkeypatch.setenv(variable, name)
        by_connection = {
            "IndexName": "by_connection",
            "KeySchema": [
                {"AttributeName": "connection_id", "KeyType": "HASH"},
                {"AttributeName": "room_id", "KeyType": "RANGE"},
            ],
            "Projection": {"ProjectionType": "KEYS_ONLY"},
        }
        self.rooms = table("ChatRooms", room_id="S")
        self.members = table("ChatMembers", [by_connection], room_id="S", connection_id="S")
        self.history = table("ChatHistory", room_id="S", number="N")
        self.functions = {name: account.load(name, **VARIABLES) for name in ("rooms", "room_messages")}
        monkeypatch.setitem(sys.modules, "rooms", self.functions["rooms"])

    def module(self, name: str) -> ModuleType:
        return sys.modules[name]

    def give(self, action: str, who: str, token: str = "", **fields: Any) -> dict[str, Any]:
        """Give the functions somebody's event."""
        verified = {"authorizer": {"name": token, "principalId": token}} if token else {}
        event = self.account.event(action, who, None if action[0] == "$" else {"action": action, **fields}, **verified)
        function = "room_messages" if action in ("sendMessage", "readHistory") else "rooms"
        return self.functions[function].lambda_handler(event, self.account.context)

    def frames(self, who: str) -> list[dict[str, Any]]:
        """What somebody has received since the last time."""
        return self.account.clients.received.pop(who, [])

    def said(self, room: str) -> list[tuple[int, str]]:
        rows = self.module("history").read(self.history, room)[0]
        return [(int(row["number"]), row["message"]) for row in rows]


def table(name: str, indexes: list[dict[str, Any]] | None = None, **keys: str) -> Any:
    return boto3.resource("dynamodb").create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": kind} for key, kind in keys.items()],
        KeySchema=[{"AttributeName": key, "KeyType": role} for key, role in zip(keys, ("HASH", "RANGE"), strict=False)],
        **({"GlobalSecondaryIndexes": indexes} if indexes else {}),
    )


@pytest.fixture
def chat(monkeypatch: pytest.MonkeyPatch) -> Iterator[Rooms]:
    with chat_account(monkeypatch) as account:
        yield Rooms(account, monkeypatch)


class SlowTable:
    """A table of ChatHistory whose every call waits until a schedule lets its writer go on."""

    class meta:
        class client:
            class exceptions:
                class ConditionalCheckFailedException(Exception):
                    pass

    def __init__(self) -> None:
        self.rows: dict[int, dict[str, Any]] = {}

    def query(self, Limit: int, **_: Any) -> dict[str, Any]:
        newest = sorted(self.rows, reverse=True)[:Limit]
        return {"Items": [self.rows[number] for number in newest]}

    def put_item(self, Item: dict[str, Any], ConditionExpression: str) -> None:
        assert ConditionExpression == "attribute_not_exists(room_id)"
        if Item["number"] in self.rows:
            raise self.meta.client.exceptions.ConditionalCheckFailedException
        assert Item["number"] == len(self.rows) + 1, "a gap: a reader would see this number before a smaller one"
        self.rows[Item["number"]] = Item


def steps_of(history: ModuleType, table: SlowTable, message_id: str) -> Iterator[None]:
    """One writer, one call of DynamoDB for each step: what store() does, cut where another writer may come between."""
    import greenlet

    main = greenlet.getcurrent()

    class Cut:
        meta = table.meta

        def query(self, **given: Any) -> dict[str, Any]:
            main.switch()
            return table.query(**given)

        def put_item(self, **given: Any) -> None:
            main.switch()
            table.put_item(**given)

    writer = greenlet.greenlet(lambda: history.store(Cut(), {"room_id": "tea", "message_id": message_id}))
    while not writer.dead:
        writer.switch()
        yield


def test_one_order_without_gaps_when_three_write_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """In all 90 interleavings of three writers' calls each message has a number of its own, written in order."""
    history = load_handler("history", monkeypatch)
    for turns in sorted(set(permutations("AABBCC"))):
        table = SlowTable()
        writers = {name: steps_of(history, table, name) for name in "ABC"}
        for name in turns:
            next(writers[name], None)
        for writer in writers.values():
            for _ in writer:
                pass
        assert sorted(table.rows) == [1, 2, 3], turns
        assert {row["message_id"] for row in table.rows.values()} == {"A", "B", "C"}, turns


def test_message_stored_once_when_its_event_comes_twice(chat: Rooms) -> None:
    """An event that is handled again finds its own row, even after a few others."""
    store = chat.module("history").store
    row = {"room_id": "tea", "message_id": "m1", "message": "once"}
    first = store(chat.history, row)
    store(chat.history, {**row, "message_id": "m2", "message": "another"})
    assert store(chat.history, row) == first
    assert [(int(one["number"]), one["message"]) for one in chat.history.scan()["Items"]] == [
        (1, "once"),
        (2, "another"),
    ]


def test_numbers_go_on_when_messages_have_expired(chat: Rooms, monkeypatch: pytest.MonkeyPatch) -> None:
    """All messages that may expire are deleted, as TTL does: the newest is there, and the next one gets the next number."""
    history = chat.module("history")
    monkeypatch.setattr(history, "KEEP_DAYS", 2)
    row = {"room_id": "tea", "message": "x", "timestamp": 1_000_000 * 500}

    def say(message_id: str) -> int:
        return history.store(chat.history, {**row, "message_id": message_id})["number"]

    assert [say(message_id) for message_id in "abc"] == [1, 2, 3]
    kept = {int(one["number"]): one.get("expires_at") for one in chat.history.scan()["Items"]}
    assert kept == {1: 500 + 2 * 86_400, 2: 500 + 2 * 86_400, 3: None}
    for number in (1, 2):
        chat.history.delete_item(Key={"room_id": "tea", "number": number})
    assert say("d") == 4 and say("c") == 3  # and an event that comes twice is found among what is left
    history.let_expire(chat.history, "tea", 1, 7)
    assert {int(one["number"]) for one in chat.history.scan()["Items"]} == {3, 4}  # what is deleted stays so


def test_messages_kept_for_ever_when_no_days_are_set(chat: Rooms) -> None:
    """Without HISTORY_DAYS a message is one write, and no row has an end."""
    chat.give("joinRoom", "ann=", room="tea", name="Ann")
    for text in ("one", "two"):
        chat.give("sendMessage", "ann=", room="tea", message=text)
    assert [row.keys() & {"expires_at"} for row in chat.history.scan()["Items"]] == [set(), set()]


def test_history_in_pages_both_ways(chat: Rooms) -> None:
    """Joining gives the newest 50, `before` goes back to the first, `after` forward to the last; nobody else reads."""
    for number in range(1, 121):
        chat.history.put_item(
            Item={
                "room_id": "tea",
                "number": number,
                "sender": "Ann",
                "message": "x",
                "timestamp": 1,
                "message_id": "m",
            }
        )
    chat.give("joinRoom", "ann=", room="tea", name="Ann")
    joined, history = chat.frames("ann=")
    assert joined == {"type": "joined", "room": "tea", "name": "Ann", "members": ["Ann"]}
    pages = [history]
    while pages[0]["more"]:
        chat.give("readHistory", "ann=", room="tea", before=pages[0]["messages"][0]["number"])
        pages[:0] = chat.frames("ann=")
    assert [line["number"] for page in pages for line in page["messages"]] == list(range(1, 121))
    assert [len(page["messages"]) for page in pages] == [20, 50, 50]
    chat.give("readHistory", "ann=", room="tea", after=100)
    [rest] = chat.frames("ann=")
    assert [line["number"] for line in rest["messages"]] == list(range(101, 121)) and not rest["more"]
    assert chat.give("readHistory", "eve=", room="tea", after=0) == {"statusCode": 400}
    assert chat.frames("eve=") == [{"type": "error", "message": "You are not in the room tea: join it first."}]


def test_history_fits_into_a_frame_when_messages_are_long(chat: Rooms) -> None:
    """Long messages come in several frames of at most 128 KB, each message once."""
    chat.give("joinRoom", "ann=", room="tea", name="Ann")
    for number in range(1, 8):
        chat.history.put_item(
            Item={"room_id": "tea", "number": number, "sender": "Ann", "message": "ε" * 20_000}
            | {"timestamp": 1, "message_id": "m"}
        )
    chat.frames("ann=")
    got, after = [], 0
    for _ in range(7):
        chat.give("readHistory", "ann=", room="tea", after=after)
        [frame] = chat.frames("ann=")
        assert len(json.dumps(frame, ensure_ascii=False).encode()) <= 128 * 1024
        got += [line["number"] for line in frame["messages"]]
        after = got[-1]
        if not frame["more"]:
            break
    assert got == list(range(1, 8))


def test_one_query_reads_the_room_and_nothing_else(chat: Rooms) -> None:
    """A message reads its own room's rows, consistently; no table is scanned."""
    chat.give("joinRoom", "ann=", room="tea", name="Ann")
    calls: list[tuple[str, Any]] = []
    memberships = chat.functions["room_messages"].memberships
    memberships.meta.client.meta.events.register(
        "provide-client-params.dynamodb", lambda params, model, **_: calls.append((model.name, params["TableName"]))
    )
    chat.give("sendMessage", "ann=", room="tea", message="hello")
    assert [name for name, table in calls if table == "ChatMembers"] == ["GetItem", "Query"]
    assert not {"Scan"} & {name for name, _ in calls}


def test_members_without_those_whose_disconnect_never_came(chat: Rooms) -> None:
    """A row past its `expires_at` counts no more, although DynamoDB has not deleted it yet; Gone deletes at once."""
    chat.give("joinRoom", "ann=", room="tea", name="Ann")
    chat.members.put_item(
        Item={"room_id": "tea", "connection_id": "old=", "name": "Old", "expires_at": NOW_MS // 1000 - 1}
    )
    chat.give("joinRoom", "bob=", room="tea", name="Bob")
    chat.account.clients.failures["bob="] = failure("GoneException")
    chat.frames("ann=")
    chat.give("sendMessage", "ann=", room="tea", message="who is there?")
    kinds = [(frame["type"], frame.get("name"), frame.get("here")) for frame in chat.frames("ann=")]
    assert kinds == [("message", None, None), ("presence", "Bob", False)]
    chat.give("listMembers", "ann=", room="tea")
    assert chat.frames("ann=")[0]["members"] == ["Ann"]
    assert {row["connection_id"] for row in chat.members.scan()["Items"]} == {"ann=", "old="}


def test_name_there_as_long_as_one_of_its_connections(chat: Rooms) -> None:
    """Ann's phone and laptop are one Ann: she comes once, and goes when the second of them has gone."""
    for who, name in (("bob=", "Bob"), ("phone=", "Ann"), ("laptop=", "Ann")):
        chat.give("joinRoom", who, room="tea", name=name)
    chat.give("$disconnect", "phone=")
    assert [frame["type"] for frame in chat.frames("bob=")] == ["joined", "history", "presence"]
    chat.give("$disconnect", "laptop=")
    assert chat.frames("bob=") == [{"type": "presence", "room": "tea", "name": "Ann", "here": False}]
    chat.give("$disconnect", "laptop=")
    assert chat.frames("bob=") == []


def test_name_is_the_tokens_whatever_a_client_says(chat: Rooms) -> None:
    """With a verified name, joining under another one and sending under another one changes nothing."""
    chat.give("joinRoom", "eve=", token="eve", room="tea", name="ann")
    chat.give("sendMessage", "eve=", token="eve", room="tea", message="hi", sender="ann", name="ann")
    assert [frame.get("name") or frame.get("sender") for frame in chat.frames("eve=")] == ["eve", None, "eve"]


def test_owner_alone_throws_out(chat: Rooms) -> None:
    """Who opened the room throws out a name: all its connections end, it joins no more; nobody else can."""
    for who in ("ann", "bob", "eve"):
        chat.give("joinRoom", f"{who}=", token=who, room="tea")
    chat.give("joinRoom", "eve-phone=", token="eve", room="tea")
    chat.frames("bob=")
    assert chat.give("throwOut", "bob=", token="bob", room="tea", name="ann") == {"statusCode": 400}
    assert chat.frames("bob=") == [{"type": "error", "message": "The room tea is not yours."}]
    assert chat.give("throwOut", "ann=", room="tea", name="ann") == {"statusCode": 400}  # without her token
    chat.account.clients.calls.clear()
    assert chat.give("throwOut", "ann=", token="ann", room="tea", name="eve") == {"statusCode": 200}
    ended = [who for method, who in chat.account.clients.calls if method == "DELETE"]
    assert sorted(ended) == ["eve-phone=", "eve="]
    assert chat.frames("bob=") == [{"type": "presence", "room": "tea", "name": "eve", "here": False}]
    chat.frames("eve=")
    assert chat.give("joinRoom", "eve=", token="eve", room="tea") == {"statusCode": 400}
    assert chat.frames("eve=") == [{"type": "error", "message": "You were thrown out of the room tea."}]


@pytest.mark.parametrize(
    ("action", "fields"),
    [
        *product(["joinRoom", "leaveRoom", "sendMessage"], [{}, {"room": " "}, {"room": 7}, {"room": "x" * 61}]),
        ("joinRoom", {"room": "a\nb"}),
        ("joinRoom", {"room": "tea", "name": {"S": "x"}}),
        *(("joinRoom", {"room": "tea", "after": after}) for after in (-1, 1.5, True, "1", 10**40)),
        ("listRooms", {"from": ["x"]}),
    ],
)
def test_nonsense_refused_in_a_sentence(chat: Rooms, action: str, fields: dict[str, Any]) -> None:
    """What a client may not send is answered with one sentence to it alone, and changes nothing."""
    assert chat.give(action, "eve=", **fields) == {"statusCode": 400}
    [frame] = chat.frames("eve=")
    assert frame["type"] == "error" and frame["message"].endswith(".")
    assert chat.members.scan()["Items"] == chat.rooms.scan()["Items"] == []


def test_large_room_divided_into_parts(chat: Rooms, monkeypatch: pytest.MonkeyPatch) -> None:
    """1,201 connections are three events; each connection is in one of them, gets one frame, and the gone are forgotten."""
    everyone = {f"c{number}=" for number in range(1_200)}
    with chat.members.batch_writer() as batch:
        for who in everyone:
            row = {"room_id": "tea", "connection_id": who, "name": who, "expires_at": NOW_MS // 1000 + 60}
            batch.put_item(Item=row)
    events: list[dict[str, Any]] = []
    functions = SimpleNamespace(invoke=lambda **given: events.append(given))
    monkeypatch.setattr(chat.module("membership"), "lambda_client", lambda: functions)
    chat.give("joinRoom", "ann=", room="tea", name="Ann")
    chat.account.clients.received.clear()
    monkeypatch.setenv("FAN_OUT_FUNCTION", "fan-out")
    chat.give("sendMessage", "ann=", room="tea", message="ε" * 40_000)
    assert chat.account.clients.received == {}  # nobody waits for anybody
    assert [(one["FunctionName"], one["InvocationType"]) for one in events] == [("fan-out", "Event")] * 3
    assert max(len(one["Payload"].encode()) for one in events) < 256 * 1024
    parts = [[row["connection_id"] for row in json.loads(one["Payload"])["rows"]] for one in events]
    assert sorted(map(len, parts)) == [201, 500, 500] and {who for part in parts for who in part} == everyone | {"ann="}

    monkeypatch.delenv("FAN_OUT_FUNCTION")
    chat.account.clients.failures["c7="] = failure("GoneException")
    fan_out = importlib.import_module("fan_out")
    for one in events:
        fan_out.lambda_handler(json.loads(one["Payload"]), chat.account.context)
    received = {who: [frame["type"] for frame in frames] for who, frames in chat.account.clients.received.items()}
    assert received.keys() == everyone - {"c7="} | {"ann="}
    assert all(kinds.count("message") == 1 for kinds in received.values())
    assert sum("presence" in kinds for kinds in received.values()) == 1_200  # c7 has left

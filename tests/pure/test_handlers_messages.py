"""What the chat accepts as a message, and how it keeps it: nothing lost, nothing twice, in order."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import count
from zlib import crc32

import pytest

from tests.pure.chat_account import NOW_MS, ChatAccount, chat_account, lines

TAKERS = [
    ("send_message", ("MESSAGES_TABLE", "CONNECTIONS_TABLE")),
    ("chat_handler", ("MESSAGES_TABLE", "CONNECTIONS_TABLE")),
]
taker = pytest.mark.parametrize(("name", "tables"), TAKERS, ids=[name for name, _ in TAKERS])


@pytest.fixture
def chat(monkeypatch: pytest.MonkeyPatch) -> Iterator[ChatAccount]:
    with chat_account(monkeypatch) as account:
        yield account


@taker
def test_message_stored_with_who_what_and_when(chat: ChatAccount, name: str, tables: tuple[str, ...]) -> None:
    """A row holds the room, the sender, the text, both ids, and the event's time in microseconds."""
    event = chat.said("Hello AWS", "Student")
    assert chat.load(name, *tables).lambda_handler(event, chat.context) == {"statusCode": 200}
    [row] = chat.stored()
    assert row.pop("timestamp") // 1000 == NOW_MS
    assert row == {
        "room_id": "global",
        "sender": "Student",
        "message": "Hello AWS",
        "connection_id": "ann=",
        "message_id": event["requestContext"]["messageId"],
    }


@taker
def test_two_messages_kept_when_they_arrive_in_the_same_instant(chat: ChatAccount, name: str, tables: tuple) -> None:
    """Messages of one millisecond whose computed keys are equal are both kept, the second one later."""
    first, second = _meeting_ids(2)
    handler = chat.load(name, *tables)
    handler.lambda_handler(chat.said("one", messageId=first), chat.context)
    handler.lambda_handler(chat.said("two", messageId=second), chat.context)
    rows = sorted(chat.stored(), key=lambda row: row["timestamp"])
    assert [row["message"] for row in rows] == ["one", "two"]
    assert rows[1]["timestamp"] - rows[0]["timestamp"] == 1


@taker
def test_one_row_when_an_event_is_handled_again(chat: ChatAccount, name: str, tables: tuple[str, ...]) -> None:
    """Handling an event a second time leaves one row, also when another message had taken its first key."""
    first, second = _meeting_ids(2)
    handler = chat.load(name, *tables)
    events = [chat.said("one", messageId=first), chat.said("two", messageId=second)]
    for event in (*events, *reversed(events)):
        handler.lambda_handler(event, chat.context)
    assert sorted(row["message"] for row in chat.stored()) == ["one", "two"]


def test_order_kept_when_messages_are_a_millisecond_apart(chat: ChatAccount) -> None:
    """Rows read by key come in the order in which API Gateway received the messages."""
    handler = chat.load("send_message", "MESSAGES_TABLE", "CONNECTIONS_TABLE")
    for number in reversed(range(20)):
        handler.lambda_handler(chat.said(str(number), requestTimeEpoch=NOW_MS + number), chat.context)
    rows = chat.messages.query(KeyConditionExpression="room_id = :room", ExpressionAttributeValues={":room": "global"})
    assert [row["message"] for row in rows["Items"]] == [str(number) for number in range(20)]


def test_timestamp_exact_where_javascript_reads_it(chat: ChatAccount) -> None:
    """A frame's timestamp is an integer that a double holds exactly, equal to the row's."""
    chat.connect("ann=")
    chat.load("send_message", "MESSAGES_TABLE", "CONNECTIONS_TABLE").lambda_handler(chat.said(), chat.context)
    [frame], [row] = chat.clients.received["ann="], chat.stored()
    assert frame["timestamp"] == row["timestamp"] < 2**53


@taker
@pytest.mark.parametrize("message", ["", "   \n", None, 7, ["a"], "\ud800"])
def test_message_refused_when_it_is_no_text(chat: ChatAccount, name: str, tables: tuple, message: object) -> None:
    """An empty message, or one that is not text, is stored nowhere and answered to its sender only."""
    chat.connect("ann=", "bob=")
    assert chat.load(name, *tables).lambda_handler(chat.said(message), chat.context) == {"statusCode": 400}
    assert chat.stored() == []
    [answer] = chat.clients.received["ann="]
    assert answer["type"] == "error" and answer["message"].startswith("The ")
    assert "bob=" not in chat.clients.received


@pytest.mark.parametrize("body", ['{"action":"sendMessage", body:"hello"}', "[]", "", None])
def test_message_refused_when_the_body_is_no_json_object(chat: ChatAccount, body: str | None) -> None:
    """A body that API Gateway routed but Python cannot read is refused, not an exception."""
    handler = chat.load("send_message", "MESSAGES_TABLE", "CONNECTIONS_TABLE")
    assert handler.lambda_handler(chat.event("sendMessage", body=body), chat.context) == {"statusCode": 400}
    [answer] = chat.clients.received["ann="]
    assert answer == {"type": "error", "message": "The message is not a JSON object."}


def test_message_refused_when_its_frame_is_too_long(chat: ChatAccount) -> None:
    """The longest message that fits into one frame is delivered; one byte more is refused and not stored."""
    chat.connect("ann=")
    handler = chat.load("send_message", "MESSAGES_TABLE", "CONNECTIONS_TABLE")
    event = chat.said("é")
    handler.lambda_handler(event, chat.context)
    spare = 128 * 1024 - len(json.dumps(chat.clients.received["ann="].pop(), ensure_ascii=False).encode())

    fits = {"action": "sendMessage", "sender": "Student", "message": "é" + "x" * spare}
    event["body"] = json.dumps(fits)
    event["requestContext"]["requestTimeEpoch"] += 1
    assert handler.lambda_handler(event, chat.context) == {"statusCode": 200}
    assert chat.clients.received["ann="].pop()["message"] == fits["message"]

    event["body"] = json.dumps(fits | {"message": fits["message"] + "x"})
    assert handler.lambda_handler(event, chat.context) == {"statusCode": 400}
    assert chat.clients.received["ann="].pop()["message"].startswith("The message is too long: 131073 bytes")
    assert len(chat.stored()) == 2


@pytest.mark.parametrize("sender", [None, ""])
def test_sender_is_the_connection_when_none_is_named(chat: ChatAccount, sender: str | None) -> None:
    """A message without a sender carries its connection id in the sender's place."""
    chat.load("send_message", "MESSAGES_TABLE", "CONNECTIONS_TABLE").lambda_handler(
        chat.said(sender=sender), chat.context
    )
    assert [row["sender"] for row in chat.stored()] == ["ann="]


def test_log_tells_the_ids_and_not_the_text(chat: ChatAccount, capsys: pytest.CaptureFixture[str]) -> None:
    """Every line is JSON with the request id and the connection id; what people write is in none."""
    handler = chat.load("send_message", "MESSAGES_TABLE", "CONNECTIONS_TABLE")
    event = chat.said("between us")
    handler.lambda_handler(event, chat.context)
    handler.lambda_handler(chat.said(""), chat.context)
    printed = capsys.readouterr().out
    assert "between us" not in printed
    assert [line["what"] for line in lines(printed)] == ["stored", "broadcast", "refused"]
    assert {line["connectionId"] for line in lines(printed)} == {"ann="}
    assert lines(printed)[0]["requestId"] == event["requestContext"]["requestId"]


def _meeting_ids(number: int) -> list[str]:
    """Message ids whose keys are equal when they arrive in one millisecond."""
    wanted = crc32(b"message-0=") % 1000
    ids = (f"message-{n}=" for n in count())
    return [next(name for name in ids if crc32(name.encode()) % 1000 == wanted) for _ in range(number)]

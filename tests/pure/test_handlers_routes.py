"""What each function does for its routes: sessions, module 1 and module 2, the default answer, the heartbeat."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest

from tests.pure.chat_account import NOW_MS, ChatAccount, chat_account, failure

SESSION_TABLES = ("CONNECTIONS_TABLE", "SESSIONS_TABLE")


@pytest.fixture
def chat(monkeypatch: pytest.MonkeyPatch) -> Iterator[ChatAccount]:
    with chat_account(monkeypatch) as account:
        yield account


def test_session_opened_when_a_client_connects(chat: ChatAccount) -> None:
    """$connect writes a connection that expires after two hours and a session with address and UTC time."""
    event = chat.event("$connect", connectedAt=NOW_MS)
    assert chat.load("connect", *SESSION_TABLES).lambda_handler(event, chat.context) == {"statusCode": 200}
    [connection] = chat.connections.scan()["Items"]
    assert connection.pop("expires_at") * 1000 - NOW_MS in range(7_200_000, 8_000_000)
    assert connection == {"connection_id": "ann=", "connected_at": NOW_MS}
    assert chat.sessions.scan()["Items"] == [
        {"connection_id": "ann=", "source_ip": "192.0.2.1", "connected_at": "2023-11-14T22:13:20.123+00:00"}
    ]
    assert chat.clients.received == {}


def test_session_closed_when_a_client_leaves(chat: ChatAccount) -> None:
    """$disconnect deletes the connection and completes the session with its end and its length."""
    chat.load("connect", *SESSION_TABLES).lambda_handler(chat.event("$connect", connectedAt=NOW_MS), chat.context)
    leaving = chat.event("$disconnect", connectedAt=NOW_MS, requestTimeEpoch=NOW_MS + 83_456, disconnectStatusCode=1001)
    handler = chat.load("disconnect", *SESSION_TABLES)
    for _ in range(2):  # a repeated event changes nothing
        assert handler.lambda_handler(leaving, chat.context) == {"statusCode": 200}
    assert chat.connected() == set()
    assert chat.sessions.scan()["Items"] == [
        {
            "connection_id": "ann=",
            "source_ip": "192.0.2.1",
            "connected_at": "2023-11-14T22:13:20.123+00:00",
            "disconnected_at": "2023-11-14T22:14:43.579+00:00",
            "duration_seconds": Decimal("83.456"),
        }
    ]


@pytest.mark.parametrize(
    ("name", "route", "text"), [("connect", "$connect", "ann= joined"), ("disconnect", "$disconnect", "ann= left")]
)
def test_others_told_when_notices_are_on(chat: ChatAccount, name: str, route: str, text: str) -> None:
    """With NOTICES=true the others learn who comes and goes; without it nobody does."""
    chat.connect("bob=")
    chat.load(name, *SESSION_TABLES).lambda_handler(chat.event(route), chat.context)
    assert chat.clients.received == {}
    chat.load(name, *SESSION_TABLES, NOTICES="true").lambda_handler(chat.event(route), chat.context)
    assert chat.clients.received == {"bob=": [{"type": "notice", "message": text}]}


@pytest.mark.parametrize("connections_table", [{}, {"CONNECTIONS_TABLE": ""}], ids=["unset", "empty"])
def test_chat_handler_only_stores_when_it_has_no_connections_table(chat: ChatAccount, connections_table: dict) -> None:
    """Module 1: all three routes answer 200, a message becomes a row, a bad one does not, and nobody receives anything."""
    chat.connect("ann=")
    handler = chat.load("chat_handler", "MESSAGES_TABLE", **connections_table)
    for event in (chat.event("$connect", "new="), chat.said(), chat.event("$disconnect", "ann=")):
        assert handler.lambda_handler(event, chat.context) == {"statusCode": 200}
    assert handler.lambda_handler(chat.said(""), chat.context) == {"statusCode": 400}
    assert [row["message"] for row in chat.stored()] == ["Hello AWS"]
    assert chat.connected() == {"ann="}
    assert chat.clients.received == {}


def test_chat_handler_tracks_connections_when_it_has_their_table(chat: ChatAccount) -> None:
    """Module 2: $connect writes a row that expires, $disconnect deletes it."""
    handler = chat.load("chat_handler", "MESSAGES_TABLE", "CONNECTIONS_TABLE")
    assert handler.lambda_handler(chat.event("$connect", connectedAt=NOW_MS), chat.context) == {"statusCode": 200}
    [row] = chat.connections.scan()["Items"]
    assert row == {"connection_id": "ann=", "connected_at": NOW_MS, "expires_at": NOW_MS // 1000 + 7_800}
    assert handler.lambda_handler(chat.event("$disconnect"), chat.context) == {"statusCode": 200}
    assert chat.connected() == set()


@pytest.mark.parametrize("body", ['{"action": "dance"}', "hello", ""])
def test_default_answers_how_to_chat_and_who_asks(chat: ChatAccount, body: str) -> None:
    """Whatever has no route is answered, to its sender only, with the usage and what API Gateway knows of the caller."""
    assert chat.load("default").lambda_handler(chat.event("$default", body=body), chat.context) == {"statusCode": 200}
    [answer] = chat.clients.received.pop("ann=")
    assert chat.clients.received == {}
    assert answer["type"] == "usage"
    assert "not recognized" in answer["message"] and '{"action": "sendMessage"' in answer["message"]
    assert answer["connection"] == {
        "connectionId": "ann=",
        "connectedAt": "2026-11-21T12:00:00.000Z",
        "lastActiveAt": "2026-11-21T12:00:00.000Z",
        "sourceIp": "192.0.2.1",
        "userAgent": "a browser",
    }


@pytest.mark.parametrize("code", ["GoneException", "AccessDeniedException"])
def test_default_returns_when_the_caller_cannot_be_reached(chat: ChatAccount, code: str) -> None:
    """A caller that left, or a permission that is missing, is logged and no exception."""
    chat.clients.failures["ann="] = failure(code)
    assert chat.load("default").lambda_handler(chat.event("$default", body="hello"), chat.context) == {
        "statusCode": 200
    }


def test_heartbeat_answered_and_not_stored(chat: ChatAccount) -> None:
    """The route ping answers pong to its sender and to nobody else."""
    chat.connect("bob=")
    assert chat.load("default").lambda_handler(chat.event("ping", body={"action": "ping"}), chat.context) == {
        "statusCode": 200
    }
    assert chat.clients.received == {"ann=": [{"type": "pong"}]}
    assert chat.stored() == []


def test_word_ping_is_a_message_like_any_other(chat: ChatAccount) -> None:
    """Someone who writes "ping" is heard: the heartbeat has a route of its own."""
    chat.connect("bob=")
    chat.load("send_message", "MESSAGES_TABLE", "CONNECTIONS_TABLE").lambda_handler(chat.said("ping"), chat.context)
    assert [frame["message"] for frame in chat.clients.received["bob="]] == ["ping"]


def test_endpoint_comes_from_the_event(chat: ChatAccount) -> None:
    """A function posts to the API and the stage that called it, whatever their names."""
    event = chat.event("ping", domainName="chat.example.com", stage="dev")
    chat.load("default").lambda_handler(event, chat.context)
    assert set(chat.endpoints) == {"https://chat.example.com/dev"}

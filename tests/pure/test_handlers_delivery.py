"""How messages reach the connected: all of them, at once, and nobody is thrown out who is still there."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.client import RemoteDisconnected
from types import SimpleNamespace

import pytest

from tests.pure.chat_account import NOW_MS, ChatAccount, chat_account, failure, lines, load_handler

TABLES = ("MESSAGES_TABLE", "CONNECTIONS_TABLE")
taker = pytest.mark.parametrize("name", ["send_message", "chat_handler"])


@pytest.fixture
def chat(monkeypatch: pytest.MonkeyPatch) -> Iterator[ChatAccount]:
    with chat_account(monkeypatch) as account:
        yield account


@taker
def test_message_delivered_to_everyone_when_nothing_is_set(chat: ChatAccount, name: str) -> None:
    """Everyone who is connected receives the sender and the text, the sender too."""
    chat.connect("ann=", "bob=")
    event = chat.said("Hello AWS", "Student")
    chat.load(name, *TABLES).lambda_handler(event, chat.context)
    [row] = chat.stored()
    frame = {
        "type": "message",
        "room": "global",
        "sender": "Student",
        "message": "Hello AWS",
        "timestamp": int(row["timestamp"]),
        "message_id": event["requestContext"]["messageId"],
    }
    assert chat.clients.received == {"ann=": [frame], "bob=": [frame]}


@taker
def test_sender_left_out_when_the_flag_says_so(chat: ChatAccount, name: str) -> None:
    """With DELIVER_TO_SENDER=false all the others receive the message."""
    chat.connect("ann=", "bob=", "eve=")
    chat.load(name, *TABLES, DELIVER_TO_SENDER="false").lambda_handler(chat.said(), chat.context)
    assert chat.clients.received.keys() == {"bob=", "eve="}


@taker
def test_connection_forgotten_when_it_is_gone(chat: ChatAccount, name: str) -> None:
    """GoneException deletes that connection's row and no other; the rest receive the message."""
    chat.connect("ann=", "bob=", "eve=")
    chat.clients.failures["bob="] = failure("GoneException")
    assert chat.load(name, *TABLES).lambda_handler(chat.said(), chat.context) == {"statusCode": 200}
    assert chat.connected() == {"ann=", "eve="}
    assert chat.clients.received.keys() == {"ann=", "eve="}


@taker
@pytest.mark.parametrize(
    ("error", "said"),
    [
        (failure("AccessDeniedException"), '403 {"message": "AccessDeniedException"}'),
        (failure("BadRequestException"), '400 {"message": "BadRequestException"}'),
        (TimeoutError("timed out"), "TimeoutError timed out"),
        (RemoteDisconnected("no answer"), "RemoteDisconnected no answer"),
    ],
    ids=str,
)
def test_connection_kept_when_delivery_fails_otherwise(
    chat: ChatAccount, name: str, error: Exception, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Any other failure is logged with its connection; the connection stays and the rest receive the message."""
    chat.connect("ann=", "bob=")
    chat.clients.failures["bob="] = error
    assert chat.load(name, *TABLES).lambda_handler(chat.said(), chat.context) == {"statusCode": 200}
    assert chat.connected() == {"ann=", "bob="}
    assert chat.clients.received.keys() == {"ann="}
    [logged] = [line for line in lines(capsys.readouterr().out) if line["what"] == "delivery failed"]
    assert (logged["to"], logged["error"]) == ("bob=", said)
    assert chat.context.pauses_s == []


def test_post_tried_again_when_it_is_throttled(chat: ChatAccount, capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever answered 429 is served after everybody else, with longer pauses each time, and keeps the row."""
    chat.connect("ann=", "bob=", "eve=")
    chat.clients.failures["bob="] = failure("LimitExceededException")
    chat.context.pause = lambda s, pause=chat.context.pause: (  # type: ignore[method-assign]
        pause(s),
        len(chat.context.pauses_s) == 3 and chat.clients.failures.clear(),
    )
    chat.load("send_message", *TABLES).lambda_handler(chat.said(), chat.context)
    posts = [connection_id for _, connection_id in chat.clients.calls]
    assert sorted(posts[:3]) == ["ann=", "bob=", "eve="] and posts[3:] == ["bob="] * 3
    assert [low <= pause <= 2 * low for low, pause in zip((0.05, 0.1, 0.2), chat.context.pauses_s, strict=True)]
    assert chat.clients.received.keys() == chat.connected() == {"ann=", "bob=", "eve="}
    assert lines(capsys.readouterr().out)[-1]["delivered"] == 3


@pytest.mark.parametrize(("left_ms", "tries"), [(10_000, 6), (1_900, 4), (1_000, 1), (0, 1)])
def test_post_given_up_when_time_runs_out(
    chat: ChatAccount, capsys: pytest.CaptureFixture[str], left_ms: int, tries: int
) -> None:
    """A client that is throttled for good costs three seconds, never the function's last one, and is not forgotten."""
    chat.connect("bob=")
    chat.clients.failures["bob="] = failure("LimitExceededException")
    handler = chat.load("send_message", *TABLES)
    handler.broadcast.__globals__["random"] = SimpleNamespace(uniform=lambda low, high: high)
    chat.context.left_ms = left_ms
    assert handler.lambda_handler(chat.said(), chat.context) == {"statusCode": 200}
    assert chat.clients.calls == [("POST", "bob=")] * tries
    assert chat.context.left_ms >= min(left_ms, 1_000)
    assert chat.connected() == {"bob="}
    [failed, done] = lines(capsys.readouterr().out)[-2:]
    assert (failed["what"], failed["to"], done["failed"]) == ("delivery failed", "bob=", 1)


def test_connection_kept_when_it_is_still_being_opened(chat: ChatAccount) -> None:
    """A connection whose handshake may not have ended answers Gone (FIDELITY section 3) and is not forgotten."""
    chat.connect("new=", connected_at=NOW_MS - 1_000)
    chat.connect("old=", connected_at=NOW_MS - 10_000)
    chat.connections.put_item(Item={"connection_id": "undated="})
    chat.clients.failures = dict.fromkeys(("new=", "old=", "undated="), failure("GoneException"))
    chat.load("send_message", *TABLES).lambda_handler(chat.said(), chat.context)
    assert chat.connected() == {"new="}


def test_everyone_served_when_the_table_has_several_pages(chat: ChatAccount) -> None:
    """All of 260 connections on several pages receive the message; a scan asks for the attributes it uses."""
    everyone = {f"client-{number}=" for number in range(260)}
    chat.connect(*everyone, padding="x" * 10_000)
    handler = chat.load("send_message", *TABLES)
    scans: list[dict] = []
    handler.connections.meta.client.meta.events.register(
        "provide-client-params.dynamodb.Scan", lambda params, **_: scans.append(params)
    )
    handler.lambda_handler(chat.said(), chat.context)
    assert chat.clients.received.keys() == everyone
    assert len(scans) > 2
    assert {scan["ProjectionExpression"] for scan in scans} == {"connection_id, connected_at"}


def test_deliveries_run_at_once_when_there_are_several(chat: ChatAccount) -> None:
    """Sixteen deliveries are under way at the same time; no thread is left when the function returns."""
    chat.connect(*(f"client-{number}=" for number in range(16)))
    chat.clients.meeting = threading.Barrier(16)
    before = threading.active_count()
    chat.load("send_message", *TABLES).lambda_handler(chat.said(), chat.context)
    assert len(chat.clients.received) == 16
    assert threading.active_count() == before


def test_client_made_once_for_each_endpoint(chat: ChatAccount, monkeypatch: pytest.MonkeyPatch) -> None:
    """The management client is one per stage and environment."""
    delivery = load_handler("delivery", monkeypatch)
    prod = chat.event("sendMessage")["requestContext"]
    client = delivery.management_api(prod)
    assert delivery.management_api(prod) is client
    assert delivery.management_api(prod | {"stage": "dev"}) is not client
    assert client.endpoint_url == "https://abcdef1234.execute-api.us-east-1.amazonaws.com/prod"

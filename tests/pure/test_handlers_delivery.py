"""How messages reach the connected: all of them, at once, and nobody is thrown out who is still there."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError

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
    chat.load(name, *TABLES).lambda_handler(event, None)
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
    chat.load(name, *TABLES, DELIVER_TO_SENDER="false").lambda_handler(chat.said(), None)
    assert chat.clients.received.keys() == {"bob=", "eve="}


@taker
def test_connection_forgotten_when_it_is_gone(chat: ChatAccount, name: str) -> None:
    """GoneException deletes that connection's row and no other; the rest receive the message."""
    chat.connect("ann=", "bob=", "eve=")
    chat.clients.failures["bob="] = failure("GoneException")
    assert chat.load(name, *TABLES).lambda_handler(chat.said(), None) == {"statusCode": 200}
    assert chat.connected() == {"ann=", "eve="}
    assert chat.clients.received.keys() == {"ann=", "eve="}


@taker
@pytest.mark.parametrize(
    "error",
    [
        failure("LimitExceededException"),
        failure("AccessDeniedException"),
        failure("BadRequestException"),
        EndpointConnectionError(endpoint_url="https://abcdef1234.execute-api.us-east-1.amazonaws.com/prod"),
    ],
    ids=str,
)
def test_connection_kept_when_delivery_fails_otherwise(
    chat: ChatAccount, name: str, error: Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    """Any other failure is logged with its connection; the connection stays and the rest receive the message."""
    chat.connect("ann=", "bob=")
    chat.clients.failures["bob="] = error
    assert chat.load(name, *TABLES).lambda_handler(chat.said(), None) == {"statusCode": 200}
    assert chat.connected() == {"ann=", "bob="}
    assert chat.clients.received.keys() == {"ann="}
    [logged] = [line for line in lines(capsys.readouterr().out) if line["what"] == "delivery failed"]
    assert logged["to"] == "bob=" and logged["error"] == str(error)


def test_connection_kept_when_it_is_still_being_opened(chat: ChatAccount) -> None:
    """A connection whose handshake may not have ended answers Gone (FIDELITY section 3) and is not forgotten."""
    chat.connect("new=", connected_at=NOW_MS - 1_000)
    chat.connect("old=", connected_at=NOW_MS - 10_000)
    chat.connections.put_item(Item={"connection_id": "undated="})
    chat.clients.failures = dict.fromkeys(("new=", "old=", "undated="), failure("GoneException"))
    chat.load("send_message", *TABLES).lambda_handler(chat.said(), None)
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
    handler.lambda_handler(chat.said(), None)
    assert chat.clients.received.keys() == everyone
    assert len(scans) > 2
    assert {scan["ProjectionExpression"] for scan in scans} == {"connection_id, connected_at"}


def test_deliveries_run_at_once_when_there_are_several(chat: ChatAccount) -> None:
    """Sixteen deliveries are under way at the same time; no thread is left when the function returns."""
    chat.connect(*(f"client-{number}=" for number in range(16)))
    chat.clients.meeting = threading.Barrier(16)
    before = threading.active_count()
    chat.load("send_message", *TABLES).lambda_handler(chat.said(), None)
    assert len(chat.clients.received) == 16
    assert threading.active_count() == before


def test_client_made_once_for_each_endpoint(chat: ChatAccount, monkeypatch: pytest.MonkeyPatch) -> None:
    """The management client is one per stage and environment, with a connection for each worker."""
    delivery = load_handler("delivery", monkeypatch)
    prod = chat.event("sendMessage")["requestContext"]
    client = delivery.management_api(prod)
    assert delivery.management_api(prod) is client
    assert delivery.management_api(prod | {"stage": "dev"}) is not client
    assert client.meta.endpoint_url == "https://abcdef1234.execute-api.us-east-1.amazonaws.com/prod"
    assert client.meta.config.max_pool_connections == delivery.WORKERS


def test_gone_is_typed_where_boto3_reads_it(chat: ChatAccount) -> None:
    """The class that the handlers catch is a subclass of ClientError, so its place in the order matters."""
    client = boto3.client(
        "apigatewaymanagementapi", endpoint_url="https://abcdef1234.execute-api.us-east-1.amazonaws.com/prod"
    )
    assert issubclass(client.exceptions.GoneException, client.exceptions.ClientError)

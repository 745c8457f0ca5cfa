"""A day in a write-up's chat: its handlers in moto's account, people, a clock that stands until it is moved."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.pure.chat_account import ChatAccount, FakeClients, chat_account, failure, load_handler

Handler = Callable[[dict[str, Any], Any], Any]
PEOPLE = ("ann=", "bob=", "carol=")
VARIABLES = {
    "s0": {"MESSAGES_TABLE": "ChatMessages", "WEBSOCKET_TABLE": "ChatConnections"},
    "s1": {"WEBSOCKET_TABLE": "WebSocketConnections"},
    "s2": {"MESSAGES_TABLE": "MessageHistory", "WEBSOCKET_TABLE": "ChatConnections", "SESSIONS_TABLE": "ChatSessions"},
    "s3": {"WEBSOCKET_TABLE": "WebSocketConnections"},
    "s4": {"MESSAGES_TABLE": "MessagesById", "WEBSOCKET_TABLE": "WebSocketConnections"},
}
ALL_VARIABLES = (
    "MESSAGES_TABLE",
    "WEBSOCKET_TABLE",
    "SESSIONS_TABLE",
    "CONNECTION_KEY",
    "MESSAGE_KEY",
    "FRAME",
    "DELIVER_TO_SENDER",
)
ROUTES = {"$connect": "connect", "$disconnect": "disconnect", "sendMessage": "message"}
TABLES = {"WebSocketConnections": "connectionId", "MessagesById": "messageId", "MessageHistory": "message_id"}
GREEK = "ε" * 25_000


class Clients(FakeClients):
    """The same clients; a frame over 128 KB is refused (FIDELITY section 6), and bytes are kept as text."""

    def post_to_connection(self, ConnectionId: str, Data: Any) -> None:
        data = Data.encode() if isinstance(Data, str) else Data
        if len(data) > 128 * 1024:
            raise failure("PayloadTooLargeException")
        super().post_to_connection(ConnectionId, data)


class Day:
    """One chat: handlers by route, tables and people, and a clock that stands until it is moved."""

    def __init__(self, account: ChatAccount, handlers: dict[str, Handler], connections: str):
        self.account, self._handlers = account, handlers
        self.connections = boto3.resource("dynamodb").Table(connections)
        self.key = self.connections.key_schema[0]["AttributeName"]
        self.raised: list[str] = []

    def handle(self, route: str, who: str, body: Any = None) -> Any:
        """Give a route's handler an event of somebody's; None if it raises, which is noted."""
        return self.give(route, self.account.event(route, who, body))

    def give(self, route: str, event: dict[str, Any]) -> Any:
        """The same with an event that is already made."""
        try:
            return self._handlers[route](event, self.account.context)
        except (ClientError, ValueError, AttributeError) as error:
            self.raised.append(type(error).__name__)
            return None

    def come(self, *people: str) -> None:
        for one in people:
            self.handle("$connect", one)

    def say(self, who: str, text: Any) -> Any:
        return self.handle("sendMessage", who, {"action": "sendMessage", "sender": who, "message": text})

    def here(self) -> set[str]:
        """Whose connections have a row."""
        pages = self.connections.meta.client.get_paginator("scan").paginate(TableName=self.connections.name)
        return {row[self.key] for page in pages for row in page["Items"]}

    def heard(self, who: str) -> list[Any]:
        return [frame["message"] for frame in self.account.clients.received[who]]

    def fill_two_pages(self) -> None:
        """Make the rows so large that one answer of a scan, 1 MB, holds two of them."""
        for one in sorted(self.here()):
            self.connections.put_item(Item={self.key: one, "filler": "x" * 390_000})

    def forget_all(self) -> None:
        """Empty the tables and everybody's screen, and mend every client."""
        for one in self.here():
            self.connections.delete_item(Key={self.key: one})
        for row in self.account.stored():
            self.account.messages.delete_item(Key={key: row[key] for key in ("room_id", "timestamp")})
        self.account.clients.received.clear()
        self.account.clients.failures.clear()

    def seen(self) -> dict[str, Any]:
        """Everything that the day has left, for comparison with another."""
        messages = sorted(self.account.stored(), key=lambda row: row["timestamp"])
        received = {who: frames for who, frames in self.account.clients.received.items() if frames}
        return {"here": self.here(), "messages": messages, "received": received, "raised": self.raised}


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time of day, in its only element: it stands until a test moves it."""
    now = [time.time()]
    monkeypatch.setattr(time, "time", lambda: now[0])
    return now


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[ChatAccount]:
    with chat_account(monkeypatch) as account:
        account.clients = Clients()
        make_client = boto3.client

        def client(service: str, **arguments: Any) -> Any:
            return account.clients if service == "apigatewaymanagementapi" else make_client(service, **arguments)

        monkeypatch.setattr(boto3, "client", client)
        yield account


@pytest.fixture
def day(account: ChatAccount, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Day]:
    """A day with the handlers of a variant: of its file, which is as published, or of another ``file``.

    ``changes`` are made in the file's text before; ``variables`` replace those that
    its functions get, and one that is empty is left out.
    """

    def begin(name: str, file: str = "", changes: Iterable[tuple[str, str]] = (), **variables: str) -> Day:
        given = {variable: value for variable, value in {**VARIABLES[name], **variables}.items() if value}
        for variable in ALL_VARIABLES:
            monkeypatch.delenv(variable, raising=False)
        for variable, value in given.items():
            monkeypatch.setenv(variable, value)
        for fresh in [one for one in sys.modules if one.startswith("variants.")]:
            monkeypatch.delitem(sys.modules, fresh)
        for table in set(given.values()) & TABLES.keys():
            account.messages.meta.client.create_table(
                TableName=table,
                BillingMode="PAY_PER_REQUEST",
                AttributeDefinitions=[{"AttributeName": TABLES[table], "AttributeType": "S"}],
                KeySchema=[{"AttributeName": TABLES[table], "KeyType": "HASH"}],
            )
        module = load_handler(f"variants.{file or name}", monkeypatch)
        account.take_the_place_of_clients()
        if changes:
            exec(compile(_changed(module, changes), "a changed handler", "exec"), vars(module))
        one_for_all = getattr(module, "lambda_handler", None)
        handlers = {route: one_for_all or getattr(module, function) for route, function in ROUTES.items()}
        return Day(account, handlers, VARIABLES[name]["WEBSOCKET_TABLE"])

    return begin


def _changed(module: ModuleType, changes: Iterable[tuple[str, str]]) -> str:
    """A module's source with parts replaced, each of which must be there once."""
    text = Path(str(module.__file__)).read_text("utf-8")
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text

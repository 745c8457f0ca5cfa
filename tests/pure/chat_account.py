"""The surroundings of a handler under test: its tables (moto), its clients (a fake), its events.

A handler file is loaded as Lambda loads it: fresh, with its own environment
variables, its folder first on the path, and the files beside it fresh too.
"""

from __future__ import annotations

import importlib
import json
import sys
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from itertools import count
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest.mock import patch

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

HANDLERS = Path(__file__).resolve().parents[2] / "handlers"
VARIANTS = HANDLERS.parent / "cloudformation" / "variants"
NOW_MS = 1_700_000_000_123
TABLES = {"MESSAGES_TABLE": "ChatMessages", "CONNECTIONS_TABLE": "ChatConnections", "SESSIONS_TABLE": "ChatSessions"}


STATUSES = {
    "GoneException": 410,
    "LimitExceededException": 429,
    "AccessDeniedException": 403,
    "BadRequestException": 400,
    "PayloadTooLargeException": 413,
}
"""The status behind each error (FIDELITY section 6)."""
DESCRIPTION = json.dumps(
    {
        "connectedAt": "2026-11-21T12:00:00.000Z",
        "identity": {"sourceIp": "192.0.2.1", "userAgent": "a browser"},
        "lastActiveAt": "2026-11-21T12:00:00.000Z",
    }
).encode()
"""What GetConnection answers (FIDELITY section 6)."""


class Context:
    """Lambda's context object: the time that an invocation has left, which passes when the handlers pause."""

    def __init__(self, left_ms: int = 10_000):
        self.left_ms = left_ms
        self.pauses_s: list[float] = []

    def get_remaining_time_in_millis(self) -> int:
        return self.left_ms

    def pause(self, seconds: float) -> None:
        """What takes ``time.sleep``'s place."""
        self.left_ms -= round(seconds * 1000)
        if seconds:
            self.pauses_s.append(seconds)


class GoneException(ClientError):
    """What boto3 raises for a connection that is not there (FIDELITY section 6)."""


class FakeClients:
    """Every client of an API, in place of its management API: receives frames, or fails as told."""

    class exceptions:
        GoneException = GoneException

    def __init__(self) -> None:
        self.received: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self.failures: dict[str, Exception] = {}
        self.calls: list[tuple[str, str]] = []
        self.meeting: threading.Barrier | None = None
        """When set, each delivery waits until all parties are under way at once."""

    def post_to_connection(self, ConnectionId: str, Data: bytes) -> None:
        if self.meeting:
            self.meeting.wait(timeout=60)
        if ConnectionId in self.failures:
            raise self.failures[ConnectionId]
        self.received[ConnectionId].append(json.loads(Data))

    def call(self, method: str, connection_id: str, data: bytes = b"") -> tuple[int, bytes]:
        """The same clients as the course's ``ManagementApi`` reaches them: a failure of AWS's is a status."""
        self.calls.append((method, connection_id))
        try:
            if method == "POST":
                self.post_to_connection(connection_id, data)
            elif connection_id in self.failures:
                raise self.failures[connection_id]
        except ClientError as error:
            code = error.response["Error"]["Code"]
            return STATUSES[code], json.dumps({"message": code}).encode()
        return (200, DESCRIPTION) if method == "GET" else (200 if method == "POST" else 204, b"")


def failure(code: str, operation: str = "PostToConnection") -> ClientError:
    """The exception boto3 raises for an error code."""
    kind = GoneException if code == "GoneException" else ClientError
    return kind({"Error": {"Code": code, "Message": ""}}, operation)


class ChatAccount:
    """Tables, clients and events of one chat. Use within ``chat_account``."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch):
        self._monkeypatch = monkeypatch
        self._ids = count(1)
        self.context = Context()
        """What the next invocations are given."""
        self.clients = FakeClients()
        self.endpoints: list[str] = []
        dynamodb = boto3.resource("dynamodb")
        self.messages = _table(dynamodb, "ChatMessages", room_id="S", timestamp="N")
        self.connections = _table(dynamodb, "ChatConnections", connection_id="S")
        self.sessions = _table(dynamodb, "ChatSessions", connection_id="S")

    def load(self, name: str, *tables: str, **environment: str) -> ModuleType:
        """Load a handler file; ``tables`` are the variables it gets of TABLES, the fake takes the clients' place."""
        for variable in (*TABLES, "DELIVER_TO_SENDER", "NOTICES"):
            self._monkeypatch.delenv(variable, raising=False)
        for variable, value in {**{table: TABLES[table] for table in tables}, **environment}.items():
            self._monkeypatch.setenv(variable, value)
        module = load_handler(name, self._monkeypatch)
        self.take_the_place_of_clients()
        return module

    def take_the_place_of_clients(self) -> None:
        """Let what has been loaded deliver to the fake, and pause in its context instead of in the test."""
        if delivery := sys.modules.get("delivery"):
            self._monkeypatch.setattr(delivery, "client_for", self._client_for)
            self._monkeypatch.setattr(delivery, "time", SimpleNamespace(sleep=lambda s: self.context.pause(s)))

    def _client_for(self, endpoint_url: str) -> FakeClients:
        self.endpoints.append(endpoint_url)
        return self.clients

    def event(self, route: str, connection_id: str = "ann=", body: Any = None, **context: Any) -> dict[str, Any]:
        """An event of the shape of FIDELITY section 1; ``context`` replaces fields of the request context."""
        number = next(self._ids)
        request = {
            "routeKey": route,
            "eventType": {"$connect": "CONNECT", "$disconnect": "DISCONNECT"}.get(route, "MESSAGE"),
            "extendedRequestId": f"request-{number}=",
            "requestTime": "14/Nov/2023:22:13:20 +0000",
            "messageDirection": "IN",
            "stage": "prod",
            "connectedAt": NOW_MS - 60_000,
            "requestTimeEpoch": NOW_MS,
            "identity": {"sourceIp": "192.0.2.1"},
            "requestId": f"request-{number}=",
            "domainName": "abcdef1234.execute-api.us-east-1.amazonaws.com",
            "connectionId": connection_id,
            "apiId": "abcdef1234",
        }
        if request["eventType"] == "MESSAGE":
            request["messageId"] = f"message-{number}="
        event = {"requestContext": request | context, "isBase64Encoded": False}
        if body is not None:
            event["body"] = body if isinstance(body, str) else json.dumps(body)
        return event

    def said(self, message: Any = "Hello AWS", sender: Any = "Student", **context: Any) -> dict[str, Any]:
        """A sendMessage event."""
        return self.event(
            "sendMessage", body={"action": "sendMessage", "sender": sender, "message": message}, **context
        )

    def connect(self, *connection_ids: str, **attributes: Any) -> None:
        """Put rows into ChatConnections, as for clients that came a minute ago."""
        with self.connections.batch_writer() as batch:
            for connection_id in connection_ids:
                batch.put_item(Item={"connection_id": connection_id, "connected_at": NOW_MS - 60_000, **attributes})

    def connected(self) -> set[str]:
        """The connection ids in ChatConnections."""
        return {row["connection_id"] for row in self.connections.scan()["Items"]}

    def stored(self) -> list[dict[str, Any]]:
        """The rows of ChatMessages."""
        return self.messages.scan()["Items"]


def load_handler(name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Import a file of handlers/, or of the variants, by name, fresh; what it imports from handlers/ is fresh too."""
    monkeypatch.syspath_prepend(str(VARIANTS.parent))
    monkeypatch.syspath_prepend(str(HANDLERS))
    for path in HANDLERS.glob("*.py"):
        monkeypatch.delitem(sys.modules, path.stem, raising=False)
    return importlib.import_module(name)


@contextmanager
def chat_account(monkeypatch: pytest.MonkeyPatch) -> Iterator[ChatAccount]:
    """An empty account of moto with the chat's three tables."""
    for variable in ("AWS_PROFILE", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(variable, raising=False)
    with mock_aws(), patch.object(boto3, "DEFAULT_SESSION", _session()):
        yield ChatAccount(monkeypatch)
    for path in HANDLERS.glob("*.py"):
        sys.modules.pop(path.stem, None)


def lines(text: str) -> list[dict[str, Any]]:
    """The structured log lines in what a handler printed."""
    return [json.loads(line) for line in text.splitlines()]


@cache
def _session() -> boto3.Session:
    """One session for all tests of the process: reading the services' models takes most of a test's time."""
    return boto3.Session("testing", "testing", region_name="us-east-1")


def _table(dynamodb: Any, name: str, **keys: str) -> Any:
    return dynamodb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": kind} for key, kind in keys.items()],
        KeySchema=[{"AttributeName": key, "KeyType": role} for key, role in zip(keys, ("HASH", "RANGE"), strict=False)],
    )

"""Events against the captures of the real service, FIDELITY section 1."""

import json
import re
from pathlib import Path

import pytest

from localstage.core import events

FIXTURES = Path(__file__).parent / "event_shapes.json"
SHAPES = json.loads(FIXTURES.read_text())

FACTS = events.ConnectionFacts(
    connection_id="AbCdEfGhIjKlMnO=",
    connected_at_ms=1731324924553,
    api_id="a1b2c3d4e5",
    stage="prod",
    domain_name="a1b2c3d4e5.execute-api.us-east-1.amazonaws.com",
    source_ip="203.0.113.7",
)
BROWSER = events.ConnectionFacts(**{**FACTS.__dict__, "user_agent": "Mozilla/5.0"})
STAMP = events.EventStamp("PqRsTuVwXyZaBcD=", 1731324924561)
HANDSHAKE = events.HandshakeRequest(
    (
        ("sec-websocket-version", "13"),
        ("Connection", "Upgrade"),
        ("Upgrade", "websocket"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("Host", FACTS.domain_name),
        ("Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits"),
        ("X-Amzn-Trace-Id", "Root=1-6731ebfc-08e1e656421db73c5d2eef31"),
        ("X-Forwarded-For", "203.0.113.7"),
        ("X-Forwarded-Port", "443"),
        ("X-Forwarded-Proto", "https"),
    )
)


def shape(value):
    """The key order and the types of a document."""
    if isinstance(value, dict):
        return [[key, shape(item)] for key, item in value.items()]
    if isinstance(value, list):
        return [shape(item) for item in value]
    return type(value).__name__


@pytest.mark.parametrize(
    ("name", "event"),
    [
        ("connect", events.connect_event(FACTS, STAMP, HANDSHAKE)),
        ("message", events.message_event(FACTS, STAMP, "sendMessage", "ZzZzZzZzIjKlMnO=", "hello")),
        ("disconnect", events.disconnect_event(FACTS, STAMP, 1005, "Client-side close frame status not set")),
        ("disconnect-browser", events.disconnect_event(BROWSER, STAMP, 1001, "Going away")),
    ],
)
@pytest.mark.fidelity("1.10")
def test_event_when_compared_with_a_capture(name, event):
    """Keys, their order and types are those of the real service."""
    assert shape(event) == SHAPES[name]


@pytest.mark.fidelity("1.13")
def test_request_time_when_formatted():
    """requestTime is the floor of requestTimeEpoch in UTC."""
    assert events.request_time(1731324924561) == "11/Nov/2024:11:35:24 +0000"


def test_headers_when_the_connection_is_made():
    """Connection and Upgrade are not in the CONNECT event, other names have AWS's case."""
    headers = events.connect_event(FACTS, STAMP, HANDSHAKE)["headers"]
    assert {"Connection", "Upgrade"}.isdisjoint(headers)
    assert headers["Sec-WebSocket-Version"] == "13"


def test_query_when_one_was_sent():
    """Query maps are there only if a query string was sent; the last of several values is the single one."""
    query = events.HandshakeRequest(HANDSHAKE.headers, (("room", "a"), ("room", "b"), ("name", "")))
    event = events.connect_event(FACTS, STAMP, query)
    assert event["queryStringParameters"] == {"room": "b", "name": ""}
    assert event["multiValueQueryStringParameters"] == {"room": ["a", "b"], "name": [""]}
    assert "queryStringParameters" not in events.connect_event(FACTS, STAMP, HANDSHAKE)


def test_authorizer_event_when_nothing_was_sent():
    """Empty maps are {} in the authorizer's event, and Connection and Upgrade are there."""
    event = events.authorizer_event(FACTS, STAMP, HANDSHAKE, "arn:aws:execute-api:us-east-1:1:a/prod/$connect")
    assert (event["queryStringParameters"], event["stageVariables"], event["type"]) == ({}, {}, "REQUEST")
    assert {"Connection", "Upgrade"} <= set(event["headers"])
    assert not {"body", "isBase64Encoded"} & set(event)


def test_authorizer_context_when_there_is_one():
    """The authorizer's context stands right behind the route key."""
    event = events.message_event(FACTS, STAMP, "$default", "ZzZzZzZzIjKlMnO=", "hi", {"principalId": "ann"})
    assert list(event["requestContext"])[:2] == ["routeKey", "authorizer"]


def test_months_when_the_locale_is_another():
    """Month names are English in any locale."""
    assert re.fullmatch(r"\d\d/[A-Z][a-z]{2}/\d{4}:[\d:]{8} \+0000", events.request_time(0))

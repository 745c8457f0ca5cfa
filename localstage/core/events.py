"""The events that a function receives, in AWS's key order.

AWS: FIDELITY section 1, whose rows come from captures of the real service. A key that does
not apply is absent, never null. Does not know where times and ids come from.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

Header = tuple[str, str]

_CANONICAL_NAMES = {
    name.lower(): name
    for name in (
        "Accept",
        "Accept-Encoding",
        "Accept-Language",
        "Authorization",
        "Cache-Control",
        "Cookie",
        "Host",
        "Origin",
        "Pragma",
        "Sec-Fetch-Dest",
        "Sec-Fetch-Mode",
        "Sec-Fetch-Site",
        "Sec-WebSocket-Extensions",
        "Sec-WebSocket-Key",
        "Sec-WebSocket-Protocol",
        "Sec-WebSocket-Version",
        "User-Agent",
        "X-Amzn-Trace-Id",
        "X-Forwarded-For",
        "X-Forwarded-Port",
        "X-Forwarded-Proto",
        "Connection",
        "Upgrade",
        "content-length",
    )
}
_ABSENT_FROM_CONNECT = {"connection", "upgrade", "content-length"}


@dataclass(frozen=True)
class ConnectionFacts:
    """What every event of one connection repeats. Times in milliseconds since the epoch."""

    connection_id: str
    connected_at_ms: int
    api_id: str
    stage: str
    domain_name: str
    source_ip: str
    user_agent: str | None = None
    stage_variables: Mapping[str, str] = field(default_factory=dict)
    signer: Mapping[str, str | None] = field(default_factory=dict)
    """What ``identity`` gains where the handshake was signed (AWS_IAM); empty otherwise."""


@dataclass(frozen=True)
class EventStamp:
    """What is new for each event."""

    request_id: str
    at_ms: int


@dataclass(frozen=True)
class HandshakeRequest:
    """The client's handshake: headers as sent, in order, and the query string's pairs."""

    headers: tuple[Header, ...]
    query: tuple[tuple[str, str], ...] = ()


def connect_event(
    facts: ConnectionFacts, stamp: EventStamp, handshake: HandshakeRequest, authorizer: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The CONNECT event. ``authorizer`` is the authorizer's context with principalId and integrationLatency."""
    event = _header_maps(h for h in handshake.headers if h[0].lower() not in _ABSENT_FROM_CONNECT)
    if handshake.query:
        event.update(_query_maps(handshake.query))
    context = _request_context(facts, stamp, "$connect", "CONNECT", authorizer=authorizer)
    return _finish(event, facts, context)


def message_event(
    facts: ConnectionFacts,
    stamp: EventStamp,
    route_key: str,
    message_id: str,
    body: str,
    authorizer: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The MESSAGE event; ``body`` is the text exactly as sent."""
    context = _request_context(
        facts, stamp, route_key, "MESSAGE", authorizer=authorizer, early={"messageId": message_id}
    )
    return _finish({}, facts, context, body=body)


def disconnect_event(
    facts: ConnectionFacts, stamp: EventStamp, code: int, reason: str, authorizer: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The DISCONNECT event with exactly four headers, three of them empty (FIDELITY section 1)."""
    headers = [("Host", facts.domain_name), ("x-api-key", ""), ("X-Forwarded-For", ""), ("x-restapi", "")]
    event = {"headers": dict(headers), "multiValueHeaders": {name: [value] for name, value in headers}}
    context = _request_context(
        facts,
        stamp,
        "$disconnect",
        "DISCONNECT",
        authorizer=authorizer,
        early={"disconnectStatusCode": code},
        late={"disconnectReason": reason},
    )
    return _finish(event, facts, context)


def authorizer_event(
    facts: ConnectionFacts, stamp: EventStamp, handshake: HandshakeRequest, method_arn: str
) -> dict[str, Any]:
    """The request a Lambda authorizer receives; empty maps are ``{}`` here, not absent."""
    query = (
        _query_maps(handshake.query)
        if handshake.query
        else {"queryStringParameters": {}, "multiValueQueryStringParameters": {}}
    )
    return {
        "type": "REQUEST",
        "methodArn": method_arn,
        **_header_maps(handshake.headers),
        **query,
        "stageVariables": dict(facts.stage_variables),
        "requestContext": _request_context(facts, stamp, "$connect", "CONNECT"),
    }


def request_time(at_ms: int) -> str:
    """``requestTime`` of an epoch in milliseconds, such as ``11/Nov/2024:11:35:24 +0000``."""
    moment = time.gmtime(at_ms // 1000)
    return time.strftime("%d/", moment) + _MONTHS[moment.tm_mon - 1] + time.strftime("/%Y:%H:%M:%S +0000", moment)


# Not strftime's %b, which follows the locale.
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def canonical_name(name: str) -> str:
    """A header's name in the case that AWS delivers."""
    return _CANONICAL_NAMES.get(name.lower(), name)


def _request_context(
    facts: ConnectionFacts,
    stamp: EventStamp,
    route_key: str,
    event_type: str,
    *,
    authorizer: Mapping[str, Any] | None = None,
    early: Mapping[str, Any] | None = None,
    late: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    identity: dict[str, str | None] = dict(facts.signer)
    if facts.user_agent is not None:
        identity["userAgent"] = facts.user_agent
    identity["sourceIp"] = facts.source_ip
    return {
        "routeKey": route_key,
        **({"authorizer": dict(authorizer)} if authorizer is not None else {}),
        **(early or {}),
        "eventType": event_type,
        "extendedRequestId": stamp.request_id,
        "requestTime": request_time(stamp.at_ms),
        "messageDirection": "IN",
        **(late or {}),
        "stage": facts.stage,
        "connectedAt": facts.connected_at_ms,
        "requestTimeEpoch": stamp.at_ms,
        "identity": identity,
        "requestId": stamp.request_id,
        "domainName": facts.domain_name,
        "connectionId": facts.connection_id,
        "apiId": facts.api_id,
    }


def _finish(
    event: dict[str, Any], facts: ConnectionFacts, context: dict[str, Any], body: str | None = None
) -> dict[str, Any]:
    if facts.stage_variables:
        event["stageVariables"] = dict(facts.stage_variables)
    event["requestContext"] = context
    if body is not None:
        event["body"] = body
    event["isBase64Encoded"] = False
    return event


def _header_maps(headers: Iterable[Header]) -> dict[str, Any]:
    """Both header maps, sorted by name as in every capture."""
    multiple: dict[str, list[str]] = {}
    for name, value in sorted(headers, key=lambda header: header[0].lower()):
        multiple.setdefault(canonical_name(name), []).append(value)
    return {"headers": {name: values[-1] for name, values in multiple.items()}, "multiValueHeaders": multiple}


def _query_maps(query: Iterable[tuple[str, str]]) -> dict[str, Any]:
    multiple: dict[str, list[str]] = {}
    for name, value in query:
        multiple.setdefault(name, []).append(value)
    return {
        "queryStringParameters": {name: values[-1] for name, values in multiple.items()},
        "multiValueQueryStringParameters": multiple,
    }

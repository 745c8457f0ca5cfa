"""Events as a function gets them, against the shapes of the captures. FIDELITY section 1."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import websocket

from tests.fidelity.comparison import first_difference
from tests.stage.target import DeployedApi, Target, allow_api_gateway, create_function, deploy_api, table_of_ids
from tests.stage.waiting import eventually

SHAPES = json.loads((Path(__file__).parents[1] / "pure" / "event_shapes.json").read_text())
ID = re.compile(r"[\w-]{15}=")

WITNESS = """
import json, os
import boto3

table = boto3.resource("dynamodb").Table(os.environ["TABLE"])

def handler(event, context):
    context = event["requestContext"]
    kind = event.get("type", context["eventType"])
    table.put_item(Item={"id": context["connectionId"] + kind, "event": json.dumps(event)})
    if kind == "REQUEST":
        return {"principalId": "ann", "context": {"age": 7}, "policyDocument": {"Statement": [
            {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": event["methodArn"]}]}}
    return {"statusCode": 200, "body": context["connectionId"]}
"""


@pytest.fixture(scope="module")
def table(target: Target):
    with table_of_ids(target) as name:
        yield name


@pytest.fixture(scope="module")
def api(target: Target, table: str) -> DeployedApi:
    return deploy_api(
        target,
        dict.fromkeys(("$connect", "$disconnect", "$default"), WITNESS),
        two_way=("$default",),
        Environment={"Variables": {"TABLE": table}},
        Timeout=20,
    )


@pytest.fixture(scope="module")
def guarded(target: Target, table: str) -> DeployedApi:
    """The same with an authorizer and stage variables."""
    options = {"Environment": {"Variables": {"TABLE": table}}, "Timeout": 20}
    api = deploy_api(
        target, dict.fromkeys(("$connect", "$disconnect", "$default"), WITNESS), two_way=("$default",), **options
    )
    gateway = target.client("apigatewayv2")
    arn = create_function(target, WITNESS, **options)
    allow_api_gateway(target, arn, api.api_id)
    authorizer_id = gateway.create_authorizer(
        ApiId=api.api_id,
        Name="all",
        AuthorizerType="REQUEST",
        IdentitySource=["route.request.header.Host"],
        AuthorizerUri=f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{arn}/invocations",
    )["AuthorizerId"]
    for route in gateway.get_routes(ApiId=api.api_id)["Items"]:
        if route["RouteKey"] == "$connect":
            gateway.update_route(
                ApiId=api.api_id, RouteId=route["RouteId"], AuthorizationType="CUSTOM", AuthorizerId=authorizer_id
            )
    gateway.create_deployment(ApiId=api.api_id, StageName="prod")
    gateway.update_stage(ApiId=api.api_id, StageName="prod", StageVariables={"color": "red"})
    return api


def visit(target: Target, table: str, url: str, **options: Any) -> dict[str, Any]:
    """Connects, sends a message, closes without a code; returns the events by kind."""
    socket = target.connect(url, **options)
    socket.send("hello")
    connection_id = socket.recv()
    socket.send_frame(websocket.ABNF.create_frame(b"", websocket.ABNF.OPCODE_CLOSE))
    dynamodb = target.client("dynamodb")

    def rows() -> dict[str, Any]:
        items = dynamodb.scan(TableName=table, ConsistentRead=True)["Items"]
        return {
            item["id"]["S"].removeprefix(connection_id): json.loads(item["event"]["S"])
            for item in items
            if item["id"]["S"].startswith(connection_id)
        }

    events = eventually(rows, lambda found: "DISCONNECT" in found, "the DISCONNECT event")
    socket.shutdown()
    for kind in sorted(events):
        target.saw(f"{kind} event", events[kind])
    return events


@pytest.mark.fidelity("1.1", "1.2", "1.3", "1.4", "1.5", "1.6", "1.8", "1.9", "1.10", "1.11", "1.12", "1.13", "1.14")
def test_events_when_a_plain_client_visits(target: Target, api: DeployedApi, table: str):
    """The events of a client without a User-Agent have the captures' keys, order and types."""
    events = visit(
        target,
        table,
        api.url,
        suppress_origin=True,
        header=["Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"],
    )
    for kind, name in (("CONNECT", "connect"), ("MESSAGE", "message"), ("DISCONNECT", "disconnect")):
        assert first_difference(events[kind], SHAPES[name]) is None
    contexts = [events[kind]["requestContext"] for kind in ("CONNECT", "MESSAGE", "DISCONNECT")]
    connection_id = contexts[0]["connectionId"]
    assert [context["routeKey"] for context in contexts] == ["$connect", "$default", "$disconnect"]
    assert all(ID.fullmatch(context[key]) for context in contexts for key in ("requestId", "connectionId"))
    assert all(context["requestId"] == context["extendedRequestId"] for context in contexts)
    assert len({context["requestId"] for context in contexts}) == 3
    assert len({context["connectedAt"] for context in contexts}) == 1
    assert contexts[0]["requestId"][:5] == connection_id[:5]
    assert contexts[1]["messageId"][-6:] == connection_id[-6:] and ID.fullmatch(contexts[1]["messageId"])
    assert events["MESSAGE"]["body"] == "hello"
    assert [event["isBase64Encoded"] for event in events.values()] == [False] * 3
    assert list(events["DISCONNECT"]["headers"].values())[1:] == ["", "", ""]
    assert re.fullmatch(r"Root=1-[0-9a-f]{8}-[0-9a-f]{24}", events["CONNECT"]["headers"]["X-Amzn-Trace-Id"])


@pytest.mark.fidelity("1.2", "1.9", "1.15")
def test_events_when_a_browser_visits(target: Target, api: DeployedApi, table: str):
    """A User-Agent is in every event's identity, before the address; sub-protocols are one string."""
    events = visit(
        target,
        table,
        api.url,
        header=["User-Agent: Mozilla/5.0", "Sec-WebSocket-Protocol: chat", "Sec-WebSocket-Protocol: other"],
    )
    assert [event["requestContext"]["identity"]["userAgent"] for event in events.values()] == ["Mozilla/5.0"] * 3
    assert all(list(event["requestContext"]["identity"]) == ["userAgent", "sourceIp"] for event in events.values())
    assert first_difference(events["DISCONNECT"], SHAPES["disconnect-browser"]) is None
    headers = events["CONNECT"]["headers"]
    assert (headers["User-Agent"], "Origin" in headers) == ("Mozilla/5.0", True)
    assert headers["Sec-WebSocket-Protocol"] == "chat, other"


@pytest.mark.fidelity("1.3")
@pytest.mark.parametrize(("query", "expected"), [("", None), ("?a=1&a=2&b=", {"a": "2", "b": ""})])
def test_query_maps_when_a_client_connects(target: Target, api: DeployedApi, table: str, query: str, expected):
    """The query maps are absent without a query string; the last of several values is the single one."""
    events = visit(target, table, api.url + query)
    assert events["CONNECT"].get("queryStringParameters") == expected
    assert not [event for kind, event in events.items() if kind != "CONNECT" and "queryStringParameters" in event]


@pytest.mark.fidelity("1.5", "1.7", "1.14", "1.16", "3.15")
def test_events_when_there_is_an_authorizer(target: Target, guarded: DeployedApi, table: str):
    """The authorizer's own event has empty maps and hop-by-hop headers; its context is in all three events."""
    events = visit(target, table, guarded.url)
    asked = events["REQUEST"]
    assert list(asked)[:2] == ["type", "methodArn"] and not {"body", "isBase64Encoded"} & set(asked)
    assert asked["methodArn"].endswith(f":{guarded.api_id}/prod/$connect")
    assert (asked["queryStringParameters"], asked["multiValueQueryStringParameters"]) == ({}, {})
    assert asked["stageVariables"] == {"color": "red"} and asked["requestContext"]["connectionId"]
    assert {"Connection", "Upgrade"} <= set(asked["headers"])
    assert not {"Connection", "Upgrade"} & set(events["CONNECT"]["headers"])
    latency = events["CONNECT"]["requestContext"]["authorizer"].pop("integrationLatency")
    assert isinstance(latency, int)
    for kind in ("CONNECT", "MESSAGE", "DISCONNECT"):
        assert events[kind]["requestContext"]["authorizer"] == {"principalId": "ann", "age": "7"}
        assert list(events[kind]["requestContext"])[:2] == ["routeKey", "authorizer"]
        assert events[kind]["stageVariables"] == {"color": "red"}

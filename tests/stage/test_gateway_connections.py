"""Connecting, leaving and the management API, FIDELITY sections 3, 4 and 6."""

import json
import re
from urllib.parse import quote

import pytest
import websocket

from tests.stage.target import DeployedApi, Target, deploy_api, status_of_refusal, table_of_ids
from tests.stage.waiting import eventually

DOOR = """
def handler(event, context):
    wish = (event.get("queryStringParameters") or {}).get("wish", "in")
    if wish == "raise":
        raise RuntimeError("as wished")
    if wish == "none":
        return None
    if wish.isdigit():
        return {"statusCode": int(wish), "body": "not for the client"}
    answer = {"statusCode": 200}
    if wish == "chat":
        answer["headers"] = {"Sec-WebSocket-Protocol": "chat"}
    return answer
"""

WITNESS = """
import json, os
import boto3

table = boto3.resource("dynamodb").Table(os.environ["TABLE"])

def handler(event, context):
    context = event["requestContext"]
    table.put_item(Item={"id": context["connectionId"] + context["eventType"], "event": json.dumps(event)})
    return {"statusCode": 403 if (event.get("queryStringParameters") or {}).get("wish") == "out" else 200}
"""

ECHO = """
import json

def handler(event, context):
    return {"statusCode": 200, "body": json.dumps(event)}
"""

POST_TO_SELF = """
import json, boto3

def handler(event, context):
    context = event["requestContext"]
    client = boto3.client("apigatewaymanagementapi",
                          endpoint_url=f"https://{context['domainName']}/{context['stage']}")
    try:
        client.post_to_connection(ConnectionId=context["connectionId"], Data=b"hello from the function")
    except client.exceptions.GoneException:
        if context["eventType"] != "CONNECT":
            raise
        return {"statusCode": 410}
    return {"statusCode": 200}
"""


@pytest.fixture(scope="module")
def api(target: Target) -> DeployedApi:
    return deploy_api(target, {"$connect": DOOR, "$default": ECHO}, two_way=("$default",))


@pytest.fixture(scope="module")
def table(target: Target):
    """A table that handlers write events to."""
    with table_of_ids(target) as name:
        yield name


@pytest.fixture(scope="module")
def witnessed(target: Target, table: str) -> DeployedApi:
    return deploy_api(
        target,
        {"$connect": WITNESS, "$disconnect": WITNESS, "$default": ECHO},
        two_way=("$default",),
        Environment={"Variables": {"TABLE": table}},
        Timeout=20,
    )


def own_id(socket: websocket.WebSocket) -> str:
    socket.send("who am I")
    return json.loads(socket.recv())["requestContext"]["connectionId"]


def management(target: Target, api: DeployedApi):
    return target.client(
        "apigatewaymanagementapi", endpoint_url=f"https://{api.api_id}.execute-api.us-east-1.amazonaws.com/prod"
    )


def read_event(target: Target, table: str, key: str) -> dict:
    """The event a witness wrote; $disconnect runs after the close, so this waits for its row."""
    dynamodb = target.client("dynamodb")
    row = eventually(
        lambda: dynamodb.get_item(TableName=table, Key={"id": {"S": key}}, ConsistentRead=True),
        lambda answer: "Item" in answer,
        f"a row {key}",
    )
    event = json.loads(row["Item"]["event"]["S"])
    target.saw("event", event)
    return event


@pytest.mark.parametrize(
    ("wish", "status"),
    [("401", 401), ("400", 400), ("403", 403), ("501", 501), ("503", 503), ("raise", 502), ("none", 502)],
)
@pytest.mark.fidelity("3.3", "3.4")
def test_handshake_when_connect_refuses(target: Target, api: DeployedApi, wish: str, status: int):
    """The client sees the handler's own status; an exception or a malformed result is 502."""
    assert status_of_refusal(target, f"{api.url}?wish={wish}") == status


@pytest.mark.parametrize("wish", ["in", "200", "204"])
@pytest.mark.fidelity("3.2")
def test_handshake_when_connect_accepts(target: Target, api: DeployedApi, wish: str):
    """Any 2xx status opens the connection."""
    socket = target.connect(f"{api.url}?wish={wish}")
    assert socket.status == 101
    socket.close()


@pytest.mark.fidelity("3.13")
def test_subprotocol_when_the_handler_chooses_one(target: Target, api: DeployedApi):
    """Only the Sec-WebSocket-Protocol header of the result reaches the client."""
    socket = target.connect(f"{api.url}?wish=chat", subprotocols=["chat", "other"])
    assert socket.subprotocol == "chat"
    socket.close()


@pytest.mark.parametrize("path", ["/dev", "/Prod", "/prod/x", "/"])
@pytest.mark.fidelity("3.6")
def test_handshake_when_the_stage_is_wrong(target: Target, api: DeployedApi, path: str):
    """An unknown stage is 403."""
    assert status_of_refusal(target, api.url.removesuffix("/prod") + path) == 403


@pytest.mark.fidelity("3.5")
def test_handshake_when_the_function_has_no_permission(target: Target, api: DeployedApi):
    """Without lambda:InvokeFunction for API Gateway the handshake is 500 (FIDELITY section 3)."""
    closed = deploy_api(target, {"$connect": ECHO})
    target.client("lambda").remove_permission(
        FunctionName=closed.function_arns["$connect"], StatementId=f"api-{closed.api_id}"
    )
    assert status_of_refusal(target, closed.url) == 500


def test_connect_event_when_a_client_comes(target: Target, witnessed: DeployedApi, table: str):
    """The CONNECT event has the handshake's headers in AWS's case and the query only if there was one."""
    socket = target.connect(f"{witnessed.url}?room=a&room=b", header=["X-Own: yes"])
    event = read_event(target, table, own_id(socket) + "CONNECT")
    socket.close()
    assert list(event) == [
        "headers",
        "multiValueHeaders",
        "queryStringParameters",
        "multiValueQueryStringParameters",
        "requestContext",
        "isBase64Encoded",
    ]
    assert event["queryStringParameters"] == {"room": "b"}
    assert event["headers"]["Host"] == f"{witnessed.api_id}.execute-api.us-east-1.amazonaws.com"
    assert event["headers"]["X-Own"] == "yes"
    assert event["headers"]["X-Forwarded-Proto"] == "https"
    assert not {"Connection", "Upgrade"} & set(event["headers"])


@pytest.mark.parametrize(
    ("status", "reason", "code", "told"),
    [(None, b"", 1005, "Client-side close frame status not set"), (1000, b"bye", 1000, "bye"), (1001, b"", 1001, "")],
)
@pytest.mark.fidelity("4.1", "4.2", "4.3", "4.6")
def test_disconnect_event_when_the_client_closes(target, witnessed, table, status, reason, code, told):
    """The DISCONNECT event tells the client's code and reason; 1005 where it gave none."""
    socket = target.connect(witnessed.url)
    connection_id = own_id(socket)
    if status is None:
        socket.send_frame(websocket.ABNF.create_frame(b"", websocket.ABNF.OPCODE_CLOSE))
    else:
        socket.send_close(status, reason)
    event = read_event(target, table, connection_id + "DISCONNECT")
    socket.shutdown()
    context = event["requestContext"]
    assert (context["disconnectStatusCode"], context["disconnectReason"]) == (code, told)
    assert list(event["headers"]) == ["Host", "x-api-key", "X-Forwarded-For", "x-restapi"]


@pytest.mark.fidelity("4.5", "6.3")
def test_disconnect_event_when_deleted(target: Target, witnessed: DeployedApi, table: str):
    """DELETE closes with 1000, and the event says "Connection Closed Normally"."""
    socket = target.connect(witnessed.url)
    connection_id = own_id(socket)
    client = management(target, witnessed)
    client.delete_connection(ConnectionId=connection_id)
    opcode, data = socket.recv_data()
    assert (opcode, int.from_bytes(data[:2], "big")) == (8, 1000)
    context = read_event(target, table, connection_id + "DISCONNECT")["requestContext"]
    assert (context["disconnectStatusCode"], context["disconnectReason"]) == (1000, "Connection Closed Normally")
    with pytest.raises(client.exceptions.GoneException):
        client.post_to_connection(ConnectionId=connection_id, Data=b"too late")
    socket.close()


@pytest.mark.fidelity("4.7")
def test_disconnect_event_when_the_line_is_cut(target: Target, witnessed: DeployedApi, table: str):
    """A connection that ends without a close frame has its $disconnect too, with 1006."""
    socket = target.connect(witnessed.url)
    connection_id = own_id(socket)
    socket.shutdown()
    assert read_event(target, table, connection_id + "DISCONNECT")["requestContext"]["disconnectStatusCode"] == 1006


@pytest.mark.fidelity("4.8")
def test_disconnect_event_when_connect_was_refused(target: Target, witnessed: DeployedApi, table: str):
    """A refused $connect is followed by no $disconnect: one that came and went later has both its events."""
    assert status_of_refusal(target, f"{witnessed.url}?wish=out") == 403
    socket = target.connect(witnessed.url)
    connection_id = own_id(socket)
    socket.close()
    read_event(target, table, connection_id + "DISCONNECT")
    rows = target.client("dynamodb").scan(TableName=table, ConsistentRead=True)["Items"]
    events = {row["id"]["S"]: json.loads(row["event"]["S"]) for row in rows if "event" in row}
    (refused,) = [key for key, event in events.items() if event.get("queryStringParameters") == {"wish": "out"}]
    assert refused.endswith("CONNECT") and refused.removesuffix("CONNECT") + "DISCONNECT" not in events


@pytest.mark.fidelity("6.2", "6.9")
@pytest.mark.parametrize("encode", [lambda text: text, lambda text: quote(text, safe="")], ids=["as it is", "encoded"])
def test_get_connection_when_its_path_is_encoded_or_not(target: Target, api: DeployedApi, encode):
    """A connection is found by its id with and without percent encoding; its times are ISO, userAgent may be null."""
    socket = target.connect(api.url)
    connection_id = own_id(socket)
    client = management(target, api)
    answers = []

    def rewrite(request, **_) -> None:
        request.url = f"{api.url.replace('wss', 'https')}/{encode('@connections')}/{encode(connection_id)}"

    client.meta.events.register("before-sign.apigatewaymanagementapi.GetConnection", rewrite)
    client.meta.events.register(
        "after-call.apigatewaymanagementapi.GetConnection",
        lambda http_response, **_: answers.append(http_response.content),
    )
    client.get_connection(ConnectionId=connection_id)
    described = json.loads(answers[0])
    assert list(described) == ["connectedAt", "identity", "lastActiveAt"]
    assert list(described["identity"]) == ["sourceIp", "userAgent"] and described["identity"]["userAgent"] is None
    for name in ("connectedAt", "lastActiveAt"):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", described[name])
    socket.close()


@pytest.mark.fidelity("6.1", "6.2")
def test_management_when_the_connection_is_open(target: Target, api: DeployedApi):
    """POST delivers a text frame, GET describes the connection."""
    socket = target.connect(api.url)
    connection_id = own_id(socket)
    client = management(target, api)
    client.post_to_connection(ConnectionId=connection_id, Data="grüß dich".encode())
    assert socket.recv() == "grüß dich"
    facts = client.get_connection(ConnectionId=connection_id)
    assert facts["Identity"]["SourceIp"] and facts["ConnectedAt"] <= facts["LastActiveAt"]
    socket.close()


@pytest.mark.fidelity("6.4", "6.5", "6.6", "6.8")
def test_management_when_the_call_is_wrong(target: Target, api: DeployedApi):
    """Gone, malformed, too large, a missing and a wrong stage have the errors of FIDELITY section 6, typed in boto3."""
    client = management(target, api)
    with pytest.raises(client.exceptions.GoneException) as gone:
        client.post_to_connection(ConnectionId="FDmBIeapIAMCIQg=", Data=b"x")
    assert gone.value.response["ResponseMetadata"]["HTTPStatusCode"] == 410
    with pytest.raises(client.exceptions.ClientError) as bad:
        client.get_connection(ConnectionId="no id")
    assert bad.value.response["Error"]["Code"] == "BadRequestException"
    socket = target.connect(api.url)
    with pytest.raises(client.exceptions.PayloadTooLargeException):
        client.post_to_connection(ConnectionId=own_id(socket), Data=b"x" * (128 * 1024 + 1))
    socket.close()
    for path in ("", "/nowhere"):
        elsewhere = target.client(
            "apigatewaymanagementapi", endpoint_url=f"https://{api.api_id}.execute-api.us-east-1.amazonaws.com{path}"
        )
        with pytest.raises(elsewhere.exceptions.ForbiddenException):
            elsewhere.post_to_connection(ConnectionId="FDmBIeapIAMCIQg=", Data=b"x")


@pytest.mark.fidelity("3.17")
def test_own_id_when_still_inside_connect(target: Target):
    """A connection is not reachable from inside its own $connect, and is from then on."""
    early = deploy_api(target, {"$connect": POST_TO_SELF}, Timeout=20)
    assert status_of_refusal(target, early.url) == 410
    later = deploy_api(target, {"$default": POST_TO_SELF}, Timeout=20)
    socket = target.connect(later.url)
    socket.send("post to me")
    assert socket.recv() == "hello from the function"
    socket.close()


SLOW_THEN_WITNESS = """
import json, os, threading
import boto3

table = boto3.resource("dynamodb").Table(os.environ["TABLE"])

def handler(event, context):
    context = event["requestContext"]
    row = {"id": context["connectionId"]}
    if context["eventType"] == "CONNECT":
        table.put_item(Item=row)
    elif context["eventType"] == "DISCONNECT":
        table.delete_item(Key=row)
    else:
        threading.Event().wait(0.5)
        found = "Item" in table.get_item(Key=row)
        table.put_item(Item={"id": context["connectionId"] + "seen", "event": json.dumps({"found": found})})
    return {"statusCode": 200}
"""


def test_last_message_when_the_client_leaves_at_once(target: Target, table: str):
    """A message sent right before the close is served before $disconnect: AWS's own examples need it."""
    api = deploy_api(
        target,
        dict.fromkeys(("$connect", "$disconnect", "$default"), SLOW_THEN_WITNESS),
        Environment={"Variables": {"TABLE": table}},
        Timeout=20,
    )
    socket = target.connect(api.url)
    socket.send("goodbye")
    socket.close()
    rows = eventually(
        lambda: target.client("dynamodb").scan(TableName=table)["Items"],
        lambda items: any(item["id"]["S"].endswith("seen") for item in items),
        "the message's row",
    )
    assert [json.loads(row["event"]["S"]) for row in rows if row["id"]["S"].endswith("seen")] == [{"found": True}]

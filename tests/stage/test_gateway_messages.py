"""Messages and their answers on the socket, FIDELITY sections 1, 2 and 7."""

import json
import re

import pytest
from websocket import ABNF

from tests.stage.target import DeployedApi, Target, ask, deploy_api
from tests.stage.waiting import eventually, messages_in

ECHO_EVENT = """
import json

def handler(event, context):
    return {"statusCode": 200, "body": json.dumps(event)}
"""

MISBEHAVING = """
import json, os, threading

def handler(event, context):
    wish = json.loads(event["body"])["wish"]
    if wish == "raise":
        raise ValueError("as wished")
    if wish == "die":
        os._exit(3)
    if wish == "sleep":
        threading.Event().wait(30)
    if wish == "none":
        return None
    if wish == "unknown key":
        return {"statusCode": 200, "Data": "x"}
    if wish == "refuse":
        return {"statusCode": 403, "body": "no"}
    return {"statusCode": 200, "body": "still here"}
"""

BROKEN_IMPORT = "import a_module_that_nobody_has\n\ndef handler(event, context):\n    return {'statusCode': 200}\n"


@pytest.fixture(scope="module")
def api(target: Target) -> DeployedApi:
    return deploy_api(
        target,
        {
            "$default": ECHO_EVENT,
            "chat": ECHO_EVENT,
            "wish": MISBEHAVING,
            "quiet": MISBEHAVING,
            "broken": BROKEN_IMPORT,
        },
        two_way=("$default", "chat", "wish", "broken"),
        Timeout=3,
    )


@pytest.mark.fidelity("1.4", "1.10")
def test_message_event_when_a_route_matches(target: Target, api: DeployedApi):
    """The function gets the MESSAGE event: exact keys in order, the body as sent, no headers."""
    text = '{"action":"chat",  "message": "häl\\u006co"}'
    event = json.loads(ask(target, api, text)[0])
    context = event["requestContext"]
    assert list(event) == ["requestContext", "body", "isBase64Encoded"]
    assert list(context) == [
        "routeKey",
        "messageId",
        "eventType",
        "extendedRequestId",
        "requestTime",
        "messageDirection",
        "stage",
        "connectedAt",
        "requestTimeEpoch",
        "identity",
        "requestId",
        "domainName",
        "connectionId",
        "apiId",
    ]
    assert (event["body"], context["routeKey"], context["eventType"]) == (text, "chat", "MESSAGE")
    assert context["domainName"] == f"{api.api_id}.execute-api.us-east-1.amazonaws.com"
    assert context["requestId"] == context["extendedRequestId"]
    assert context["messageId"][-6:] == context["connectionId"][-6:]


@pytest.mark.parametrize("text", ["plain text", '{"action": "Chat"}', "[1]", "{}"])
@pytest.mark.fidelity("2.3", "2.4")
def test_default_route_when_nothing_matches(target: Target, api: DeployedApi, text: str):
    """Text that selects no route goes to $default."""
    assert json.loads(ask(target, api, text)[0])["requestContext"]["routeKey"] == "$default"


@pytest.mark.fidelity("2.7")
def test_forbidden_when_no_route_and_no_default(target: Target):
    """Without $default the client gets the Forbidden frame, byte-exact, and the socket stays open."""
    lonely = deploy_api(target, {"chat": ECHO_EVENT}, two_way=("chat",))
    first, second = ask(target, lonely, "hello", '{"action": "chat"}')
    assert re.fullmatch(r'\{"message": "Forbidden", "connectionId":"[\w-]+=+", "requestId":"[\w-]+=+"\}', first)
    assert json.loads(second)["body"] == '{"action": "chat"}'


@pytest.mark.parametrize("wish", ["raise", "die", "none", "unknown key"])
@pytest.mark.fidelity("2.8", "2.12")
def test_error_frame_when_the_handler_fails(target: Target, api: DeployedApi, wish: str):
    """Whatever way a handler fails, the client gets AWS's frame and the next message works."""
    failing = json.dumps({"action": "wish", "wish": wish})
    first, second = ask(target, api, failing, '{"action": "wish", "wish": "nothing"}')
    frame = json.loads(first)
    assert frame["message"] == "Internal server error"
    assert list(frame) == ["message", "connectionId", "requestId"]
    assert second == "still here"


@pytest.mark.fidelity("2.8")
def test_error_frame_when_the_handler_times_out(target: Target, api: DeployedApi):
    """A function that runs into its own time-out is answered with the error frame."""
    first, second = ask(target, api, '{"action": "wish", "wish": "sleep"}', '{"action": "wish", "wish": "nothing"}')
    assert json.loads(first)["message"] == "Internal server error"
    assert second == "still here"


def test_error_frame_when_the_handler_cannot_be_imported(target: Target, api: DeployedApi):
    """An import error is the same frame, and the traceback is in the function's log."""
    assert json.loads(ask(target, api, '{"action": "broken"}')[0])["message"] == "Internal server error"
    eventually(
        lambda: "".join(messages_in(target.client("logs"), api.function_arns["broken"])),
        lambda text: "Unable to import module 'handler'" in text,
        "the traceback in the function's log",
    )


@pytest.mark.fidelity("2.11", "7.1")
def test_silence_when_a_one_way_route_returns_an_error_status(target: Target, api: DeployedApi):
    """A 4xx result of a one-way route sends nothing: the next frame is the next message's answer."""
    socket = target.connect(api.url)
    try:
        socket.send('{"action": "quiet", "wish": "refuse"}')
        socket.send('{"action": "chat"}')
        assert json.loads(socket.recv())["requestContext"]["routeKey"] == "chat"
    finally:
        socket.close()


@pytest.mark.fidelity("9.5")
def test_traceback_when_the_handler_raised(target: Target, api: DeployedApi):
    """The log of the function holds START, the traceback, END and REPORT of the failing invocation."""
    ask(target, api, '{"action": "wish", "wish": "raise"}')
    before, _, after = eventually(
        lambda: "".join(messages_in(target.client("logs"), api.function_arns["wish"])).partition(
            "[ERROR] ValueError: as wished"
        ),
        lambda parts: "REPORT RequestId: " in parts[2],
        "the report of the invocation that raised",
    )
    assert "START RequestId: " in before and "Traceback" in after and "END RequestId: " in after


@pytest.mark.parametrize(("text", "code"), [("x" * (32 * 1024 + 1), 1009)])
def test_close_when_a_frame_is_too_large(target: Target, api: DeployedApi, text: str, code: int):
    """A frame over 32 KB closes the connection with 1009 (FIDELITY section 5)."""
    socket = target.connect(api.url)
    socket.send(text)
    opcode, data = socket.recv_data()
    assert (opcode, int.from_bytes(data[:2], "big")) == (8, code)
    socket.close()


@pytest.mark.fidelity("2.13")
def test_close_when_a_frame_is_binary(target: Target, api: DeployedApi):
    """A binary frame closes the connection with 1003 (FIDELITY section 2)."""
    socket = target.connect(api.url)
    socket.send_binary(b"\x00\x01")
    opcode, data = socket.recv_data()
    assert (opcode, int.from_bytes(data[:2], "big")) == (8, 1003)
    socket.close()


def test_fragments_when_a_message_comes_in_frames(target: Target, api: DeployedApi):
    """Several frames below the limit make one message up to 128 KB."""
    socket = target.connect(api.url)
    try:
        parts = ["a" * 30_000] * 4
        for index, part in enumerate(parts):
            opcode = ABNF.OPCODE_TEXT if index == 0 else ABNF.OPCODE_CONT
            socket.send_frame(ABNF.create_frame(part, opcode, fin=int(index == len(parts) - 1)))
        assert json.loads(socket.recv())["body"] == "".join(parts)
    finally:
        socket.close()

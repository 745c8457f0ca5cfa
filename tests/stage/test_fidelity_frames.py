"""Frames, closes and handshakes as no good client sends them. FIDELITY sections 2 to 5."""

from __future__ import annotations

import base64
import json
import os
import socket as sockets
import struct
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from websocket import ABNF

from localstage import LocalStage
from tests.stage.target import DeployedApi, StageTarget, Target, deploy_api, table_of_ids
from tests.stage.waiting import eventually

HANDLER = """
import json, os, threading
import boto3

table = boto3.resource("dynamodb").Table(os.environ["TABLE"])

def handler(event, context):
    context = event["requestContext"]
    if context["eventType"] == "CONNECT" and "queryStringParameters" in event:
        threading.Event().wait(1)
    if context["eventType"] == "DISCONNECT":
        told = {"code": context["disconnectStatusCode"], "reason": context["disconnectReason"]}
        table.put_item(Item={"id": context["connectionId"], "event": json.dumps(told)})
    return {"statusCode": 200, "body": json.dumps({"route": context["routeKey"], "id": context["connectionId"],
                                                   "length": len(event.get("body", ""))})}
"""
TEXT, CONTINUATION, CLOSE, PING = 1, 0, 8, 9


@pytest.fixture(scope="module")
def local(stage: LocalStage) -> StageTarget:
    """localstage, for the tests that write on the line before there is a WebSocket."""
    return StageTarget(stage)


@pytest.fixture(scope="module")
def table(target: Target) -> Iterator[str]:
    with table_of_ids(target) as name:
        yield name


@pytest.fixture(scope="module")
def api(target: Target, table: str) -> DeployedApi:
    return deploy_api(
        target,
        dict.fromkeys(("$connect", "$disconnect", "$default", "chat"), HANDLER),
        two_way=("$default", "chat"),
        Timeout=10,
        Environment={"Variables": {"TABLE": table}},
    )


def frame(opcode: int, data: bytes = b"", *, fin: int = 1, length: int | None = None) -> bytes:
    """A frame masked with zeros; ``length`` announces another length than the data have."""
    size = len(data) if length is None else length
    if size < 126:
        coded = bytes([0x80 | size])
    else:
        coded = b"\xfe" + struct.pack("!H", size) if size < 65_536 else b"\xff" + struct.pack("!Q", size)
    return bytes([fin << 7 | opcode]) + coded + bytes(4) + data


def answer_to(target: Target, api: DeployedApi, *frames: bytes) -> dict[str, Any] | int:
    """What the first answer to some frames says, or the code of the close that answers them."""
    socket = target.connect(api.url)
    socket.sock.sendall(b"".join(frames))
    while True:
        opcode, data = socket.recv_data(control_frame=True)
        if opcode in (ABNF.OPCODE_TEXT, ABNF.OPCODE_CLOSE):
            socket.shutdown()
            return json.loads(data) if opcode == ABNF.OPCODE_TEXT else int.from_bytes(data[:2], "big")


@pytest.mark.parametrize(
    ("frames", "code"),
    [
        ([frame(PING, b"x", fin=0)], 1002),
        ([frame(PING, b"x" * 126)], 1002),
        ([frame(CLOSE, b"x")], 1002),
        ([frame(CLOSE, b"\x03\xe8" + b"x" * 124)], 1002),
        ([frame(CLOSE, b"\x03\xe8\xff")], 1007),
        ([frame(TEXT, b"x", fin=0), frame(TEXT, b"y")], 1002),
        ([frame(TEXT, length=2**40)], 1009),
    ],
    ids=[
        "ping in fragments",
        "long ping",
        "close of one byte",
        "long close",
        "close with no UTF-8",
        "text inside a message",
        "huge length",
    ],
)
def test_close_when_frames_break_the_rules(target, api, frames: list[bytes], code: int):
    """Control frames that are long or in fragments, and messages inside messages, close at once; a length is believed."""
    assert answer_to(target, api, *frames) == code


def test_message_when_its_fragments_are_odd_but_allowed(target: Target, api: DeployedApi):
    """Ten thousand fragments, a ping between fragments and a character in two fragments make good messages."""
    many = [frame(TEXT, b"x", fin=0), *[frame(CONTINUATION, b"x", fin=0)] * 9_998, frame(CONTINUATION, b"x")]
    assert answer_to(target, api, *many)["length"] == 10_000
    assert answer_to(target, api, frame(TEXT, b"x", fin=0), frame(PING, b"p"), frame(CONTINUATION, b"y"))["length"] == 2
    assert answer_to(target, api, frame(TEXT, b"\xc3", fin=0), frame(CONTINUATION, b"\xa9"))["length"] == 1


@pytest.mark.fidelity("2.4")
@pytest.mark.parametrize(
    "text",
    [
        "",
        "[" * 30_000,
        '{"action": ' + "[" * 10_000 + "]" * 10_000 + "}",
        '{"action": NaN}',
        '{"action": ' + "1" * 20_000 + "}",
        '{"action": "\\ud800"}',
        '{"action": "chat"} trailing',
        "\ufeff" + '{"action": "chat"}',
        '{"action": "chat\\u0000"}',
    ],
    ids=["empty", "deep", "deep value", "NaN", "long number", "half a pair", "trailing", "byte order mark", "NUL"],
)
def test_route_when_a_message_is_strange(target: Target, api: DeployedApi, text: str):
    """A message that is no good JSON, or names no route, goes to $default whole, however strange."""
    answer = answer_to(target, api, frame(TEXT, text.encode()))
    assert (answer["route"], answer["length"]) == ("$default", len(text))


def told(target: Target, table: str, connection_id: str) -> tuple[int, str]:
    """Code and reason that a connection's $disconnect was told."""
    row = eventually(
        lambda: target.client("dynamodb").get_item(TableName=table, Key={"id": {"S": connection_id}}),
        lambda answer: "Item" in answer,
        f"the $disconnect of {connection_id}",
    )
    event = json.loads(row["Item"]["event"]["S"])
    target.saw("told", event)
    return event["code"], event["reason"]


@pytest.mark.fidelity("4.6")
@pytest.mark.parametrize(
    ("code", "answered"),
    [
        (1000, 1000),
        (1001, 1001),
        (1003, 1003),
        (1007, 1007),
        (1011, 1011),
        (3000, 3000),
        (4999, 4999),
        (999, 1002),
        (1004, 1002),
        (1005, 1002),
        (1006, 1002),
        (1015, 1002),
        (1016, 1002),
        (2999, 1002),
        (5000, 1002),
    ],
)
def test_disconnect_event_when_a_client_closes_with_a_code(target, api, table: str, code: int, answered: int):
    """Every code that a client may send reaches $disconnect with its reason; one that it may not send is 1002."""
    socket = target.connect(api.url)
    socket.send("who am I")
    connection_id = json.loads(socket.recv())["id"]
    socket.sock.sendall(frame(CLOSE, struct.pack("!H", code) + "grüß".encode()))
    assert int.from_bytes(socket.recv_data(control_frame=True)[1][:2], "big") == answered
    socket.shutdown()
    assert told(target, table, connection_id) == ((code, "grüß") if answered == code else (1002, ""))


HEADERS = {
    "Host": "127.0.0.1",
    "Upgrade": "websocket",
    "Connection": "keep-alive, Upgrade",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(),
}


def first_line(
    local: StageTarget,
    api: DeployedApi,
    headers: dict[str, str],
    *,
    method: str = "GET",
    version: str = "HTTP/1.1",
    query: str = "",
    then: bytes = b"",
) -> tuple[int, bytes]:
    """Status and the last bytes of the answer to a handshake written by hand, followed by ``then``."""
    lines = [f"{method} /{api.api_id}/prod{query} {version}", *(f"{name}: {value}" for name, value in headers.items())]
    with sockets.create_connection(("127.0.0.1", urlsplit(local.stage.url).port or 0), timeout=90) as line:
        line.sendall("\r\n".join([*lines, "", ""]).encode() + then)
        answer = line.recv(4096)
        while then and b"route" not in answer and (piece := line.recv(4096)):
            answer += piece
    return int(answer.split(b" ", 2)[1]), answer


@pytest.mark.parametrize(
    ("without", "instead", "request_line"),
    [
        ("Connection", {}, {}),
        ("Sec-WebSocket-Key", {}, {}),
        ("Sec-WebSocket-Key", {"Sec-WebSocket-Key": "abc"}, {}),
        ("Sec-WebSocket-Version", {}, {}),
        ("", {"Content-Length": "5"}, {}),
        ("", {}, {"method": "POST"}),
        ("", {}, {"version": "HTTP/1.0"}),
    ],
    ids=["no Connection", "no key", "local key", "no version", "body", "POST", "HTTP/1.0"],
)
def test_handshake_when_a_part_is_wrong(local, api, without: str, instead: dict, request_line: dict):
    """A handshake without one of its parts is answered with a 4xx; with all of them it is accepted."""
    headers = {name: value for name, value in HEADERS.items() if name != without} | instead
    assert 400 <= first_line(local, api, headers, **request_line)[0] < 500
    assert first_line(local, api, HEADERS)[0] == 101


@pytest.mark.parametrize("query", ["", "?slow=1"])
def test_message_when_it_comes_before_the_answer(local: StageTarget, api: DeployedApi, query: str):
    """A message sent with the handshake, before $connect has run, is served after it."""
    status, answer = first_line(local, api, HEADERS, query=query, then=frame(TEXT, b'{"action": "chat"}'))
    assert status == 101
    assert b'"route": "chat"' in answer

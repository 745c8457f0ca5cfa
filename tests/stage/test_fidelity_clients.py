"""Limits on the wire, and clients that misbehave. FIDELITY sections 2, 4 and 5.

At the end nothing of them is left on the emulator.
"""

from __future__ import annotations

import base64
import json
import os
import socket as sockets
import struct
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
import websocket
from websocket import ABNF

from localstage import LocalStage
from tests.stage.target import DeployedApi, StageTarget, Target, deploy_api
from tests.stage.waiting import eventually

HANDLER = """
import os, threading

def handler(event, context):
    if event["requestContext"]["eventType"] == "CONNECT" and "until" in event.get("queryStringParameters", {}):
        while not os.path.exists(event["queryStringParameters"]["until"]):
            threading.Event().wait(0.01)
    return {"statusCode": 200, "body": str(len(event.get("body", "")))}
"""


@pytest.fixture(scope="module")
def local(stage: LocalStage) -> StageTarget:
    """localstage, for the tests that write on the line before there is a WebSocket."""
    return StageTarget(stage)


@pytest.fixture(scope="module")
def api(target: Target) -> DeployedApi:
    return deploy_api(target, {"$connect": HANDLER, "$default": HANDLER}, two_way=("$default",), Timeout=10)


def close_code(socket: websocket.WebSocket) -> tuple[int, bytes]:
    """Reads up to the close frame; its code and reason."""
    while True:
        opcode, data = socket.recv_data(control_frame=True)
        if opcode == ABNF.OPCODE_CLOSE:
            return int.from_bytes(data[:2], "big"), data[2:]


def fragments(text: str, size: int) -> Iterator[ABNF]:
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    for index, piece in enumerate(pieces):
        yield ABNF.create_frame(
            piece, ABNF.OPCODE_CONT if index else ABNF.OPCODE_TEXT, fin=int(index == len(pieces) - 1)
        )


def connection_count(target: Target) -> int:
    """How many connections localstage has; AWS tells nobody."""
    stage: LocalStage | None = getattr(target, "stage", None)
    if stage is None:
        return 0
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(stage.url + "/_localstage/status", timeout=90) as answer:
        return json.load(answer)["connections"]


@pytest.fixture(autouse=True)
def healthy(target: Target, api: DeployedApi) -> Iterator[None]:
    """After each test a well-behaved client is served, and no connection of the test is left."""
    before = connection_count(target)
    yield
    socket = target.connect(api.url)
    socket.send("four")
    assert socket.recv() == "4"
    socket.close()
    eventually(lambda: connection_count(target), lambda count: count <= before, "no connection to be left")


@pytest.mark.fidelity("5.2")
@pytest.mark.parametrize(("size", "answer"), [(32 * 1024, "32768"), (32 * 1024 + 1, None)])
def test_frame_when_it_is_at_the_limit(target: Target, api: DeployedApi, size: int, answer: str | None):
    """A frame of 32 KB is a message, one byte more closes with 1009."""
    socket = target.connect(api.url)
    socket.send("x" * size)
    if answer:
        assert socket.recv() == answer
    else:
        assert close_code(socket) == (1009, b"")
    socket.close()


@pytest.mark.fidelity("5.1")
@pytest.mark.parametrize(("size", "answer"), [(128 * 1024, "131072"), (128 * 1024 + 1, None)])
def test_message_when_its_fragments_are_at_the_limit(target: Target, api, size: int, answer: str | None):
    """Fragments make a message of 128 KB, one byte more closes with 1009."""
    socket = target.connect(api.url)
    for frame in fragments("x" * size, 32 * 1024):
        socket.send_frame(frame)
    if answer:
        assert socket.recv() == answer
    else:
        assert close_code(socket)[0] == 1009
    socket.close()


@pytest.mark.fidelity("2.13")
def test_close_when_a_frame_is_binary(target: Target, api: DeployedApi):
    """A binary frame closes with 1003."""
    socket = target.connect(api.url)
    socket.send_binary(b"x")
    assert close_code(socket)[0] == 1003
    socket.close()


@pytest.mark.fidelity("5.10")
@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"\x81\x82\x00\x00\x00\x00\xff\xfe", 1007),
        (b"\x80\x81\x00\x00\x00\x00x", 1002),  # continues nothing
        (b"\x81\x01x", 1002),  # not masked
        (b"\xf1\x81\x00\x00\x00\x00x", 1002),  # reserved bits
        (b"\x83\x81\x00\x00\x00\x00x", 1002),  # reserved opcode
        (b"GET / HTTP/1.1\r\n\r\n", 1002),
        (b"\x81\xfe\x00\x05\x00\x00\x00\x00hello", 1002),  # five in two bytes
    ],
    ids=["no UTF-8", "continuation", "unmasked", "reserved bits", "reserved opcode", "HTTP", "long length"],
)
def test_close_when_the_protocol_is_violated(target: Target, api: DeployedApi, data: bytes, code: int):
    """Text that is not UTF-8 closes with 1007; frames that the protocol does not allow with 1002."""
    socket = target.connect(api.url)
    socket.sock.sendall(data)
    assert close_code(socket)[0] == code
    socket.shutdown()


@pytest.mark.fidelity("6.7")
def test_post_when_the_client_does_not_read(target: Target, api: DeployedApi):
    """A client that does not read gives LimitExceededException in the end, and holds up nobody."""
    lazy, reader = target.connect(api.url + "?x=1"), target.connect(api.url)
    host = f"https://{api.api_id}.execute-api.us-east-1.amazonaws.com/prod"
    client = target.client("apigatewaymanagementapi", endpoint_url=host)
    lazy.send('{"x": 1}')
    lazy.recv()
    lazy_id = _connection_id(target, api, lazy)
    with pytest.raises(client.exceptions.LimitExceededException):
        for _ in range(400):
            client.post_to_connection(ConnectionId=lazy_id, Data=b"x" * 100_000)
            reader.send("hello")
            assert reader.recv() == "5"
    lazy.shutdown()
    reader.close()


def _connection_id(target: Target, api: DeployedApi, socket: websocket.WebSocket) -> str:
    """The connection's id, from the error frame of a message that its route cannot serve."""
    gateway = target.client("apigatewayv2")
    gateway.update_stage(
        ApiId=api.api_id,
        StageName="prod",
        RouteSettings={"$default": {"ThrottlingRateLimit": 0.0, "ThrottlingBurstLimit": 0}},
    )
    socket.send("who am I")
    connection_id = json.loads(socket.recv())["connectionId"]
    gateway.delete_route_settings(ApiId=api.api_id, StageName="prod", RouteKey="$default")
    return connection_id


def _handshake(api: DeployedApi, extra: str = "", query: str = "") -> bytes:
    key = base64.b64encode(os.urandom(16)).decode()
    return (
        f"GET /{api.api_id}/prod{query} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
        f"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n{extra}\r\n"
    ).encode()


def _raw(local: StageTarget) -> sockets.socket:
    return sockets.create_connection(("127.0.0.1", urlsplit(local.stage.url).port or 0), timeout=90)


def test_stage_when_handshakes_stay_half_open(local: StageTarget, target: Target, api: DeployedApi):
    """Fifty clients that send half a handshake and wait hold up nobody."""
    lines = [_raw(local) for _ in range(50)]
    for line in lines:
        line.sendall(_handshake(api)[:40])
    socket = target.connect(api.url)
    socket.send("hello")
    assert socket.recv() == "5"
    socket.close()
    for line in lines:
        line.close()


@pytest.mark.parametrize(
    "extra",
    [f"X-Big: {'x' * 200_000}\r\n", "Sec-WebSocket-Version: 7\r\n", "no colon\r\n"],
    ids=["huge", "old version", "no colon"],
)
def test_handshake_when_it_is_malformed(local: StageTarget, api: DeployedApi, extra: str):
    """Huge or malformed headers are answered with a 4xx or a closed line, never with 101."""
    with _raw(local) as line:
        try:
            line.sendall(_handshake(api).replace(b"Sec-WebSocket-Version: 13\r\n", extra.encode()))
            answer = line.recv(100)
        except ConnectionError:
            answer = b""
    assert not answer or answer.startswith((b"HTTP/1.1 4", b"HTTP/1.0 4"))


@pytest.mark.fidelity("3.1")
@pytest.mark.parametrize("reset", [False, True])
def test_stage_when_a_client_leaves_during_connect(local: StageTarget, api: DeployedApi, tmp_path: Path, reset: bool):
    """A client that goes while $connect runs leaves no connection behind."""
    line = _raw(local)
    left = tmp_path / "left"
    line.sendall(_handshake(api, query=f"?until={quote(str(left), safe='')}"))
    line.settimeout(0.3)
    with pytest.raises(TimeoutError):  # The upgrade is held until the integration has finished.
        line.recv(1)
    if reset:
        line.setsockopt(sockets.SOL_SOCKET, sockets.SO_LINGER, struct.pack("ii", 1, 0))
    line.close()
    left.touch()

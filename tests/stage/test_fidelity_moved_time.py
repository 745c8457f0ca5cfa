"""Limits in time with AWS's own values, on a stage whose time the test moves. FIDELITY section 5."""

from __future__ import annotations

import base64
import os
import socket as sockets
import uuid
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from tests.stage.moved_stage import MovedStage
from tests.stage.target import REGION


@pytest.fixture
def api_id(moved: MovedStage) -> Iterator[str]:
    """An API with the route ping, answered by nobody, whose stage is served by now."""
    gateway = moved.client("apigatewayv2")
    made = gateway.create_api(
        Name=f"test-{uuid.uuid4().hex[:8]}", ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.action"
    )["ApiId"]
    integration = gateway.create_integration(ApiId=made, IntegrationType="MOCK")["IntegrationId"]
    gateway.create_route(ApiId=made, RouteKey="ping", Target=f"integrations/{integration}")
    gateway.create_stage(
        ApiId=made, StageName="prod", DeploymentId=gateway.create_deployment(ApiId=made)["DeploymentId"]
    )
    moved.move(60)
    yield made
    gateway.delete_api(ApiId=made)


def status(moved: MovedStage, api_id: str) -> int:
    """The status of a handshake; the connection is closed again."""
    key = base64.b64encode(os.urandom(16)).decode()
    lines = [
        f"GET /{api_id}/prod HTTP/1.1",
        "Host: 127.0.0.1",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Key: {key}",
        "",
        "",
    ]
    with sockets.create_connection(("127.0.0.1", urlsplit(moved.url).port or 0), timeout=90) as line:
        line.sendall("\r\n".join(lines).encode())
        return int(line.recv(200).split(b" ", 2)[1])


@pytest.mark.fidelity("5.5", "3.11")
def test_handshake_when_more_than_500_come_in_a_second(moved: MovedStage, api_id: str):
    """An account opens 500 connections in a second; the next is answered 429, and half a second later 250 are let in."""
    assert [status(moved, api_id) for _ in range(501)] == [101] * 500 + [429]
    moved.move(0.5)
    assert [status(moved, api_id) for _ in range(251)] == [101] * 250 + [429]
    moved.move(1)


@pytest.mark.fidelity("5.3")
def test_connection_when_messages_keep_it(moved: MovedStage, api_id: str):
    """Messages keep a connection beyond ten minutes; ten minutes after the last one it is closed with 1001 "Going away"."""
    socket = moved.connect(f"wss://{api_id}.execute-api.{REGION}.amazonaws.com/prod")
    for _ in range(3):
        moved.move(599)
        socket.send('{"action": "nobody"}')
        assert "Forbidden" in socket.recv()
    moved.move(599)
    socket.ping("is no message")
    assert socket.recv_data(control_frame=True)[1] == b"is no message"
    moved.move(1)
    opcode, data = socket.recv_data()
    assert (opcode, int.from_bytes(data[:2], "big"), data[2:]) == (8, 1001, b"Going away")
    socket.close()


@pytest.mark.fidelity("5.4")
def test_connection_when_two_hours_pass(moved: MovedStage, api_id: str):
    """A connection on which messages go lasts for two hours, and is closed then with 1001 "Going away"."""
    socket = moved.connect(f"wss://{api_id}.execute-api.{REGION}.amazonaws.com/prod")
    for seconds in [599] * 12 + [11]:
        moved.move(seconds)
        socket.send('{"action": "nobody"}')
        assert "Forbidden" in socket.recv()
    moved.move(1)
    opcode, data = socket.recv_data()
    assert (opcode, int.from_bytes(data[:2], "big"), data[2:]) == (8, 1001, b"Going away")
    socket.close()

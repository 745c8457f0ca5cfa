"""How long a connection lives: cut when it is idle, closed when its time is over. FIDELITY sections 4 and 5.

The settings shorten both times here; AWS's own values are in test_fidelity_moved_time.py.
"""

from __future__ import annotations

import json
import time

import pytest
import websocket
from websocket import ABNF

from localstage import LocalStage
from tests.stage.target import StageTarget, deploy_api, table_of_ids
from tests.stage.waiting import eventually

WITHIN_S = 180
HANDLER = """
import json, os
import boto3

def handler(event, context):
    context = event["requestContext"]
    if context["eventType"] == "DISCONNECT":
        told = {"code": context["disconnectStatusCode"], "reason": context["disconnectReason"]}
        item = {"id": context["connectionId"], "event": json.dumps(told)}
        boto3.resource("dynamodb").Table(os.environ["TABLE"]).put_item(Item=item)
    return {"statusCode": 200, "body": context["connectionId"]}
"""
GOING_AWAY = (1001, b"Going away")


def closed_while(socket: websocket.WebSocket, keep_alive) -> tuple[int, bytes] | None:
    """Code and reason of the close frame that comes although ``keep_alive`` is called whenever a moment was silent."""
    socket.settimeout(0.1)
    deadline = time.monotonic() + WITHIN_S
    while time.monotonic() < deadline:
        try:
            opcode, data = socket.recv_data(control_frame=True)
        except websocket.WebSocketTimeoutException:
            keep_alive()
            continue
        if opcode == ABNF.OPCODE_CLOSE:
            return int.from_bytes(data[:2], "big"), data[2:]
    return None


@pytest.mark.fidelity("5.4")
def test_connection_when_its_time_is_over():
    """A connection that is busy is closed with 1001 "Going away" when it has lasted as long as any may."""
    with LocalStage(connection_duration_s=3) as running:
        short = StageTarget(running)
        with table_of_ids(short) as table:
            routes = dict.fromkeys(("$connect", "$disconnect", "$default"), HANDLER)
            api = deploy_api(short, routes, two_way=("$default",), Environment={"Variables": {"TABLE": table}})
            began = time.monotonic()
            socket = short.connect(api.url)
            assert closed_while(socket, lambda: socket.send("still here")) == GOING_AWAY
            assert time.monotonic() - began >= 3
            socket.shutdown()
            (row,) = eventually(
                lambda: short.client("dynamodb").scan(TableName=table)["Items"], bool, "the connection's $disconnect"
            )
            assert json.loads(row["event"]["S"]) == {"code": 1001, "reason": "Going away"}


@pytest.mark.fidelity("4.4", "5.3")
def test_connection_when_it_only_pings():
    """Pings are answered and do not keep a connection: it is cut with 1001 "Going away" after the idle time-out."""
    with LocalStage(idle_timeout_s=2) as running:
        quick = StageTarget(running)
        api = deploy_api(quick, {"$default": HANDLER})
        began = time.monotonic()
        socket = quick.connect(api.url)
        assert closed_while(socket, lambda: socket.ping("still here")) == GOING_AWAY
        assert time.monotonic() - began >= 2
        socket.close()

"""The execution log of a stage, FIDELITY section 8."""

from __future__ import annotations

import json
from typing import Any

import pytest
import websocket

from tests.stage.target import DeployedApi, Target, cloudwatch_role, deploy_api
from tests.stage.waiting import eventually, messages_in

pytestmark = pytest.mark.stays_here("it sets the account's CloudWatch role, which is not the test's alone")
HANDLER = """
def handler(event, context):
    text = event.get("body", "")
    if "raise" in text:
        raise ValueError("as wished")
    if "none" in text:
        return None
    return {"statusCode": 200, "body": "thanks"}
"""


@pytest.fixture(scope="module")
def api(target: Target) -> DeployedApi:
    return deploy_api(target, dict.fromkeys(("$connect", "$disconnect", "chat"), HANDLER))


def visit(target: Target, api: DeployedApi, **settings: Any) -> list[str]:
    """The lines that a visit with a message that is served and three that fail leaves under these settings."""
    gateway, logs = target.client("apigatewayv2"), target.client("logs")
    group = f"/aws/apigateway/{api.api_id}/prod"
    for known in logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]:
        logs.delete_log_group(logGroupName=known["logGroupName"])
    with cloudwatch_role(target):
        throttle = {"ThrottlingRateLimit": 100.0, "ThrottlingBurstLimit": 100}
        gateway.update_stage(ApiId=api.api_id, StageName="prod", DefaultRouteSettings={**throttle, **settings})
    socket = target.connect(api.url)
    for message in (
        {"action": "chat", "text": "hello"},
        {"action": "chat", "text": "raise"},
        {"action": "chat", "text": "none"},
        {"action": "nobody"},
    ):
        socket.send(json.dumps(message))
        if message.get("text") != "hello":
            socket.recv()
    socket.close()
    tells_errors_only = settings["LoggingLevel"] == "ERROR"

    def is_whole(found: list[str]) -> bool:
        """Whether the end is there, too: else the next visit would find it."""
        enough = 3 if tells_errors_only else 20
        return len(found) >= enough and (tells_errors_only or any("Route: [$disconnect]" in line for line in found))

    return eventually(lambda: messages_in(logs, group), is_whole, "the visit's execution log")


def texts(lines: list[str]) -> list[str]:
    """The lines without their request ids; each must have one, of an event's form."""
    split = [line.partition(") ") for line in lines]
    assert all(request_id.startswith("(") and request_id.endswith("=") for request_id, _, _ in split), lines
    return [text for _, _, text in split]


@pytest.mark.fidelity("8.9")
def test_execution_log_when_its_level_is_info(target: Target, api: DeployedApi):
    """INFO tells of every event by its request id: its route, its client, the call of the function and the outcome."""
    lines = visit(target, api, LoggingLevel="INFO", DataTraceEnabled=False)
    told = texts(lines)
    for route in ("$connect", "chat"):
        assert f"WebSocket Request Route: [{route}]" in told
    assert f"is connecting to WebSocket API [{api.api_id}]." in "".join(told)
    assert f"WebSocket API [{api.api_id}] received message from client [Connection Id: " in "".join(told)
    address = f"/2015-03-31/functions/{api.function_arns['chat']}/invocations"
    assert any(text.startswith("Sending request to https://lambda.") and text.endswith(address) for text in told)
    assert any(text.startswith("Received response. Status: 200, Integration latency: ") for text in told)
    assert "Execution failed due to configuration error: Malformed Lambda proxy response" in told
    assert any(
        text.startswith(
            "Lambda execution failed with status 200 due to customer function error: as wished. Lambda request id: "
        )
        for text in told
    )
    of_connect = next(line.partition(") ")[0] for line in lines if "Route: [$connect]" in line)
    assert texts([line for line in lines if line.startswith(of_connect)])[:2] == [
        f"Extended Request Id: {of_connect[1:]}",
        f"Starting execution for request: {of_connect[1:]}",
    ]
    assert "hello" not in "".join(told)


@pytest.mark.fidelity("8.9")
def test_execution_log_when_data_is_traced(target: Target, api: DeployedApi):
    """Data trace adds what the function was sent and what it returned, cut after 1,024 bytes."""
    told = texts(visit(target, api, LoggingLevel="INFO", DataTraceEnabled=True))
    sent = [text for text in told if text.startswith("Endpoint request body after transformations: ")]
    assert any('"routeKey":"chat"' in text for text in sent)
    assert any(text.endswith("[TRUNCATED]") for text in sent)  # The event of $connect has all headers twice.
    assert all(len(text) < 1100 for text in sent)
    assert "Endpoint response body before transformations: null" in told
    assert 'Endpoint response body before transformations: {"statusCode": 200, "body": "thanks"}' in told


@pytest.mark.fidelity("8.9")
def test_execution_log_when_its_level_is_error(target: Target, api: DeployedApi):
    """ERROR tells of what failed and of nothing else."""
    told = texts(visit(target, api, LoggingLevel="ERROR", DataTraceEnabled=True))
    assert len(told) == 3
    assert all("failed" in text for text in told)


def test_execution_log_when_it_is_off(target: Target):
    """A stage that does not ask for an execution log has no group for it."""
    api = deploy_api(target, {"chat": HANDLER})
    with pytest.raises(websocket.WebSocketBadStatusException):
        target.connect(api.url + "-not-there")
    target.connect(api.url).close()
    groups = target.client("logs").describe_log_groups(logGroupNamePrefix=f"/aws/apigateway/{api.api_id}")["logGroups"]
    assert groups == []

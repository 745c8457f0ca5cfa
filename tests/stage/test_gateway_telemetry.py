"""Access logs and metrics of a stage, FIDELITY section 8."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
import websocket

from tests.stage.target import DeployedApi, Target, cloudwatch_role, deploy_api, new_name
from tests.stage.waiting import eventually, messages_in

pytestmark = pytest.mark.stays_here("it sets the account's CloudWatch role, which is not the test's alone")
DOOR = """
def handler(event, context):
    context = event["requestContext"]
    if context["eventType"] == "MESSAGE" and "raise" in event["body"]:
        raise ValueError("as wished")
    refused = context["eventType"] == "CONNECT" and "queryStringParameters" in event
    return {"statusCode": 403 if refused else 200}
"""

FORMAT = json.dumps(
    {
        "event": "$context.eventType",
        "route": "$context.routeKey",
        "status": "$context.status",
        "connection": "$context.connectionId",
        "ip": "$context.identity.sourceIp",
        "integration": "$context.integration.status",
        "nothing": "$context.authorizer.principalId",
    }
)


@pytest.fixture(scope="module")
def api(target: Target) -> DeployedApi:
    api = deploy_api(target, dict.fromkeys(("$connect", "$disconnect", "chat"), DOOR))
    group = new_name()
    logs = target.client("logs")
    logs.create_log_group(logGroupName=group)
    account = api.function_arns["chat"].split(":")[4]
    with cloudwatch_role(target):
        target.client("apigatewayv2").update_stage(
            ApiId=api.api_id,
            StageName="prod",
            AccessLogSettings={
                "DestinationArn": f"arn:aws:logs:us-east-1:{account}:log-group:{group}",
                "Format": FORMAT,
            },
        )
    socket = target.connect(api.url)
    for text in ('{"action": "chat"}', '{"action": "chat", "raise": 1}', '{"action": "nobody"}'):
        socket.send(text)
    assert {json.loads(socket.recv())["message"] for _ in range(2)} == {"Forbidden", "Internal server error"}
    socket.close()
    with pytest.raises(websocket.WebSocketBadStatusException):
        target.connect(api.url + "?refuse=1")
    api.__dict__["group"] = group
    return api


@pytest.mark.fidelity("8.7")
def test_access_log_when_events_were_served(target: Target, api: DeployedApi):
    """Each event is one line in the configured format; a variable without a value reads "-"."""

    def lines() -> list[dict]:
        return [json.loads(message) for message in messages_in(target.client("logs"), api.__dict__["group"])]

    told = eventually(lines, lambda found: len(found) >= 6, "six lines of access log")
    facts = sorted((line["event"], line["route"], line["status"], line["integration"]) for line in told)
    assert facts == [
        ("CONNECT", "$connect", "200", "200"),
        ("CONNECT", "$connect", "403", "403"),
        ("DISCONNECT", "$disconnect", "200", "200"),
        ("MESSAGE", "-", "403", "-"),
        ("MESSAGE", "chat", "200", "200"),
        ("MESSAGE", "chat", "502", "-"),
    ]
    assert {line["nothing"] for line in told} == {"-"}
    assert all(line["ip"] and line["connection"].endswith("=") for line in told)


@pytest.mark.fidelity("8.8")
def test_metrics_when_events_were_served(target: Target, api: DeployedApi):
    """CloudWatch has the counts of events and errors; MessageCount counts messages from and to the client."""
    cloudwatch = target.client("cloudwatch")
    now = datetime.now(UTC)

    def total(name: str, statistic: str = "Sum") -> float:
        points = cloudwatch.get_metric_statistics(
            Namespace="AWS/ApiGateway",
            MetricName=name,
            Statistics=[statistic],
            Period=3600,
            StartTime=now - timedelta(hours=1),
            EndTime=now + timedelta(hours=1),
            Dimensions=[{"Name": "ApiId", "Value": api.api_id}, {"Name": "Stage", "Value": "prod"}],
        )["Datapoints"]
        return sum(point[statistic] for point in points)

    counts = {"ConnectCount": 2, "MessageCount": 5, "ClientError": 1, "ExecutionError": 1, "IntegrationError": 1}
    eventually(lambda: {name: total(name) for name in counts}, lambda seen: seen == counts, f"the counts {counts}")
    eventually(
        lambda: total("IntegrationLatency", "SampleCount"),
        lambda calls: calls == 5,
        "the latencies of two handshakes, two messages and the leaving",
    )

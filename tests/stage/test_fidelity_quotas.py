"""How much an API may have, and how long a URL may be. FIDELITY section 5."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import websocket

from tests.stage.target import REGION, Target, cloudwatch_role, deploy_api, new_name

ECHO = 'def handler(event, context):\n    return {"statusCode": 200, "body": event.get("body", "")}\n'
AUTHORIZER = (
    f"arn:aws:apigateway:{REGION}:lambda:path/2015-03-31/functions/arn:aws:lambda:{REGION}:123456789012:"
    "function:door/invocations"
)


@pytest.fixture
def gateway(target: Target) -> Any:
    return target.client("apigatewayv2")


@pytest.fixture
def api_id(gateway: Any):
    """A WebSocket API without routes; deleted in the end."""
    made = gateway.create_api(
        Name=new_name(), ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.action"
    )["ApiId"]
    yield made
    gateway.delete_api(ApiId=made)


def refusal(call: Callable[..., Any], **arguments: Any) -> tuple[int, str, str]:
    """Status, code and message of a call that is refused."""
    with pytest.raises(Exception) as caught:
        call(**arguments)
    response = caught.value.response
    return response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"], response["Error"]["Message"]


def full(what: str) -> str:
    """AWS's sentence when an API has as many of something as it may have."""
    return f"Maximum number of {what} for this API has been reached. Please contact AWS if you need additional {what}."


@pytest.mark.fidelity("5.8")
@pytest.mark.parametrize(
    ("what", "most", "operation", "arguments"),
    [
        ("Routes", 300, "create_route", lambda number: {"RouteKey": f"route{number}"}),
        ("Integrations", 300, "create_integration", lambda number: {"IntegrationType": "MOCK"}),
        ("Stages", 10, "create_stage", lambda number: {"StageName": f"stage{number}"}),
        (
            "Authorizers",
            10,
            "create_authorizer",
            lambda number: {
                "Name": f"door{number}",
                "AuthorizerType": "REQUEST",
                "AuthorizerUri": AUTHORIZER,
                "IdentitySource": ["route.request.querystring.token"],
            },
        ),
    ],
    ids=["routes", "integrations", "stages", "authorizers"],
)
def test_part_of_an_api_when_there_are_as_many_as_may_be(
    gateway, api_id: str, what: str, most: int, operation: str, arguments: Callable[[int], dict[str, Any]]
):
    """An API has 300 routes and integrations, 10 stages and authorizers; one more is refused, also after a while."""
    create = getattr(gateway, operation)
    for number in range(most):
        create(ApiId=api_id, **arguments(number))
    for _ in range(2):
        assert refusal(create, ApiId=api_id, **arguments(most)) == (429, "ConflictException", full(what))
    listed = getattr(gateway, f"get_{what.lower()}")(ApiId=api_id, MaxResults="500")["Items"]
    assert len(listed) == most


@pytest.mark.fidelity("5.8")
@pytest.mark.stays_here("it sets the account's CloudWatch role, which is not the test's alone")
def test_access_log_when_its_format_is_at_the_limit(target: Target, gateway, api_id: str):
    """An access log format may have 3 KB on one line; more, or a line break inside, is refused and changes nothing."""
    logs, group = target.client("logs"), f"quotas-{api_id}"
    logs.create_log_group(logGroupName=group)
    account = target.client("sts").get_caller_identity()["Account"]
    destination = f"arn:aws:logs:{REGION}:{account}:log-group:{group}"

    def settings(text: str) -> dict[str, Any]:
        return {
            "ApiId": api_id,
            "StageName": "prod",
            "AccessLogSettings": {"DestinationArn": destination, "Format": text},
        }

    longest = "$context.requestId ".ljust(3072, "x")
    with cloudwatch_role(target):
        status, code, message = refusal(gateway.create_stage, **settings(longest + "x"))
        assert (status, code) == (400, "BadRequestException")
        assert "3072" in message
        gateway.create_stage(**settings(longest))
        assert refusal(gateway.update_stage, **settings("$context.requestId\n$context.status"))[1:] == (
            "BadRequestException",
            "Access Log format must be single line, new line character is allowed only at end of the format",
        )
    assert gateway.get_stage(ApiId=api_id, StageName="prod")["AccessLogSettings"]["Format"] == longest
    logs.delete_log_group(logGroupName=group)


@pytest.mark.fidelity("5.9")
def test_handshake_when_its_url_is_at_the_limit(target: Target):
    """A URL of 4,096 characters connects, one of 4,097 or of 20,000 is refused with a 4xx."""
    api = deploy_api(target, {"$connect": ECHO, "$default": ECHO}, two_way=("$default",))

    def url(length: int) -> str:
        return (api.url + "?q=").ljust(length, "x")

    socket = target.connect(url(4096))
    socket.send(json.dumps({"text": "hello"}))
    assert json.loads(socket.recv()) == {"text": "hello"}
    socket.close()
    for length in (4097, 20_000):
        with pytest.raises(websocket.WebSocketBadStatusException) as caught:
            target.connect(url(length))
        assert 400 <= caught.value.status_code < 500

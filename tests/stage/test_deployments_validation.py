"""What API Gateway refuses while a WebSocket API is built, seen through boto3."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.stage.target import Target, new_name

FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:chat"
LAMBDA = f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{FUNCTION}/invocations"


@pytest.fixture
def gateway(target: Target) -> Any:
    """A client of API Gateway v2, of the target."""
    return target.client("apigatewayv2")


@pytest.fixture
def api_id(gateway) -> str:
    """The id of a WebSocket API without routes."""
    return gateway.create_api(
        Name=new_name(), ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.action"
    )["ApiId"]


def refusal(call, **arguments) -> tuple[str, str]:
    """The code and message with which AWS refuses the call."""
    with pytest.raises(ClientError) as refused:
        call(**arguments)
    error = refused.value.response["Error"]
    return error["Code"], error["Message"]


@pytest.mark.fidelity("2.15")
def test_websocket_api_when_it_has_no_selection_expression(gateway):
    """A WebSocket API needs a route selection expression."""
    code, message = refusal(gateway.create_api, Name="chat", ProtocolType="WEBSOCKET")
    assert code == "BadRequestException"
    assert "RouteSelectionExpression" in message


def test_route_when_its_key_exists(gateway, api_id):
    """A route key is unique within its API."""
    gateway.create_route(ApiId=api_id, RouteKey="sendMessage")
    assert refusal(gateway.create_route, ApiId=api_id, RouteKey="sendMessage") == (
        "ConflictException",
        "Route with key sendMessage already exists for this API",
    )


def test_route_when_its_key_changes_to_one_in_use(gateway, api_id):
    """A route cannot take the key of another, and keeps its own."""
    gateway.create_route(ApiId=api_id, RouteKey="$connect")
    route_id = gateway.create_route(ApiId=api_id, RouteKey="send")["RouteId"]
    code, _ = refusal(gateway.update_route, ApiId=api_id, RouteId=route_id, RouteKey="$connect")
    assert code == "ConflictException"
    assert gateway.get_route(ApiId=api_id, RouteId=route_id)["RouteKey"] == "send"


@pytest.mark.fidelity("2.15")
def test_route_when_its_key_is_reserved(gateway, api_id):
    """Only $connect, $disconnect and $default may begin with a dollar sign."""
    assert refusal(gateway.create_route, ApiId=api_id, RouteKey="$hello") == (
        "BadRequestException",
        "The provided route key is not formatted properly",
    )


def test_route_when_its_integration_is_missing(gateway, api_id):
    """A route cannot target an integration that does not exist."""
    code, message = refusal(gateway.create_route, ApiId=api_id, RouteKey="$connect", Target="integrations/abcdefg")
    assert code == "NotFoundException"
    assert "abcdefg" in message
    assert gateway.get_routes(ApiId=api_id)["Items"] == []


@pytest.mark.parametrize("setting", [{"AuthorizationType": "AWS_IAM"}, {"ApiKeyRequired": True}])
@pytest.mark.fidelity("3.14", "3.7")
def test_authorization_when_not_on_connect(gateway, api_id, setting):
    """Authorization and API keys are for $connect only."""
    code, message = refusal(gateway.create_route, ApiId=api_id, RouteKey="send", **setting)
    assert code == "BadRequestException"
    assert "$connect" in message
    gateway.create_route(ApiId=api_id, RouteKey="$connect", **setting)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("CUSTOM", "Currently, authorization is restricted to the $connect route only"),
        ("JWT", "Currently, JWT authorization type is restricted to APIs with a protocol type of HTTP"),
    ],
)
@pytest.mark.fidelity("3.14", "3.21")
def test_route_when_its_authorization_is_for_another_route_or_api(gateway, api_id, kind: str, message: str):
    """CUSTOM is for $connect alone, and JWT for HTTP APIs: the refusal says so, and makes no route."""
    authorizer = gateway.create_authorizer(
        ApiId=api_id,
        Name="door",
        AuthorizerType="REQUEST",
        AuthorizerUri=LAMBDA,
        IdentitySource=["route.request.header.Authorization"],
    )["AuthorizerId"]
    arguments = {"RouteKey": "send", "AuthorizationType": kind, "AuthorizerId": authorizer}
    assert refusal(gateway.create_route, ApiId=api_id, **arguments) == ("BadRequestException", message)
    assert gateway.get_routes(ApiId=api_id)["Items"] == []


def test_route_when_its_authorizer_is_unknown(gateway, api_id):
    """A route with a CUSTOM authorization needs an existing authorizer."""
    code, _ = refusal(
        gateway.create_route, ApiId=api_id, RouteKey="$connect", AuthorizationType="CUSTOM", AuthorizerId="abcdefg"
    )
    assert code == "BadRequestException"


@pytest.mark.fidelity("3.14", "3.21")
def test_authorizer_when_it_is_not_a_request_authorizer(gateway, api_id):
    """A WebSocket API takes REQUEST authorizers only."""
    code, message = refusal(
        gateway.create_authorizer,
        ApiId=api_id,
        Name="jwt",
        AuthorizerType="JWT",
        IdentitySource=["route.request.header.Authorization"],
    )
    assert code == "BadRequestException"
    assert message == "Invalid authorizer type. Only REQUEST authorizer type is supported on WEBSOCKET protocol Apis."


def test_route_response_when_its_key_is_not_default(gateway, api_id):
    """$default is the only route response key."""
    route_id = gateway.create_route(ApiId=api_id, RouteKey="send")["RouteId"]
    code, _ = refusal(gateway.create_route_response, ApiId=api_id, RouteId=route_id, RouteResponseKey="200")
    assert code == "BadRequestException"
    gateway.create_route_response(ApiId=api_id, RouteId=route_id, RouteResponseKey="$default")
    listed = gateway.get_route_responses(ApiId=api_id, RouteId=route_id)["Items"]
    assert [response["RouteResponseKey"] for response in listed] == ["$default"]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"IntegrationType": "AWS", "IntegrationUri": LAMBDA}, "AWS"),
        (
            {
                "IntegrationType": "HTTP_PROXY",
                "ConnectionType": "VPC_LINK",
                "ConnectionId": "abc",
                "IntegrationUri": "http://internal/",
            },
            "VPC_LINK",
        ),
    ],
)
@pytest.mark.fidelity("7.6")
@pytest.mark.stays_here("localstage refuses by name what works on AWS")
def test_integration_when_the_stage_cannot_run_it(gateway, api_id, arguments, named):
    """An integration that the stage cannot run is refused by name and not made."""
    code, message = refusal(gateway.create_integration, ApiId=api_id, **arguments)
    assert code == "BadRequestException"
    assert named in message
    assert gateway.get_integrations(ApiId=api_id)["Items"] == []


@pytest.mark.parametrize("uri", [LAMBDA, FUNCTION], ids=["path", "bare ARN"])
@pytest.mark.fidelity("7.8")
def test_integration_when_echoed(gateway, api_id, uri):
    """CreateIntegration answers with the defaults of a WebSocket API (FIDELITY section 7)."""
    made = gateway.create_integration(
        ApiId=api_id, IntegrationType="AWS_PROXY", IntegrationUri=uri, IntegrationMethod="POST"
    )
    assert made["PassthroughBehavior"] == "WHEN_NO_MATCH"
    assert made["TimeoutInMillis"] == 29000
    assert made["ConnectionType"] == "INTERNET"
    assert (made["IntegrationMethod"], made["IntegrationUri"]) == ("POST", uri)


def test_integration_when_its_uri_is_not_a_function(gateway, api_id):
    """The URI of a Lambda proxy integration must name a function."""
    code, _ = refusal(
        gateway.create_integration,
        ApiId=api_id,
        IntegrationType="AWS_PROXY",
        IntegrationUri="arn:aws:sqs:us-east-1:123456789012:queue",
    )
    assert code == "BadRequestException"


@pytest.mark.fidelity("5.7")
def test_integration_when_its_timeout_is_over_29_seconds(gateway, api_id):
    """A WebSocket integration may take 29 seconds at most."""
    assert refusal(
        gateway.create_integration,
        ApiId=api_id,
        IntegrationType="AWS_PROXY",
        IntegrationUri=LAMBDA,
        TimeoutInMillis=29500,
    ) == ("BadRequestException", "Timeout should be between 50 ms and 29000 ms")


def test_integration_when_deleted_under_a_route(gateway, api_id):
    """An integration that a route targets cannot be deleted."""
    made = gateway.create_integration(ApiId=api_id, IntegrationType="MOCK")
    integration = {"ApiId": api_id, "IntegrationId": made["IntegrationId"]}
    route_id = gateway.create_route(ApiId=api_id, RouteKey="ping", Target=f"integrations/{made['IntegrationId']}")[
        "RouteId"
    ]
    code, message = refusal(gateway.delete_integration, **integration)
    assert code == "ConflictException"
    assert route_id in message
    gateway.delete_route(ApiId=api_id, RouteId=route_id)
    gateway.delete_integration(**integration)
    assert refusal(gateway.get_integration, **integration)[0] == "NotFoundException"

"""API Gateway at AWS's pace: new stages, new deployments, permissions that take effect late."""

from __future__ import annotations

import uuid

import pytest
import websocket

from tests.stage.moved_functions import active_function, answering
from tests.stage.target import REGION


@pytest.fixture
def gateway(moved):
    """A client of API Gateway on a stage whose time the test moves."""
    return moved.client("apigatewayv2")


@pytest.fixture
def api_id(gateway) -> str:
    """The id of an API with the route hello, answered by a mock."""
    made = gateway.create_api(
        Name=f"test-{uuid.uuid4().hex[:8]}", ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.action"
    )["ApiId"]
    integration = gateway.create_integration(
        ApiId=made,
        IntegrationType="MOCK",
        TemplateSelectionExpression="200",
        RequestTemplates={"200": '{"statusCode": 200}'},
    )["IntegrationId"]
    gateway.create_route(ApiId=made, RouteKey="hello", Target=f"integrations/{integration}")
    return made


def deploy(gateway, api_id: str) -> str:
    return gateway.create_deployment(ApiId=api_id)["DeploymentId"]


def url(api_id: str) -> str:
    return f"wss://{api_id}.execute-api.{REGION}.amazonaws.com/prod"


def handshake(moved, api_id: str) -> int:
    """The status that a client's handshake gets."""
    try:
        moved.connect(url(api_id)).close()
    except websocket.WebSocketBadStatusException as refused:
        return refused.status_code
    return 101


def test_stage_when_it_was_just_made(moved, gateway, api_id):
    """A new stage answers 403 for a moment."""
    gateway.create_stage(ApiId=api_id, StageName="prod", DeploymentId=deploy(gateway, api_id))
    assert handshake(moved, api_id) == 403
    moved.move(1)
    assert handshake(moved, api_id) == 101


def test_stage_when_it_is_deployed_again(moved, gateway, api_id):
    """The old deployment goes on serving for a moment."""
    gateway.create_stage(ApiId=api_id, StageName="prod", DeploymentId=deploy(gateway, api_id))
    moved.move(1)
    assert handshake(moved, api_id) == 101
    refusing = gateway.create_integration(
        ApiId=api_id,
        IntegrationType="MOCK",
        TemplateSelectionExpression="200",
        RequestTemplates={"200": '{"statusCode": 401}'},
    )["IntegrationId"]
    gateway.create_route(ApiId=api_id, RouteKey="$connect", Target=f"integrations/{refusing}")
    gateway.update_stage(ApiId=api_id, StageName="prod", DeploymentId=deploy(gateway, api_id))
    assert handshake(moved, api_id) == 101
    moved.move(1)
    assert handshake(moved, api_id) == 401


def test_permission_when_it_was_just_added(moved, gateway, api_id):
    """API Gateway may invoke a function a moment after it has been allowed to."""
    functions, function = moved.client("lambda"), active_function(moved, answering("no status code"))
    arn = functions.get_function(FunctionName=function)["Configuration"]["FunctionArn"]
    integration = gateway.create_integration(
        ApiId=api_id,
        IntegrationType="AWS_PROXY",
        IntegrationMethod="POST",
        IntegrationUri=f"arn:aws:apigateway:{REGION}:lambda:path/2015-03-31/functions/{arn}/invocations",
    )
    gateway.create_route(ApiId=api_id, RouteKey="$connect", Target=f"integrations/{integration['IntegrationId']}")
    gateway.create_stage(ApiId=api_id, StageName="prod", DeploymentId=deploy(gateway, api_id))
    moved.move(1)
    functions.add_permission(
        FunctionName=function, StatementId="api", Action="lambda:InvokeFunction", Principal="apigateway.amazonaws.com"
    )
    assert handshake(moved, api_id) == 500
    moved.move(1)
    assert handshake(moved, api_id) == 502  # it runs, and returns no status code
    functions.remove_permission(FunctionName=function, StatementId="api")
    assert handshake(moved, api_id) == 502
    moved.move(1)
    assert handshake(moved, api_id) == 500

"""API keys, throttles, deployments as a client sees them. FIDELITY sections 3, 5 and 8."""

from __future__ import annotations

import json
import re

import pytest
import websocket

from tests.stage.target import DeployedApi, Target, add_route, deploy_api, new_name

HANDLER = """
def handler(event, context):
    return {"statusCode": 200, "body": event.get("stageVariables", {}).get("color", "none")}
"""


@pytest.fixture(scope="module")
def api(target: Target) -> DeployedApi:
    return deploy_api(target, {"$connect": HANDLER, "$default": HANDLER}, two_way=("$default",))


def status(target: Target, url: str, **options) -> int:
    """The status that answers a handshake."""
    try:
        socket = target.connect(url, **options)
    except websocket.WebSocketBadStatusException as refused:
        return refused.status_code
    socket.close()
    return 101


@pytest.mark.fidelity("3.7")
def test_handshake_when_the_route_wants_an_api_key(target: Target):
    """Only an enabled key of a usage plan with the stage opens a connection; any other is 403."""
    api = deploy_api(target, {"$connect": HANDLER})
    gateway, rest = target.client("apigatewayv2"), target.client("apigateway")
    route = gateway.get_routes(ApiId=api.api_id)["Items"][0]["RouteId"]
    gateway.update_route(ApiId=api.api_id, RouteId=route, ApiKeyRequired=True)
    gateway.create_deployment(ApiId=api.api_id, StageName="prod")
    key, stranger = (rest.create_api_key(name=new_name(), enabled=True) for _ in range(2))
    plan = rest.create_usage_plan(name=new_name(), apiStages=[{"apiId": api.api_id, "stage": "prod"}])["id"]
    rest.create_usage_plan_key(usagePlanId=plan, keyId=key["id"], keyType="API_KEY")
    tried = [
        status(target, api.url, header=headers)
        for headers in ([], ["x-api-key: wrong"], [f"x-api-key: {stranger['value']}"], [f"x-api-key: {key['value']}"])
    ]
    assert tried == [403, 403, 403, 101]
    rest.update_api_key(apiKey=key["id"], patchOperations=[{"op": "replace", "path": "/enabled", "value": "false"}])
    assert status(target, api.url, header=[f"x-api-key: {key['value']}"]) == 403


@pytest.mark.fidelity("3.11", "8.2", "8.4")
def test_handshake_when_default_route_settings_have_no_throttle(target: Target):
    """Settings without throttling values throttle to 0; values given later let connections in at once."""
    api = deploy_api(target, {"$connect": HANDLER})
    gateway = target.client("apigatewayv2")
    gateway.update_stage(ApiId=api.api_id, StageName="prod", DefaultRouteSettings={"DetailedMetricsEnabled": True})
    assert status(target, api.url) == 429
    gateway.update_stage(
        ApiId=api.api_id,
        StageName="prod",
        DefaultRouteSettings={"ThrottlingRateLimit": 100.0, "ThrottlingBurstLimit": 100},
    )
    assert status(target, api.url) == 101


@pytest.mark.fidelity("5.6", "8.5")
def test_message_when_its_route_is_throttled(target: Target):
    """A throttled route answers with an error frame of its three keys; the other routes work."""
    api = deploy_api(target, {"busy": HANDLER, "$default": HANDLER}, two_way=("busy", "$default"))
    target.client("apigatewayv2").update_stage(
        ApiId=api.api_id,
        StageName="prod",
        RouteSettings={"busy": {"ThrottlingRateLimit": 0.0, "ThrottlingBurstLimit": 0}},
    )
    socket = target.connect(api.url)
    socket.send('{"action": "busy"}')
    assert list(json.loads(socket.recv())) == ["message", "connectionId", "requestId"]
    socket.send("other")
    assert socket.recv() == "none"
    socket.close()


@pytest.mark.fidelity("2.7", "8.1", "8.2")
def test_route_when_it_is_not_deployed(target: Target):
    """A new route answers Forbidden until a deployment has it and the stage points there; settings need none."""
    api = deploy_api(target, {"old": HANDLER}, two_way=("old",))
    gateway = target.client("apigatewayv2")
    socket = target.connect(api.url)

    def ask() -> str:
        socket.send('{"action": "new"}')
        return socket.recv()

    add_route(target, api.api_id, "new", api.function_arns["old"], two_way=True)
    assert re.fullmatch(r'\{"message": "Forbidden", "connectionId":"[\w-]+=", "requestId":"[\w-]+="\}', ask())
    deployment = gateway.create_deployment(ApiId=api.api_id)["DeploymentId"]
    assert "Forbidden" in ask()
    gateway.update_stage(ApiId=api.api_id, StageName="prod", DeploymentId=deployment)
    assert ask() == "none"
    gateway.update_stage(ApiId=api.api_id, StageName="prod", StageVariables={"color": "red"})
    socket.close()
    socket = target.connect(api.url)
    assert ask() == "red"
    socket.close()


@pytest.mark.fidelity("8.3")
def test_route_when_its_stage_deploys_automatically(target: Target, api: DeployedApi):
    """An AutoDeploy stage serves a new route at once."""
    gateway = target.client("apigatewayv2")
    gateway.create_stage(ApiId=api.api_id, StageName="auto", AutoDeploy=True)
    add_route(target, api.api_id, "new", api.function_arns["$default"], two_way=True)
    socket = target.connect(api.url.replace("/prod", "/auto"))
    socket.send('{"action": "new"}')
    assert socket.recv() == "none"
    socket.close()
    gateway.delete_stage(ApiId=api.api_id, StageName="auto")


@pytest.mark.fidelity("3.1")
def test_handshake_when_there_is_no_connect_route(target: Target):
    """Without a $connect route every handshake is accepted."""
    assert status(target, deploy_api(target, {"$default": HANDLER}).url) == 101


@pytest.mark.fidelity("3.6")
def test_handshake_when_the_stage_has_no_deployment(target: Target, api: DeployedApi):
    """A stage without a deployment is 403, as an unknown one is."""
    gateway = target.client("apigatewayv2")
    gateway.create_stage(ApiId=api.api_id, StageName="empty")
    assert status(target, api.url.replace("/prod", "/empty")) == 403
    gateway.delete_stage(ApiId=api.api_id, StageName="empty")


@pytest.mark.fidelity("3.12")
def test_get_when_it_is_no_upgrade(target: Target, api: DeployedApi):
    """A GET of a stage's address without an upgrade is a 4xx."""
    assert 400 <= target.get(api.url.replace("wss:", "https:")) < 500

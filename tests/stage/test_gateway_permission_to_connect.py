"""Who may connect and how fast: authorizers, throttles, models. FIDELITY sections 2, 3 and 5."""

from __future__ import annotations

import json

import pytest

from tests.stage.target import DeployedApi, Target, allow_api_gateway, create_function, deploy_api, status_of_refusal

AUTHORIZER = """
def handler(event, context):
    token = event["queryStringParameters"]["token"]
    if token == "unknown":
        raise Exception("Unauthorized")
    if token == "crash":
        raise KeyError("as wished")
    if token in ("nearly", "long"):  # Results of a little under and a little over 8 KB.
        event["padding"] = "x" * (7_800 if token == "nearly" else 8_200)
    if token == "malformed":
        return {"principalId": "ann"}
    resource = {"narrow": event["methodArn"].replace("$connect", "*/*")}.get(token, event["methodArn"])
    effect = "Deny" if token == "bad" else "Allow"
    return {"principalId": "ann", "context": {"name": event.get("padding", "Ann"), "age": 7, "admin": True},
            "policyDocument": {"Version": "2012-10-17", "Statement": [
                {"Action": "execute-api:Invoke", "Effect": effect, "Resource": resource}]}}
"""

ECHO = """
import json

def handler(event, context):
    return {"statusCode": 200, "body": json.dumps(event)}
"""


@pytest.fixture(scope="module")
def guarded(target: Target) -> DeployedApi:
    """An API whose $connect asks a REQUEST authorizer that wants ``?token=``."""
    api = deploy_api(target, {"$connect": ECHO, "$default": ECHO}, two_way=("$default",))
    gateway = target.client("apigatewayv2")
    arn = create_function(target, AUTHORIZER)
    allow_api_gateway(target, arn, api.api_id)
    authorizer = gateway.create_authorizer(
        ApiId=api.api_id,
        Name="token",
        AuthorizerType="REQUEST",
        IdentitySource=["route.request.querystring.token"],
        AuthorizerUri=f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{arn}/invocations",
    )
    for route in gateway.get_routes(ApiId=api.api_id)["Items"]:
        if route["RouteKey"] == "$connect":
            gateway.update_route(
                ApiId=api.api_id,
                RouteId=route["RouteId"],
                AuthorizationType="CUSTOM",
                AuthorizerId=authorizer["AuthorizerId"],
            )
    gateway.create_deployment(ApiId=api.api_id, StageName="prod")
    return api


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("", 401),
        ("?token=unknown", 401),
        ("?token=bad", 403),
        ("?token=narrow", 403),
        ("?token=crash", 500),
        ("?token=malformed", 500),
        ("?token=long", 500),
    ],
)
@pytest.mark.fidelity("3.8", "3.9", "3.10", "3.14", "3.20")
def test_handshake_when_the_authorizer_refuses(target: Target, guarded: DeployedApi, query: str, status: int):
    """A missing identity source is 401, a Deny or a policy that does not match is 403, a failure or a result over 8 KB is 500."""
    assert status_of_refusal(target, guarded.url + query) == status


@pytest.mark.fidelity("3.14")
def test_handshake_when_the_authorizer_needs_all_its_sources(target: Target, guarded: DeployedApi):
    """Every identity source must be there and not empty, in its place, else 401; a result under 8 KB is taken."""
    gateway = target.client("apigatewayv2")
    authorizer = gateway.get_authorizers(ApiId=guarded.api_id)["Items"][0]["AuthorizerId"]
    sources = [
        "route.request.querystring.token",
        "route.request.header.X-Who",
        "context.routeKey",
        "stageVariables.color",
    ]
    gateway.update_authorizer(ApiId=guarded.api_id, AuthorizerId=authorizer, IdentitySource=sources)
    gateway.update_stage(ApiId=guarded.api_id, StageName="prod", StageVariables={"color": "red"})
    gateway.create_deployment(ApiId=guarded.api_id, StageName="prod")
    url = guarded.url + "?token=nearly"
    for header in ([], ["X-Who: "], ["X-Other: ann"]):
        assert status_of_refusal(target, url, header=header) == 401
    assert status_of_refusal(target, guarded.url, header=["X-Who: ann", "token: nearly"]) == 401
    target.connect(url, header=["x-who: ann"]).close()
    gateway.update_authorizer(ApiId=guarded.api_id, AuthorizerId=authorizer, IdentitySource=sources[:1])
    gateway.create_deployment(ApiId=guarded.api_id, StageName="prod")


@pytest.mark.fidelity("1.7", "3.15")
def test_context_when_the_authorizer_allows(target: Target, guarded: DeployedApi):
    """The authorizer's context reaches later events as strings, without the latency."""
    socket = target.connect(guarded.url + "?token=good")
    socket.send("who am I")
    context = json.loads(socket.recv())["requestContext"]
    socket.close()
    assert context["authorizer"] == {"name": "Ann", "age": "7", "admin": "true", "principalId": "ann"}


@pytest.mark.fidelity("3.11")
def test_throttle_when_the_stage_allows_nothing(target: Target):
    """A stage throttled to 0 answers every handshake 429."""
    api = deploy_api(target, {"$default": ECHO})
    target.client("apigatewayv2").update_stage(
        ApiId=api.api_id, StageName="prod", DefaultRouteSettings={"ThrottlingRateLimit": 0.0, "ThrottlingBurstLimit": 0}
    )
    assert status_of_refusal(target, api.url) == 429


@pytest.mark.fidelity("2.10")
def test_model_when_a_message_does_not_satisfy_it(target: Target):
    """A message that its route's request model refuses is answered "Bad request body"."""
    api = deploy_api(target, {"$default": ECHO}, two_way=("$default",))
    gateway = target.client("apigatewayv2")
    gateway.create_model(
        ApiId=api.api_id,
        Name="Chat",
        ContentType="application/json",
        Schema=json.dumps(
            {
                "$schema": "http://json-schema.org/draft-04/schema#",
                "type": "object",
                "required": ["message"],
                "properties": {"message": {"type": "string"}},
            }
        ),
    )
    route = gateway.get_routes(ApiId=api.api_id)["Items"][0]
    gateway.update_route(
        ApiId=api.api_id,
        RouteId=route["RouteId"],
        ModelSelectionExpression="$request.body.kind",
        RequestModels={"$default": "Chat"},
    )
    gateway.create_deployment(ApiId=api.api_id, StageName="prod")
    socket = target.connect(api.url)
    socket.send('{"message": "hello"}')
    assert json.loads(socket.recv())["body"] == '{"message": "hello"}'
    for wrong in ('{"message": 7}', "{}", "hello"):
        socket.send(wrong)
        frame = json.loads(socket.recv())
        assert (frame["message"], list(frame)) == ("Bad request body", ["message", "connectionId", "messageId"])
    socket.close()

"""The ``AWS::ApiGatewayV2::*`` types: made, changed and deleted as the template says."""

from __future__ import annotations

import json

import pytest

from tests.stage.stacks import Stacks

EVERYTHING = """
Parameters:
  Word: {Type: String, Default: one}
  Function: {Type: String, Default: 'arn:aws:lambda:us-east-1:123456789012:function:auth'}
Resources:
  Api:
    Type: AWS::ApiGatewayV2::Api
    Properties:
      Name: !Sub chat-${Word}
      ProtocolType: WEBSOCKET
      RouteSelectionExpression: $request.body.action
      Tags: {word: !Ref Word}
  Message:
    Type: AWS::ApiGatewayV2::Model
    Properties:
      ApiId: !Ref Api
      Name: Message
      ContentType: application/json
      Schema: {type: object, title: !Ref Word}
  Authorizer:
    Type: AWS::ApiGatewayV2::Authorizer
    Properties:
      ApiId: !Ref Api
      Name: !Sub auth-${Word}
      AuthorizerType: REQUEST
      AuthorizerUri: !Sub arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/${Function}/invocations
      IdentitySource: [route.request.querystring.token]
  Echo:
    Type: AWS::ApiGatewayV2::Integration
    Properties:
      ApiId: !Ref Api
      IntegrationType: MOCK
      RequestTemplates: {'200': '{"statusCode": 200}'}
      TimeoutInMillis: 5000
  EchoResponse:
    Type: AWS::ApiGatewayV2::IntegrationResponse
    Properties:
      ApiId: !Ref Api
      IntegrationId: !Ref Echo
      IntegrationResponseKey: $default
      ResponseTemplates: {default: !Ref Word}
  Connect:
    Type: AWS::ApiGatewayV2::Route
    Properties:
      ApiId: !Ref Api
      RouteKey: $connect
      AuthorizationType: CUSTOM
      AuthorizerId: !Ref Authorizer
  Ping:
    Type: AWS::ApiGatewayV2::Route
    DependsOn: Message
    Properties:
      ApiId: !Ref Api
      RouteKey: !Sub ping-${Word}
      RouteResponseSelectionExpression: $default
      RequestModels: {$default: Message}
      Target: !Sub integrations/${Echo}
  PingResponse:
    Type: AWS::ApiGatewayV2::RouteResponse
    Properties: {ApiId: !Ref Api, RouteId: !Ref Ping, RouteResponseKey: $default}
  Stage:
    Type: AWS::ApiGatewayV2::Stage
    Properties:
      ApiId: !Ref Api
      StageName: dev
      AutoDeploy: true
      Description: !Ref Word
      StageVariables: {word: !Ref Word}
      Tags: {word: !Ref Word}
Outputs:
  ApiId: {Value: !GetAtt Api.ApiId}
  RouteId: {Value: !GetAtt Ping.RouteId}
  AuthorizerId: {Value: !GetAtt Authorizer.AuthorizerId}
"""


@pytest.fixture
def stacks(aws) -> Stacks:
    """The stacks of the empty account."""
    return Stacks(aws)


def described(stacks: Stacks) -> dict[str, object]:
    """The parts of the API, with what the template's word decides."""
    gateway, api_id = stacks.aws("apigatewayv2"), stacks.outputs("chat")["ApiId"]
    where = {"ApiId": api_id}
    api = gateway.get_api(**where)
    stage = gateway.get_stage(**where, StageName="dev")
    echo = {**where, "IntegrationId": stacks.physical_id("chat", "Echo")}
    ping = {**where, "RouteId": stacks.physical_id("chat", "Ping")}
    (response,) = gateway.get_integration_responses(**echo)["Items"]
    (model,) = gateway.get_models(**where)["Items"]
    (authorizer,) = gateway.get_authorizers(**where)["Items"]
    return {
        "api": (api["Name"], api["Tags"]),
        "stage": (stage["Description"], stage["StageVariables"], stage["Tags"]),
        "route": gateway.get_route(**ping)["RouteKey"],
        "route responses": len(gateway.get_route_responses(**ping)["Items"]),
        "integration response": response["ResponseTemplates"],
        "model": json.loads(model["Schema"])["title"],
        "authorizer": authorizer["Name"],
    }


def expected(word: str) -> dict[str, object]:
    return {
        "api": (f"chat-{word}", {"word": word}),
        "stage": (word, {"word": word}, {"word": word}),
        "route": f"ping-{word}",
        "route responses": 1,
        "integration response": {"default": word},
        "model": word,
        "authorizer": f"auth-{word}",
    }


@pytest.mark.fidelity("11.1")
def test_every_type_when_created(stacks):
    """Each type is made with its properties; Ref and GetAtt give ids."""
    assert stacks.create("chat", EVERYTHING)["StackStatus"] == "CREATE_COMPLETE"
    assert described(stacks) == expected("one")
    assert stacks.outputs("chat")["RouteId"] == stacks.physical_id("chat", "Ping")
    assert stacks.outputs("chat")["AuthorizerId"] == stacks.physical_id("chat", "Authorizer")


def test_every_type_when_updated(stacks):
    """Each type changes in place: nothing gets a new id."""
    stacks.create("chat", EVERYTHING)
    listing = {"StackName": "chat"}
    before = stacks.api.list_stack_resources(**listing)["StackResourceSummaries"]
    stack = stacks.update("chat", parameters={"Word": "two"})
    after = stacks.api.list_stack_resources(**listing)["StackResourceSummaries"]
    assert stack["StackStatus"] == "UPDATE_COMPLETE"
    assert described(stacks) == expected("two")
    ids = [[r["PhysicalResourceId"] for r in records] for records in (before, after)]
    assert ids[0] == ids[1]


def test_every_type_when_deleted(stacks):
    """Each type goes with its stack."""
    stack_id = stacks.create("chat", EVERYTHING)["StackId"]
    stacks.api.delete_stack(StackName="chat")
    assert stacks.stack(stack_id)["StackStatus"] == "DELETE_COMPLETE"
    assert stacks.aws("apigatewayv2").get_apis()["Items"] == []


def test_route_when_a_property_is_dropped(stacks):
    """A property that the new template leaves out is reset."""
    stacks.create("chat", EVERYTHING)
    stacks.update("chat", EVERYTHING.replace("      Target: !Sub integrations/${Echo}\n", ""))
    gateway, api_id = stacks.aws("apigatewayv2"), stacks.outputs("chat")["ApiId"]
    route = gateway.get_route(ApiId=api_id, RouteId=stacks.outputs("chat")["RouteId"])
    assert "Target" not in route


def test_api_when_its_protocol_changes(stacks):
    """Another protocol is another API, and everything in it is made anew."""
    template = """
    Resources:
      Api:
        Type: AWS::ApiGatewayV2::Api
        Properties: {Name: chat, ProtocolType: %s, RouteSelectionExpression: '%s'}
      Route:
        Type: AWS::ApiGatewayV2::Route
        Properties: {ApiId: !Ref Api, RouteKey: $default}
    """
    stacks.create("chat", template % ("HTTP", "${request.method} ${request.path}"))
    old = [stacks.physical_id("chat", name) for name in ("Api", "Route")]
    stacks.update("chat", template % ("WEBSOCKET", "$request.body.action"))
    new = [stacks.physical_id("chat", name) for name in ("Api", "Route")]
    assert set(old).isdisjoint(new)
    apis = stacks.aws("apigatewayv2").get_apis()["Items"]
    assert [api["ApiId"] for api in apis] == new[:1]


def test_stage_when_its_settings_are_dropped(stacks):
    """Settings that the new template leaves out go back to their defaults."""
    template = """
    Resources:
      Api:
        Type: AWS::ApiGatewayV2::Api
        Properties: {Name: chat, ProtocolType: WEBSOCKET, RouteSelectionExpression: $default}
      Stage:
        Type: AWS::ApiGatewayV2::Stage
        Properties: {ApiId: !Ref Api, StageName: dev%s}
    Outputs: {ApiId: {Value: !Ref Api}}
    """
    settings = (
        ", DefaultRouteSettings: {ThrottlingRateLimit: 5}, StageVariables: {a: '1'}, "
        "RouteSettings: {$connect: {ThrottlingBurstLimit: 2}}"
    )
    stacks.create("chat", template % settings)
    where = {"ApiId": stacks.outputs("chat")["ApiId"], "StageName": "dev"}
    stage = stacks.aws("apigatewayv2").get_stage(**where)
    assert stage["DefaultRouteSettings"]["ThrottlingRateLimit"] == 5
    stacks.update("chat", template % "")
    stage = stacks.aws("apigatewayv2").get_stage(**where)
    assert "ThrottlingRateLimit" not in stage["DefaultRouteSettings"]
    assert (stage["StageVariables"], stage["RouteSettings"]) == ({}, {})

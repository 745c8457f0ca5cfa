"""A stage of a template is served: handshakes reach it whatever of its settings are given."""

from __future__ import annotations

import uuid

from tests.stage.target import Target

TEMPLATE = """
Resources:
  Api:
    Type: AWS::ApiGatewayV2::Api
    Properties: {Name: served, ProtocolType: WEBSOCKET, RouteSelectionExpression: $request.body.action}
  Mock:
    Type: AWS::ApiGatewayV2::Integration
    Properties: {ApiId: !Ref Api, IntegrationType: MOCK, RequestTemplates: {'200': '{"statusCode": 200}'}}
  Connect:
    Type: AWS::ApiGatewayV2::Route
    Properties: {ApiId: !Ref Api, RouteKey: $connect, Target: !Sub 'integrations/${Mock}'}
  Deployment:
    Type: AWS::ApiGatewayV2::Deployment
    DependsOn: Connect
    Properties: {ApiId: !Ref Api}
  Stage:
    Type: AWS::ApiGatewayV2::Stage
    Properties:
      ApiId: !Ref Api
      StageName: prod
      DeploymentId: !Ref Deployment
      DefaultRouteSettings: {DetailedMetricsEnabled: true}
Outputs:
  Url: {Value: !Sub '${Api.ApiEndpoint}/${Stage}'}
"""


def test_stage_of_a_template_when_its_route_settings_have_no_throttle(target: Target):
    """Default route settings without throttling values keep the account's limits in a template."""
    formation = target.client("cloudformation")
    name = f"served-{uuid.uuid4().hex[:8]}"
    formation.create_stack(StackName=name, TemplateBody=TEMPLATE)
    try:
        formation.get_waiter("stack_create_complete").wait(StackName=name)
        url = formation.describe_stacks(StackName=name)["Stacks"][0]["Outputs"][0]["OutputValue"]
        socket = target.connect(url)
        assert socket.status == 101
        socket.close()
    finally:
        formation.delete_stack(StackName=name)
        formation.get_waiter("stack_delete_complete").wait(StackName=name)

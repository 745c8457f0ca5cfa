"""Stacks as the tests of CloudFormation make and read them, through boto3 only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError


class Stacks:
    """The stacks of an account."""

    def __init__(self, aws: Callable[[str], Any]):
        self.api = aws("cloudformation")
        self.aws = aws

    def create(self, name: str, template: str, **settings: Any) -> dict[str, Any]:
        """Create a stack and return it as it stands then."""
        stack_id = self.api.create_stack(StackName=name, TemplateBody=template, **self._settings(settings))["StackId"]
        return self.stack(stack_id)

    def update(self, name: str, template: str | None = None, **settings: Any) -> dict[str, Any]:
        """Update a stack, or only its parameters, and return it as it stands then."""
        source = {"UsePreviousTemplate": True} if template is None else {"TemplateBody": template}
        self.api.update_stack(StackName=name, **source, **self._settings(settings))
        return self.stack(name)

    def stack(self, name: str) -> dict[str, Any]:
        """A stack by name or id."""
        return self.api.describe_stacks(StackName=name)["Stacks"][0]

    def outputs(self, name: str) -> dict[str, str]:
        """The outputs of a stack."""
        return {o["OutputKey"]: o["OutputValue"] for o in self.stack(name)["Outputs"]}

    def physical_id(self, name: str, logical_id: str) -> str:
        """The physical id of a resource."""
        detail = self.api.describe_stack_resource(StackName=name, LogicalResourceId=logical_id)
        return detail["StackResourceDetail"]["PhysicalResourceId"]

    def events(self, name: str) -> list[tuple[str, str]]:
        """Each event's logical id and status, oldest first."""
        return [(e["LogicalResourceId"], e["ResourceStatus"]) for e in self._events(name)]

    def reason(self, name: str, logical_id: str, status: str) -> str:
        """The reason that the newest such event gives."""
        reasons = [
            event["ResourceStatusReason"]
            for event in self._events(name)
            if (event["LogicalResourceId"], event["ResourceStatus"]) == (logical_id, status)
        ]
        assert reasons, f"no event {logical_id} {status} in {self.events(name)}"
        return reasons[-1]

    def _events(self, name: str) -> list[dict[str, Any]]:
        return self.api.describe_stack_events(StackName=name)["StackEvents"][::-1]

    def _settings(self, settings: dict[str, Any]) -> dict[str, Any]:
        parameters = settings.pop("parameters", {})
        return {
            "Parameters": [
                {"ParameterKey": key, "UsePreviousValue": True}
                if value is None
                else {"ParameterKey": key, "ParameterValue": value}
                for key, value in parameters.items()
            ],
            "Capabilities": ["CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
            **settings,
        }


def refusal(call: Callable[..., Any], **arguments: Any) -> tuple[str, str]:
    """The code and the message with which AWS refuses a call."""
    with pytest.raises(ClientError) as refused:
        call(**arguments)
    error = refused.value.response["Error"]
    return error["Code"], error["Message"]


CHAT_API = """
Resources:
  Api:
    Type: AWS::ApiGatewayV2::Api
    Properties:
      Name: chat
      ProtocolType: WEBSOCKET
      RouteSelectionExpression: $request.body.action
  Echo:
    Type: AWS::ApiGatewayV2::Integration
    Properties: {ApiId: !Ref Api, IntegrationType: MOCK}
  Connect:
    Type: AWS::ApiGatewayV2::Route
    Properties: {ApiId: !Ref Api, RouteKey: $connect, Target: !Sub 'integrations/${Echo}'}
  Deployment:
    Type: AWS::ApiGatewayV2::Deployment
    DependsOn: [Connect]
    Properties: {ApiId: !Ref Api}
  Stage:
    Type: AWS::ApiGatewayV2::Stage
    Properties: {ApiId: !Ref Api, StageName: prod, DeploymentId: !Ref Deployment}
Outputs:
  ApiId: {Value: !Ref Api}
  Url: {Value: !Sub '${Api.ApiEndpoint}/${Stage}', Description: Where clients connect}
"""
"""A WebSocket API with one route, deployed to one stage."""

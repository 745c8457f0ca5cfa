"""The chat that every subject serves: its handlers, and its stack where a subject takes stacks."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HANDLERS = Path(__file__).parent / "handlers"
TABLE = "BenchConnections"
TABLE_DEFINITION: dict[str, Any] = {
    "TableName": TABLE,
    "BillingMode": "PAY_PER_REQUEST",
    "KeySchema": [{"AttributeName": "connection_id", "KeyType": "HASH"}],
    "AttributeDefinitions": [{"AttributeName": "connection_id", "AttributeType": "S"}],
}


@dataclass(frozen=True)
class Handler:
    """The plain chat handler in one language."""

    file: Path
    runtime: str


PYTHON = Handler(HANDLERS / "sequential.py", "python3.13")
NODE = Handler(HANDLERS / "sequential.js", "nodejs20.x")
DELIVERY = Path(__file__).resolve().parents[2] / "handlers"
_ALLOWED = ["logs:*", "dynamodb:*", "execute-api:ManageConnections"]


def own_package() -> bytes:
    """A deployment package of the course's own delivery."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.write(HANDLERS / "own.py", "index.py")
        for name in ("delivery.py", "management.py", "log.py"):
            archive.write(DELIVERY / name, name)
    return buffer.getvalue()


def template(management_url: str, deployments: bool, handler: Handler, variables: Mapping[str, str]) -> str:
    """A stack with the table and two APIs: ``Chat`` with all its routes, ``Quiet`` with a ``$default`` route alone.

    ``variables`` are what the handler's function has besides its own. Without ``deployments``
    its stages name none, for an emulator that does not know that resource type.
    """
    own = {"TABLE": {"Ref": "Table"}, "MANAGEMENT_URL": management_url}
    resources: dict[str, Any] = {
        "Table": {"Type": "AWS::DynamoDB::Table", "Properties": TABLE_DEFINITION},
        "Role": _role(),
        "Function": {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "FunctionName": "bench-chat",
                "Runtime": handler.runtime,
                "Handler": "index.handler",
                "Timeout": 120,
                "Role": {"Fn::GetAtt": ["Role", "Arn"]},
                "Code": {"ZipFile": handler.file.read_text()},
                "Environment": {"Variables": {**own, **variables}},
            },
        },
        **_api("Chat", ("$connect", "$disconnect", "$default")),
        **_api("Quiet", ("$default",)),
    }
    if not deployments:
        for name in ("Chat", "Quiet"):
            del resources[f"{name}Deployment"], resources[f"{name}Stage"]["Properties"]["DeploymentId"]
    outputs = {name: {"Value": {"Ref": name}} for name in ("Chat", "Quiet")}
    return json.dumps({"Resources": resources, "Outputs": outputs})


def _role() -> dict[str, Any]:
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    policy = {"Effect": "Allow", "Action": _ALLOWED, "Resource": "*"}
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trust]},
            "Policies": [{"PolicyName": "chat", "PolicyDocument": {"Version": "2012-10-17", "Statement": [policy]}}],
        },
    }


def _api(name: str, routes: tuple[str, ...]) -> dict[str, Any]:
    """An API whose stage ``prod`` serves the routes with the function."""
    arn = {"Fn::GetAtt": ["Function", "Arn"]}
    uri = {"Fn::Sub": "arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${Function.Arn}/invocations"}
    source = {"Fn::Sub": f"arn:aws:execute-api:${{AWS::Region}}:${{AWS::AccountId}}:${{{name}}}/*"}
    resources: dict[str, Any] = {
        name: _v2("Api", Name=name, ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.action"),
        f"{name}Permission": {
            "Type": "AWS::Lambda::Permission",
            "Properties": {
                "Action": "lambda:InvokeFunction",
                "FunctionName": arn,
                "Principal": "apigateway.amazonaws.com",
                "SourceArn": source,
            },
        },
        f"{name}Integration": _v2("Integration", ApiId={"Ref": name}, IntegrationType="AWS_PROXY", IntegrationUri=uri),
    }
    route_names = [f"{name}Route{number}" for number, _ in enumerate(routes)]
    target = {"Fn::Sub": f"integrations/${{{name}Integration}}"}
    for route_name, key in zip(route_names, routes, strict=True):
        resources[route_name] = _v2("Route", ApiId={"Ref": name}, RouteKey=key, Target=target)
    deployment = _v2("Deployment", ApiId={"Ref": name})
    resources[f"{name}Deployment"] = {**deployment, "DependsOn": route_names}
    resources[f"{name}Stage"] = _v2(
        "Stage", ApiId={"Ref": name}, StageName="prod", DeploymentId={"Ref": f"{name}Deployment"}
    )
    return resources


def _v2(kind: str, **properties: Any) -> dict[str, Any]:
    return {"Type": f"AWS::ApiGatewayV2::{kind}", "Properties": properties}

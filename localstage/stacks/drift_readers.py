"""The properties of resources as they are in the account now, by type.

For drift detection: each reader returns, for the properties that it can read,
the value in the template's shape; None where the property is not set any more.
What a service adds by itself is left out where the template says nothing of it.
Tags and code are not read.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from localstage.stacks.resource_type import Properties, Work, picked

Reader = Callable[[Work, str, Properties], Properties]


def _shaped(actual: Any, expected: Any) -> Any:
    """The part of ``actual`` that ``expected`` speaks of: its keys, at every depth."""
    if isinstance(actual, dict) and isinstance(expected, dict):
        return {key: _shaped(actual[key], expected[key]) for key in expected if key in actual}
    if isinstance(actual, list) and isinstance(expected, list) and len(actual) == len(expected):
        return [_shaped(one, other) for one, other in zip(actual, expected)]
    return actual


def _named(answer: Properties, expected: Properties, names: tuple[str, ...]) -> Properties:
    return {name: _shaped(answer.get(name), expected.get(name)) for name in names}


def _table(work: Work, physical_id: str, expected: Properties) -> Properties:
    client = work.client("dynamodb")
    table = client.describe_table(TableName=physical_id)["Table"]
    mode = table.get("BillingModeSummary", {}).get("BillingMode", "PROVISIONED")
    throughput = picked(table.get("ProvisionedThroughput", {}), ("ReadCapacityUnits", "WriteCapacityUnits"))
    expiry = client.describe_time_to_live(TableName=physical_id)["TimeToLiveDescription"]
    on = expiry["TimeToLiveStatus"] in ("ENABLED", "ENABLING")
    return {
        **_named(
            table,
            expected,
            ("TableName", "AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "LocalSecondaryIndexes"),
        ),
        "BillingMode": mode,
        "ProvisionedThroughput": throughput if mode == "PROVISIONED" else None,
        "DeletionProtectionEnabled": table.get("DeletionProtectionEnabled", False),
        "TimeToLiveSpecification": {"AttributeName": expiry["AttributeName"], "Enabled": True} if on else None,
    }


def _function(work: Work, physical_id: str, expected: Properties) -> Properties:
    answer = work.client("lambda").get_function_configuration(FunctionName=physical_id)
    plain = ("FunctionName", "Description", "Handler", "MemorySize", "Role", "Runtime", "Timeout", "TracingConfig")
    variables = answer.get("Environment", {}).get("Variables")
    return {
        **_named(answer, expected, plain),
        "Environment": {"Variables": variables} if variables else None,
        "Layers": [layer["Arn"] for layer in answer.get("Layers", [])],
    }


def _role(work: Work, physical_id: str, expected: Properties) -> Properties:
    client = work.client("iam")
    role = client.get_role(RoleName=physical_id)["Role"]
    names = client.list_role_policies(RoleName=physical_id)["PolicyNames"]
    attached = client.list_attached_role_policies(RoleName=physical_id)["AttachedPolicies"]
    order = {policy["PolicyName"]: place for place, policy in enumerate(expected.get("Policies", []))}
    policies = [
        {
            "PolicyName": name,
            "PolicyDocument": _document(
                client.get_role_policy(RoleName=physical_id, PolicyName=name)["PolicyDocument"]
            ),
        }
        for name in names
    ]
    managed = expected.get("ManagedPolicyArns", [])
    arns = [entry["PolicyArn"] for entry in attached]
    return {
        **_named(role, expected, ("RoleName", "Description", "MaxSessionDuration", "Path")),
        "AssumeRolePolicyDocument": _document(role["AssumeRolePolicyDocument"]),
        "Policies": sorted(policies, key=lambda policy: order.get(policy["PolicyName"], len(order))),
        "ManagedPolicyArns": sorted(arns, key=lambda arn: managed.index(arn) if arn in managed else len(managed)),
        "PermissionsBoundary": role.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn"),
    }


def _document(value: Any) -> Any:
    return json.loads(unquote(value)) if isinstance(value, str) else value


def _log_group(work: Work, physical_id: str, expected: Properties) -> Properties:
    client = work.client("logs")
    groups = client.describe_log_groups(logGroupNamePrefix=physical_id)["logGroups"]
    group = next((entry for entry in groups if entry["logGroupName"] == physical_id), None)
    if group is None:
        raise client.exceptions.ResourceNotFoundException(
            {"Error": {"Code": "ResourceNotFoundException"}}, "DescribeLogGroups"
        )
    return {"LogGroupName": physical_id, "RetentionInDays": group.get("retentionInDays")}


def _part(noun: str, id_name: str, names: tuple[str, ...]) -> Reader:
    def read(work: Work, physical_id: str, expected: Properties) -> Properties:
        where = {**picked(expected, ("ApiId",)), id_name: physical_id}
        return _named(getattr(work.client("apigatewayv2"), f"get_{noun}")(**where), expected, names)

    return read


READERS: dict[str, Reader] = {
    "AWS::ApiGatewayV2::Api": _part(
        "api",
        "ApiId",
        (
            "Name",
            "Description",
            "ProtocolType",
            "RouteSelectionExpression",
            "Version",
            "ApiKeySelectionExpression",
            "DisableExecuteApiEndpoint",
        ),
    ),
    "AWS::ApiGatewayV2::Authorizer": _part(
        "authorizer", "AuthorizerId", ("Name", "AuthorizerType", "AuthorizerUri", "IdentitySource")
    ),
    "AWS::ApiGatewayV2::Integration": _part(
        "integration",
        "IntegrationId",
        ("Description", "IntegrationType", "IntegrationUri", "TimeoutInMillis", "RequestTemplates"),
    ),
    "AWS::ApiGatewayV2::Route": _part(
        "route",
        "RouteId",
        (
            "RouteKey",
            "Target",
            "AuthorizationType",
            "AuthorizerId",
            "ApiKeyRequired",
            "OperationName",
            "RouteResponseSelectionExpression",
            "ModelSelectionExpression",
        ),
    ),
    "AWS::ApiGatewayV2::Stage": _part(
        "stage",
        "StageName",
        (
            "Description",
            "DeploymentId",
            "AutoDeploy",
            "StageVariables",
            "AccessLogSettings",
            "DefaultRouteSettings",
            "RouteSettings",
        ),
    ),
    "AWS::DynamoDB::Table": _table,
    "AWS::IAM::Role": _role,
    "AWS::Lambda::Function": _function,
    "AWS::Logs::LogGroup": _log_group,
}

"""The ``AWS::ApiGatewayV2::*`` types: WebSocket (and HTTP) APIs in templates; and API Gateway's account settings.

AWS: FIDELITY section 11. The parts of an API differ only in names: each is a row of the table.
"""

from __future__ import annotations

from typing import Any

from localstage.core import throttling
from localstage.core.management import execute_api_arn_of
from localstage.stacks.resource_type import (
    ApiType,
    Properties,
    ResourceContext,
    ResourceType,
    Tagging,
    ignore_missing,
    left_out,
    picked,
    shaped_as,
)


class Deployment(ApiType):
    """A snapshot: an update changes its description only, and never takes a new one.

    FIDELITY section 11, trap 1.
    """

    def update(self, context: ResourceContext, physical_id: str, old: Properties, new: Properties) -> None:
        client = context.client("apigatewayv2")
        where = {"ApiId": new["ApiId"], "DeploymentId": physical_id}
        client.update_deployment(**where, Description=new.get("Description", ""))
        if new.get("StageName") and new["StageName"] != old.get("StageName"):
            client.update_stage(**where, StageName=new["StageName"])


class Api(ResourceType):
    """An API. Its routes, integrations and stages are resources of their own."""

    name = "AWS::ApiGatewayV2::Api"
    deletion = ("apigatewayv2", "delete_api", "ApiId")
    attribute_formats = {"ApiId": "{id}", "ExecuteApiArn": execute_api_arn_of("{id}", "{region}", "{account_id}")}
    # Body and BodyS3Location import a definition; RouteKey, Target and
    # CredentialsArn are the quick creation of HTTP APIs.
    unsupported = frozenset(
        {"BasePath", "Body", "BodyS3Location", "CredentialsArn", "FailOnWarnings", "RouteKey", "Target"}
    )
    reads = (
        *("Name", "Description", "ProtocolType", "RouteSelectionExpression", "Version"),
        *("ApiKeySelectionExpression", "DisableExecuteApiEndpoint"),
    )

    def create(self, context: ResourceContext, properties: Properties) -> str:
        return context.client("apigatewayv2").create_api(**properties)["ApiId"]

    def update(self, context: ResourceContext, physical_id: str, old: Properties, new: Properties) -> None:
        changed = {name: value for name, value in new.items() if name not in ("ProtocolType", "Tags")}
        removed = left_out({"Description": "", "Version": ""}, old, new)
        context.client("apigatewayv2").update_api(ApiId=physical_id, **changed, **removed)
        _tagging("{id}").change(context, physical_id, old, new)

    def attributes(self, context: ResourceContext, physical_id: str, properties: Properties) -> Properties:
        api = context.client("apigatewayv2").get_api(ApiId=physical_id)
        return {"ApiEndpoint": api["ApiEndpoint"], **super().attributes(context, physical_id, properties)}

    def read(self, context: ResourceContext, physical_id: str, expected: Properties) -> Properties:
        return shaped_as(expected, context.client("apigatewayv2").get_api(ApiId=physical_id), self.reads)


class Stage(ResourceType):
    """A stage; its physical id is its name."""

    name = "AWS::ApiGatewayV2::Stage"
    reads = (
        *("Description", "DeploymentId", "AutoDeploy", "StageVariables", "AccessLogSettings"),
        *("DefaultRouteSettings", "RouteSettings"),
    )

    def create(self, context: ResourceContext, properties: Properties) -> str:
        context.client("apigatewayv2").create_stage(**_with_account_limits(properties))
        return properties["StageName"]

    def update(self, context: ResourceContext, physical_id: str, old: Properties, new: Properties) -> None:
        client = context.client("apigatewayv2")
        where = picked(new, ("ApiId", "StageName"))
        changed = {name: value for name, value in new.items() if name != "Tags"}
        changed |= left_out({"AutoDeploy": False, "DefaultRouteSettings": {}, "Description": ""}, old, new)
        before, after = old.get("StageVariables") or {}, new.get("StageVariables") or {}
        removed = {variable: "" for variable in before if variable not in after}
        if before != after:
            changed["StageVariables"] = {**after, **removed}
        if "AccessLogSettings" in old and "AccessLogSettings" not in new:
            client.delete_access_log_settings(**where)
        for route_key in old.get("RouteSettings") or {}:
            client.delete_route_settings(**where, RouteKey=route_key)
        client.update_stage(**_with_account_limits(changed))
        _tagging(f"{new['ApiId']}/stages/{{id}}").change(context, physical_id, old, new)

    def delete(self, context: ResourceContext, physical_id: str, properties: Properties) -> None:
        ignore_missing(context.client("apigatewayv2").delete_stage, ApiId=properties["ApiId"], StageName=physical_id)

    def read(self, context: ResourceContext, physical_id: str, expected: Properties) -> Properties:
        stage = context.client("apigatewayv2").get_stage(ApiId=expected["ApiId"], StageName=physical_id)
        return shaped_as(expected, stage, self.reads)


def _with_account_limits(properties: Properties) -> Properties:
    """A stage's properties; default route settings without throttling values get the account's limits.

    FIDELITY section 8 has the 0/0 of a bare API call from Terraform, which sends
    the zeros itself. Guess (Default route settings): CloudFormation sends none, since published templates
    that set only LoggingLevel and DataTraceEnabled are in use.
    """
    settings = properties.get("DefaultRouteSettings")
    if not settings or {"ThrottlingRateLimit", "ThrottlingBurstLimit"} & set(settings):
        return properties
    limits = {"ThrottlingRateLimit": throttling.ACCOUNT_RATE, "ThrottlingBurstLimit": throttling.ACCOUNT_BURST}
    return {**properties, "DefaultRouteSettings": {**settings, **limits}}


def _tagging(path: str) -> Tagging:
    return Tagging("apigatewayv2", "arn:aws:apigateway:{region}::/apis/" + path, as_map=True)


class ApiGatewayAccount(ResourceType):
    """The role with which API Gateway writes logs, for the whole account and region."""

    name = "AWS::ApiGateway::Account"
    attribute_formats = {"Id": "{id}"}

    def create(self, context: ResourceContext, properties: Properties) -> str:
        self.update(context, "", {}, properties)
        return context.generated_name(100)

    def update(self, context: ResourceContext, physical_id: str, old: Properties, new: Properties) -> None:
        patch = {"op": "replace", "path": "/cloudwatchRoleArn", "value": new.get("CloudWatchRoleArn", "")}
        context.client("apigateway").update_account(patchOperations=[patch])

    def delete(self, context: ResourceContext, physical_id: str, properties: Properties) -> None:
        """AWS: deleting the resource leaves the account's setting as it is."""


def _part(
    kind: str, noun: str, cleared: dict[str, Any], reads: tuple[str, ...] = (), parent: str = "", cls: type = ApiType
) -> ApiType:
    """A part of an API that has an id of its own; ``noun`` names its operations (``create_route``)."""
    identifier = f"{kind}Id"
    return cls(
        f"AWS::ApiGatewayV2::{kind}",
        "apigatewayv2",
        f"create_{noun}",
        f"update_{noun}",
        f"delete_{noun}",
        physical_id=f"{{{identifier}}}",
        id_argument=identifier,
        parents=("ApiId", parent) if parent else ("ApiId",),
        cleared=cleared,
        documents={"Schema": "Schema"},
        attribute_formats={identifier: "{id}"},
        read_call=f"get_{noun}",
        reads=reads,
    )


TYPES: tuple[ResourceType, ...] = (
    ApiGatewayAccount(),
    Api(),
    Stage(),
    _part(
        "Route",
        "route",
        {
            "ApiKeyRequired": False,
            "AuthorizationType": "NONE",
            "AuthorizerId": "",
            "ModelSelectionExpression": "",
            "OperationName": "",
            "RequestModels": {},
            "RequestParameters": {},
            "RouteResponseSelectionExpression": "",
            "Target": "",
        },
        (
            *("RouteKey", "Target", "AuthorizationType", "AuthorizerId", "ApiKeyRequired", "OperationName"),
            *("RouteResponseSelectionExpression", "ModelSelectionExpression"),
        ),
    ),
    _part(
        "Integration",
        "integration",
        {
            "CredentialsArn": "",
            "Description": "",
            "PassthroughBehavior": "WHEN_NO_MATCH",
            "RequestParameters": {},
            "RequestTemplates": {},
            "TemplateSelectionExpression": "",
            "TimeoutInMillis": 29000,
        },
        ("Description", "IntegrationType", "IntegrationUri", "TimeoutInMillis", "RequestTemplates"),
    ),
    _part("Deployment", "deployment", {}, cls=Deployment),
    _part("RouteResponse", "route_response", {"ModelSelectionExpression": "", "ResponseModels": {}}, parent="RouteId"),
    _part(
        "IntegrationResponse",
        "integration_response",
        {"ResponseParameters": {}, "ResponseTemplates": {}, "TemplateSelectionExpression": ""},
        parent="IntegrationId",
    ),
    _part(
        "Authorizer",
        "authorizer",
        {"AuthorizerCredentialsArn": ""},
        ("Name", "AuthorizerType", "AuthorizerUri", "IdentitySource"),
    ),
    _part("Model", "model", {"Description": ""}),
)

"""The ``AWS::ApiGatewayV2::*`` types: WebSocket (and HTTP) APIs in templates.

AWS: FIDELITY section 11. The parts of an API differ only in names, so one
class serves them all by a table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from localstage.core import throttling
from localstage.stacks.resource_type import Properties, ResourceType, Work, change_tags, document, picked, unless_gone

_EMPTY = {"array": [], "boolean": False, "object": {}, "string": ""}


@dataclass(frozen=True)
class ApiPart(ResourceType):
    """A part of an API that has an id of its own.

    ``noun`` names its operations (``create_route``), ``id_name`` its id, and
    ``parents`` the properties that say where it belongs.
    """

    name: str
    noun: str
    id_name: str
    parents: tuple[str, ...] = ("ApiId",)
    cleared: tuple[tuple[str, Any], ...] = ()
    """What to send for a property that the new template leaves out."""

    def create(self, work: Work, properties: Properties) -> str:
        made = self._operation(work, "create")(**self._arguments(properties))
        return made[self.id_name]

    def update(self, work: Work, physical_id: str, old: Properties, new: Properties) -> None:
        removed = {name: empty for name, empty in self.cleared if name in old and name not in new}
        arguments = {**self._arguments(new), **removed, self.id_name: physical_id}
        self._operation(work, "update")(**arguments)

    def delete(self, work: Work, physical_id: str, properties: Properties) -> None:
        where = picked(properties, self.parents)
        unless_gone(self._operation(work, "delete"), **where, **{self.id_name: physical_id})

    def attributes(self, work: Work, physical_id: str, properties: Properties) -> Properties:
        return {self.id_name: physical_id}

    def _operation(self, work: Work, verb: str) -> Any:
        return getattr(work.client("apigatewayv2"), f"{verb}_{self.noun}")

    def _arguments(self, properties: Properties) -> Properties:
        if "Schema" in properties:
            return {**properties, "Schema": document(properties["Schema"])}
        return properties


class Deployment(ApiPart):
    """A snapshot: an update changes its description only, and never takes a new one.

    FIDELITY section 11, trap 1.
    """

    def update(self, work: Work, physical_id: str, old: Properties, new: Properties) -> None:
        client = work.client("apigatewayv2")
        where = {"ApiId": new["ApiId"], "DeploymentId": physical_id}
        client.update_deployment(**where, Description=new.get("Description", ""))
        if new.get("StageName") and new["StageName"] != old.get("StageName"):
            client.update_stage(**where, StageName=new["StageName"])


class Api(ResourceType):
    """An API. Its routes, integrations and stages are resources of their own."""

    name = "AWS::ApiGatewayV2::Api"
    # Body and BodyS3Location import a definition; RouteKey, Target and
    # CredentialsArn are the quick creation of HTTP APIs.
    not_run = frozenset(
        {"BasePath", "Body", "BodyS3Location", "CredentialsArn", "FailOnWarnings", "RouteKey", "Target"}
    )

    def create(self, work: Work, properties: Properties) -> str:
        return work.client("apigatewayv2").create_api(**properties)["ApiId"]

    def update(self, work: Work, physical_id: str, old: Properties, new: Properties) -> None:
        client = work.client("apigatewayv2")
        changed = {k: v for k, v in new.items() if k not in ("ProtocolType", "Tags")}
        for name, empty in (("Description", ""), ("Version", "")):
            if name in old and name not in new:
                changed[name] = empty
        client.update_api(ApiId=physical_id, **changed)
        arn = f"arn:aws:apigateway:{work.region}::/apis/{physical_id}"
        _update_tags(client, arn, old, new)

    def delete(self, work: Work, physical_id: str, properties: Properties) -> None:
        unless_gone(work.client("apigatewayv2").delete_api, ApiId=physical_id)

    def attributes(self, work: Work, physical_id: str, properties: Properties) -> Properties:
        api = work.client("apigatewayv2").get_api(ApiId=physical_id)
        return {
            "ApiEndpoint": api["ApiEndpoint"],
            "ApiId": physical_id,
            "ExecuteApiArn": f"arn:aws:execute-api:{work.region}:{work.account_id}:{physical_id}",
        }


class Stage(ResourceType):
    """A stage; its physical id is its name."""

    name = "AWS::ApiGatewayV2::Stage"

    def create(self, work: Work, properties: Properties) -> str:
        work.client("apigatewayv2").create_stage(**_with_account_limits(properties))
        return properties["StageName"]

    def update(self, work: Work, physical_id: str, old: Properties, new: Properties) -> None:
        client = work.client("apigatewayv2")
        where = picked(new, ("ApiId", "StageName"))
        changed = {name: value for name, value in new.items() if name != "Tags"}
        for name, empty in (("AutoDeploy", False), ("DefaultRouteSettings", {}), ("Description", "")):
            if name in old and name not in new:
                changed[name] = empty
        before, after = old.get("StageVariables") or {}, new.get("StageVariables") or {}
        removed = {variable: "" for variable in before if variable not in after}
        if before != after:
            changed["StageVariables"] = {**after, **removed}
        if "AccessLogSettings" in old and "AccessLogSettings" not in new:
            client.delete_access_log_settings(**where)
        for route_key in old.get("RouteSettings") or {}:
            client.delete_route_settings(**where, RouteKey=route_key)
        client.update_stage(**_with_account_limits(changed))
        arn = f"arn:aws:apigateway:{work.region}::/apis/{new['ApiId']}/stages/{physical_id}"
        _update_tags(client, arn, old, new)

    def delete(self, work: Work, physical_id: str, properties: Properties) -> None:
        unless_gone(work.client("apigatewayv2").delete_stage, ApiId=properties["ApiId"], StageName=physical_id)


def _with_account_limits(properties: Properties) -> Properties:
    """A stage's properties; default route settings without throttling values get the account's limits.

    FIDELITY section 8 has the 0/0 of a bare API call from Terraform, which sends
    the zeros itself. Guess: CloudFormation sends none, since published templates
    that set only LoggingLevel and DataTraceEnabled are in use.
    """
    settings = properties.get("DefaultRouteSettings")
    if not settings or {"ThrottlingRateLimit", "ThrottlingBurstLimit"} & set(settings):
        return properties
    limits = {"ThrottlingRateLimit": throttling.ACCOUNT_RATE, "ThrottlingBurstLimit": throttling.ACCOUNT_BURST}
    return {**properties, "DefaultRouteSettings": {**settings, **limits}}


def _update_tags(client: Any, arn: str, old: Properties, new: Properties) -> None:
    change_tags(
        old,
        new,
        lambda tags: client.tag_resource(ResourceArn=arn, Tags=tags),
        lambda keys: client.untag_resource(ResourceArn=arn, TagKeys=keys),
    )


def _cleared(**kinds: str) -> tuple[tuple[str, Any], ...]:
    return tuple((name, _EMPTY[kind]) for name, kind in kinds.items())


TYPES: tuple[ResourceType, ...] = (
    Api(),
    Stage(),
    ApiPart(
        "AWS::ApiGatewayV2::Route",
        "route",
        "RouteId",
        cleared=(
            ("AuthorizationType", "NONE"),
            *_cleared(
                ApiKeyRequired="boolean",
                AuthorizerId="string",
                ModelSelectionExpression="string",
                OperationName="string",
                RequestModels="object",
                RequestParameters="object",
                RouteResponseSelectionExpression="string",
                Target="string",
            ),
        ),
    ),
    ApiPart(
        "AWS::ApiGatewayV2::Integration",
        "integration",
        "IntegrationId",
        cleared=(
            ("TimeoutInMillis", 29000),
            ("PassthroughBehavior", "WHEN_NO_MATCH"),
            *_cleared(
                CredentialsArn="string",
                Description="string",
                RequestParameters="object",
                RequestTemplates="object",
                TemplateSelectionExpression="string",
            ),
        ),
    ),
    Deployment("AWS::ApiGatewayV2::Deployment", "deployment", "DeploymentId"),
    ApiPart(
        "AWS::ApiGatewayV2::RouteResponse",
        "route_response",
        "RouteResponseId",
        parents=("ApiId", "RouteId"),
        cleared=_cleared(ModelSelectionExpression="string", ResponseModels="object"),
    ),
    ApiPart(
        "AWS::ApiGatewayV2::IntegrationResponse",
        "integration_response",
        "IntegrationResponseId",
        parents=("ApiId", "IntegrationId"),
        cleared=_cleared(ResponseParameters="object", ResponseTemplates="object", TemplateSelectionExpression="string"),
    ),
    ApiPart(
        "AWS::ApiGatewayV2::Authorizer",
        "authorizer",
        "AuthorizerId",
        cleared=_cleared(AuthorizerCredentialsArn="string"),
    ),
    ApiPart("AWS::ApiGatewayV2::Model", "model", "ModelId", cleared=_cleared(Description="string")),
)

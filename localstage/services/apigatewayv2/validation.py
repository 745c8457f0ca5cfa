"""What API Gateway refuses in a WebSocket API, request by request.

Each function raises ``BadRequestException`` (or ``ConflictException`` where
said) and changes nothing. HTTP APIs are left to moto. Texts without a source
at the line are guesses; the codes follow the service model.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from moto.apigatewayv2.exceptions import BadRequestException, IntegrationNotFound

from localstage.core.integrations import refusal_of_endpoint
from localstage.door.moto import existing_backend
from localstage.services.apigatewayv2.deployments import TARGET_PREFIX
from localstage.services.apigatewayv2.exceptions import ConflictException, QuotaExceeded

if TYPE_CHECKING:
    from moto.apigatewayv2 import models as moto_models

    from localstage.services.apigatewayv2.api import Api

RESERVED_ROUTE_KEYS = ("$connect", "$disconnect", "$default")
RUNNABLE_INTEGRATION_TYPES = ("AWS_PROXY", "HTTP", "HTTP_PROXY", "MOCK")
MAX_TIMEOUT_MS = 29_000
MIN_TIMEOUT_MS = 50
# AWS: FIDELITY section 5, the numbers of a new account; on AWS most can be raised, here none.
MOST_OF_AN_API = {"Authorizers": 10, "Integrations": 300, "Routes": 300, "Stages": 10}
ACCESS_LOG_FORMAT_LIMIT_BYTES = 3 * 1024

_LAMBDA_URI = re.compile(
    r"^arn:[^:]+:(lambda:[^:]*:[^:]*:function:.+"
    r"|apigateway:[^:]*:lambda:path/2015-03-31/functions/.+/invocations)$"
)
_IDENTITY_SOURCE = re.compile(r"^(route\.request\.(header|querystring)|stageVariables|context)\.[^\s]+$")
_STAGE_NAME = re.compile(r"^(\$default|[a-zA-Z0-9_-]{1,128})$")
_STAGE_VARIABLE_NAME = re.compile(r"^\w+$", re.ASCII)
_STAGE_VARIABLE_VALUE = re.compile(r"^[A-Za-z0-9\-._~:/?#&=,]*$")


def check_room_for_one_more(what: str, there: int) -> None:
    """Raises QuotaExceeded if an API has as many of ``what`` as it may have."""
    if there >= MOST_OF_AN_API[what]:
        raise QuotaExceeded(what)


def check_access_log_format(log_format: str | None) -> None:
    """Raises BadRequestException for a format over 3 KB or on several lines."""
    if not log_format:
        return
    size = len(log_format.encode("utf-8"))
    if size > ACCESS_LOG_FORMAT_LIMIT_BYTES:
        # Guess (Sentences of errors): the text.
        raise BadRequestException(
            f"Access Log format must be at most {ACCESS_LOG_FORMAT_LIMIT_BYTES} bytes, not {size}"
        )
    if "\n" in log_format.rstrip("\n"):
        # ministryofjustice/cloud-platform-environments#12962 shows the text.
        raise BadRequestException(
            "Access Log format must be single line, new line character is allowed only at end of the format"
        )


def check_api(name: str | None, protocol_type: str, route_selection_expression: str | None) -> None:
    """AWS: FIDELITY section 2, a WebSocket API must say how it selects routes."""
    if not name:
        raise BadRequestException("Name is a required parameter")
    if protocol_type == "WEBSOCKET" and not route_selection_expression:
        raise BadRequestException("RouteSelectionExpression is a required parameter for WEBSOCKET protocol")


def check_route(api: Api, route: dict[str, Any], itself: moto_models.Route | None = None) -> None:
    """Check a route as it would be after the request; ``itself`` is the one being updated.

    Raises ConflictException, too, if another route of the API has the key.
    """
    key = route["route_key"]
    if not key:
        raise BadRequestException("RouteKey is a required parameter")
    if any(other.route_key == key for other in api.routes.values() if other is not itself):
        raise ConflictException(f"Route with key {key} already exists for this API")
    _check_target(api, route["target"])
    if not api.is_websocket:
        return
    if key.startswith("$") and key not in RESERVED_ROUTE_KEYS:
        # serverless/serverless#9530 shows the text.
        raise BadRequestException("The provided route key is not formatted properly")
    _check_authorization(api, key, route)
    if route["route_response_selection_expression"] not in (None, "", "$default"):
        raise BadRequestException("RouteResponseSelectionExpression supports only $default")
    names = {model.name for model in api.models.values()}
    for model_name in (route["request_models"] or {}).values():
        if model_name not in names:
            raise BadRequestException(f"Invalid model specified: {model_name}")


def _check_target(api: Api, target: str | None) -> None:
    if not target:
        return
    if not target.startswith(TARGET_PREFIX):
        raise BadRequestException("Target must have the form integrations/{integrationId}")
    if target.removeprefix(TARGET_PREFIX) not in api.integrations:
        raise IntegrationNotFound(target.removeprefix(TARGET_PREFIX))


def _check_authorization(api: Api, key: str, route: dict[str, Any]) -> None:
    """AWS: FIDELITY section 3, authorizers and API keys are for $connect only."""
    kind, authorizer_id = route["authorization_type"] or "NONE", route["authorizer_id"]
    if kind not in ("NONE", "AWS_IAM", "CUSTOM"):
        # Guess (Texts of refused authorizations): claimed by one test suite, undated, for JWT.
        raise BadRequestException(
            f"Currently, {kind} authorization type is restricted to APIs with a protocol type of HTTP"
        )
    if key != "$connect":
        if kind != "NONE" or authorizer_id:
            # thunder45/low-latency-translate shows the text, as others' logs of deployments do.
            raise BadRequestException("Currently, authorization is restricted to the $connect route only")
        if route["api_key_required"]:
            raise BadRequestException("Currently, API key required is supported on the $connect route only")
    if kind == "CUSTOM" and authorizer_id not in api.authorizers:
        raise BadRequestException(
            "Invalid authorizer ID specified. Setting the authorization type to CUSTOM requires a valid authorizer."
        )


def check_integration(api: Api, integration: dict[str, Any], allow_host: str) -> None:
    """Check an integration as it would be after the request; ``allow_host`` is the setting of that name.

    Types that localstage cannot run are refused here, by name, and not
    at the first message.
    """
    if not api.is_websocket:
        return
    kind, uri = integration["integration_type"], integration["integration_uri"]
    if kind not in RUNNABLE_INTEGRATION_TYPES:
        raise BadRequestException(
            f"localstage does not run integrations of type {kind} in a WebSocket API; "
            f"it runs {', '.join(RUNNABLE_INTEGRATION_TYPES)}"
        )
    if integration["connection_type"] == "VPC_LINK":
        raise BadRequestException("localstage does not run integrations with ConnectionType VPC_LINK")
    if integration["integration_subtype"]:
        raise BadRequestException("IntegrationSubtype is supported only for HTTP APIs")
    if kind == "AWS_PROXY" and not _LAMBDA_URI.match(uri or ""):
        raise BadRequestException(
            "IntegrationUri of an AWS_PROXY integration must be the ARN of a Lambda function "
            f"or its invocation path, not {uri!r}"
        )
    if kind in ("HTTP", "HTTP_PROXY") and not re.match(r"^https?://.", uri or ""):
        raise BadRequestException("Invalid HTTP endpoint specified for URI")
    if kind in ("HTTP", "HTTP_PROXY") and "${" not in (uri or ""):
        refusal = refusal_of_endpoint(uri or "", allow_host)
        if refusal is not None:
            raise BadRequestException(refusal)
    check_templates(kind, integration["request_templates"])
    check_timeout(integration["timeout_in_millis"])


def check_templates(kind: str, templates: dict[str, str] | None) -> None:
    """localstage has no mapping templates; a MOCK integration's fixed one is read."""
    for template in (templates or {}).values():
        if kind != "MOCK" or re.search(r"#(set|if|foreach)|\$[!{]?(input|context|util)", template):
            raise BadRequestException(
                f"localstage does not run mapping templates (RequestTemplates of a {kind} integration)"
            )


def check_timeout(timeout_in_millis: str | int | None) -> None:
    """AWS: FIDELITY section 5, 50 ms to 29 s."""
    if timeout_in_millis and not MIN_TIMEOUT_MS <= int(timeout_in_millis) <= MAX_TIMEOUT_MS:
        raise BadRequestException(f"Timeout should be between {MIN_TIMEOUT_MS} ms and {MAX_TIMEOUT_MS} ms")


def check_authorizer(api: Api, authorizer: dict[str, Any]) -> None:
    """AWS: FIDELITY section 3, a WebSocket API takes REQUEST authorizers only."""
    if not api.is_websocket:
        return
    kind = authorizer["authorizer_type"]
    if kind != "REQUEST":
        # Guess (Texts of refused authorizations): claimed by one test suite, undated, for JWT.
        raise BadRequestException(
            "Invalid authorizer type. Only REQUEST authorizer type is supported on WEBSOCKET protocol Apis."
        )
    if not _LAMBDA_URI.match(authorizer["authorizer_uri"] or ""):
        raise BadRequestException(
            f"AuthorizerUri must be the invocation path of a Lambda function, not {authorizer['authorizer_uri']!r}"
        )
    if authorizer["enable_simple_response"]:
        raise BadRequestException("EnableSimpleResponses is supported only for HTTP APIs")
    for source in authorizer["identity_source"] or ():
        if not _IDENTITY_SOURCE.match(source):
            raise BadRequestException(f"Invalid identity source expression specified: {source}")


def check_route_response(api: Api, route: moto_models.Route, key: str) -> None:
    """AWS: FIDELITY section 7, $default is the only route response key.

    Raises ConflictException, too, if the route has that response already.
    """
    if key != "$default":
        raise BadRequestException("RouteResponseKey supports only $default")
    if any(response.route_response_key == key for response in route.route_responses.values()):
        raise ConflictException(f"Route response with key {key} already exists for this route")


def check_stage(api: Api, config: dict[str, Any]) -> None:
    """Check the settings in a CreateStage or UpdateStage request, without looking up ids."""
    if "stageName" in config and not _STAGE_NAME.match(config["stageName"] or ""):
        raise BadRequestException("Stage name only allows a-zA-Z0-9_-")
    if config.get("autoDeploy") and config.get("deploymentId"):
        # FIDELITY section 8: with AutoDeploy, DeploymentId must not be set.
        raise BadRequestException("DeploymentId cannot be set for a stage with AutoDeploy")
    for name, value in (config.get("stageVariables") or {}).items():
        if not _STAGE_VARIABLE_NAME.match(name) or not _STAGE_VARIABLE_VALUE.match(value):
            raise BadRequestException(f"Invalid stage variable {name}: {value}")
    check_access_log_format((config.get("accessLogSettings") or {}).get("format"))
    if _wants_logs(config) and not _cloudwatch_role_arn(api):
        # FIDELITY section 8; for access logs of WebSocket APIs sst#1556.
        raise BadRequestException("CloudWatch Logs role ARN must be set in account settings to enable logging")


def _wants_logs(config: dict[str, Any]) -> bool:
    """Whether a stage's settings ask for an access log or an execution log."""
    route_settings = (config.get("routeSettings") or {}).values()
    executions = (config.get("defaultRouteSettings"), *route_settings)
    access = (config.get("accessLogSettings") or {}).get("destinationArn")
    return bool(access) or any(settings and _logs(settings) for settings in executions)


def _logs(settings: dict[str, Any]) -> bool:
    return settings.get("loggingLevel", "OFF") != "OFF" or bool(settings.get("dataTraceEnabled"))


def _cloudwatch_role_arn(api: Api) -> str | None:
    rest = existing_backend("apigateway", api.backend.account_id, api.backend.region_name)
    return rest.account.cloudwatch_role_arn if rest is not None else None

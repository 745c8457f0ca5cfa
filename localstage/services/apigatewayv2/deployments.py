"""What is deployed of an API: its snapshot, the deployment that holds it, the stage that points at one.

A deployment is a snapshot: later changes of the API do not touch it. Changing a
stage takes effect at once, without a new deployment (AWS: FIDELITY section 8);
what it serves then is published whole, as a value. This is the one place where
moto's attribute names meet those of ``localstage.core.snapshot``.
"""

from __future__ import annotations

import string
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from moto.apigatewayv2 import models as moto_models
from moto.core.utils import iso_8601_datetime_without_milliseconds, utcnow
from moto.moto_api._internal import mock_random

from localstage.core.snapshot import (
    ApiSnapshot,
    Authorizer,
    Integration,
    IntegrationResponse,
    Route,
    RouteLogging,
    RouteThrottle,
    ServedStage,
)

if TYPE_CHECKING:
    from localstage.services.apigatewayv2.api import Api

TARGET_PREFIX = "integrations/"
AUTO_DEPLOYED_DESCRIPTION = "Automatic deployment triggered by changes to the Api configuration"
_DEFAULT_ROUTE_SETTINGS = {"dataTraceEnabled": False, "detailedMetricsEnabled": False, "loggingLevel": "OFF"}
_ATTRIBUTES = {
    "autoDeploy": "auto_deploy",
    "clientCertificateId": "client_certificate_id",
    "description": "description",
    "accessLogSettings": "access_log_settings",
}


def new_id(length: int) -> str:
    """An id as API Gateway makes them: lower-case letters and digits."""
    letters = string.ascii_lowercase + string.digits
    return "".join(mock_random.choice(letters) for _ in range(length))


class Deployment:
    """AWS: FIDELITY section 8. Only the description can change after it is made."""

    def __init__(self, api: moto_models.Api, description: str | None = None, auto_deployed: bool = False):
        self.id = new_id(6)
        self.description = description
        self.auto_deployed = auto_deployed
        self.created = utcnow()
        self.snapshot: ApiSnapshot = snapshot_of(api, self.id)

    def to_json(self) -> dict[str, Any]:
        """The shape ``Deployment`` of the service model."""
        return {
            "autoDeployed": self.auto_deployed,
            "createdDate": iso_8601_datetime_without_milliseconds(self.created),
            "deploymentId": self.id,
            "deploymentStatus": "DEPLOYED",
            "description": self.description,
        }


class Stage(moto_models.Stage):
    """moto's stage with a deployment and updates; the gateway is told of each change."""

    route_settings: dict[str, Any]
    stage_variables: dict[str, str]

    def __init__(self, api: Api, config: dict[str, Any]):
        super().__init__(api, config)
        self.api = api
        self.created = self.updated = utcnow()
        self.deployment: Deployment | None = None
        self.last_deployment_status_message: str | None = None

    def point_at(self, deployment: Deployment) -> None:
        """Serve this deployment from now on."""
        self.deployment = deployment
        if deployment.auto_deployed:
            self.last_deployment_status_message = f"Successfully deployed stage with deployment ID '{deployment.id}'"
        self.publish()

    def update(self, changes: dict[str, Any]) -> None:
        """Apply the settings of an UpdateStage request; what is not in it stays."""
        for field in ("autoDeploy", "clientCertificateId", "description", "accessLogSettings"):
            if field in changes:
                setattr(self, _ATTRIBUTES[field], changes[field])
        if "defaultRouteSettings" in changes:
            # Guess: the settings are replaced whole; what is not given takes its default.
            self.default_route_settings = {**_DEFAULT_ROUTE_SETTINGS, **changes["defaultRouteSettings"]}
        route_settings = dict(self.route_settings)
        for route_key, settings in changes.get("routeSettings", {}).items():
            route_settings[route_key] = {**route_settings.get(route_key, {}), **settings}
        self.route_settings = route_settings
        # Guess: a variable is removed by giving it the empty value, as Terraform does.
        merged = {**self.stage_variables, **changes.get("stageVariables", {})}
        self.stage_variables = {name: value for name, value in merged.items() if value != ""}
        self.updated = utcnow()
        self.publish()

    def publish(self) -> None:
        """Must be called after the stage or its deployment has changed: says what it serves now."""
        if self.deployment is not None and self.api.is_websocket:
            self.api.backend.publish(self.api.api_id, self.name, self._served(self.deployment))

    def withdraw(self) -> None:
        """Must be called when the stage is gone."""
        self.api.backend.publish(self.api.api_id, self.name, None)

    def _served(self, deployment: Deployment) -> ServedStage:
        access_log = self.access_log_settings or {}
        return ServedStage(
            api_id=self.api.api_id,
            stage_name=self.name,
            region=self.api.backend.region_name,
            account_id=self.api.backend.account_id,
            snapshot=deployment.snapshot,
            stage_variables=MappingProxyType(dict(self.stage_variables)),
            default_throttle=_throttle(self.default_route_settings),
            route_throttles=MappingProxyType(
                {key: _throttle(settings) for key, settings in self.route_settings.items()}
            ),
            default_logging=_logging(self.default_route_settings),
            route_logging=MappingProxyType(
                {
                    key: _logging({**self.default_route_settings, **settings})
                    for key, settings in self.route_settings.items()
                }
            ),
            access_log_destination_arn=access_log.get("destinationArn"),
            access_log_format=access_log.get("format"),
        )

    def to_json(self) -> dict[str, Any]:
        """The shape ``Stage`` of the service model."""
        return {
            **super().to_json(),
            "deploymentId": self.deployment.id if self.deployment else None,
            "lastDeploymentStatusMessage": self.last_deployment_status_message,
            "tags": self.api.backend.get_tags(self.arn),
        }

    @property
    def arn(self) -> str:
        """The ARN that TagResource takes for a stage."""
        return f"{self.api.arn}/stages/{self.name}"


def _throttle(settings: dict[str, Any]) -> RouteThrottle:
    rate, burst = settings.get("throttlingRateLimit"), settings.get("throttlingBurstLimit")
    return RouteThrottle(
        rate_limit=None if rate is None else float(rate), burst_limit=None if burst is None else int(burst)
    )


def _logging(settings: dict[str, Any]) -> RouteLogging:
    return RouteLogging(settings.get("loggingLevel") or "OFF", bool(settings.get("dataTraceEnabled")))


def snapshot_of(api: moto_models.Api, deployment_id: str) -> ApiSnapshot:
    """The API as it is now, with every id resolved. AWS: FIDELITY section 8."""
    routes = {route.route_key: _route(api, route) for route in api.routes.values()}
    return ApiSnapshot(
        api_id=api.api_id,
        deployment_id=deployment_id,
        route_selection_expression=api.route_selection_expression,
        routes=MappingProxyType(routes),
    )


def _frozen(mapping: Mapping[str, Any] | None) -> Mapping[str, Any]:
    return MappingProxyType(dict(mapping or {}))


def _route(api: moto_models.Api, route: moto_models.Route) -> Route:
    integration_id = (route.target or "").removeprefix(TARGET_PREFIX)
    integration = api.integrations.get(integration_id)
    authorizer = api.authorizers.get(route.authorizer_id) if route.authorizer_id else None
    return Route(
        route_key=route.route_key,
        integration=_integration(integration) if integration else None,
        authorization_type=route.authorization_type or "NONE",
        authorizer=_authorizer(authorizer) if authorizer else None,
        api_key_required=bool(route.api_key_required),
        model_selection_expression=route.model_selection_expression,
        request_models=_schemas(api, route.request_models or {}),
        route_response_selection_expression=route.route_response_selection_expression,
        route_response_keys=tuple(r.route_response_key for r in route.route_responses.values()),
    )


def _schemas(api: moto_models.Api, request_models: Mapping[str, str]) -> Mapping[str, str]:
    schema_by_name = {model.name: model.schema for model in api.models.values()}
    named = {key: schema_by_name.get(name) for key, name in request_models.items()}
    return MappingProxyType({key: schema for key, schema in named.items() if schema is not None})


def _integration(integration: moto_models.Integration) -> Integration:
    return Integration(
        integration_id=integration.id,
        integration_type=integration.integration_type,
        integration_uri=integration.integration_uri,
        integration_method=integration.integration_method,
        timeout_ms=integration.timeout_in_millis or 29_000,
        credentials_arn=integration.credentials_arn,
        request_templates=_frozen(integration.request_templates),
        template_selection_expression=integration.template_selection_expression,
        request_parameters=_frozen(integration.request_parameters),
        responses=tuple(
            IntegrationResponse(
                integration_response_key=response.integration_response_key,
                response_templates=_frozen(response.response_templates),
            )
            for response in integration.responses.values()
        ),
    )


def _authorizer(authorizer: moto_models.Authorizer) -> Authorizer:
    return Authorizer(
        authorizer_id=authorizer.id,
        authorizer_uri=authorizer.authorizer_uri,
        credentials_arn=authorizer.auth_creds_arn,
        identity_source=tuple(authorizer.identity_source or ()),
    )

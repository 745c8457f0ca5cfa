"""A stage: a name that points at a deployment, with settings of its own.

Changing a stage takes effect at once, without a new deployment (AWS: FIDELITY
section 8). ``served`` is replaced whole at each change, for readers on other
threads.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from moto.apigatewayv2 import models as moto_models
from moto.core.utils import utcnow

from localstage.core.snapshot import RouteLogging, RouteThrottle, ServedStage
from localstage.services.apigatewayv2.deployment import Deployment

if TYPE_CHECKING:
    from localstage.services.apigatewayv2.api import Api


class Stage(moto_models.Stage):
    """moto's stage with a deployment, updates and the value that the gateway serves."""

    def __init__(self, api: Api, config: dict[str, Any]):
        super().__init__(api, config)
        self.api = api
        self.created = self.updated = utcnow()
        self.deployment: Deployment | None = None
        self.last_deployment_status_message: str | None = None
        self.served: ServedStage | None = None

    def point_at(self, deployment: Deployment) -> None:
        """Serve this deployment from now on."""
        self.deployment = deployment
        if deployment.auto_deployed:
            self.last_deployment_status_message = f"Successfully deployed stage with deployment ID '{deployment.id}'"
        self.refresh()

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
        self.refresh()

    def refresh(self) -> None:
        """Make ``served`` anew after the stage or its deployment changed."""
        self.served = self._to_serve()
        self.api.backend.stage_refreshed(self)

    def _to_serve(self) -> ServedStage | None:
        if self.deployment is None:
            return None
        access_log = self.access_log_settings or {}
        return ServedStage(
            api_id=self.api.api_id,
            stage_name=self.name,
            region=self.api.backend.region_name,
            account_id=self.api.backend.account_id,
            snapshot=self.deployment.snapshot,
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


_DEFAULT_ROUTE_SETTINGS = {"dataTraceEnabled": False, "detailedMetricsEnabled": False, "loggingLevel": "OFF"}
_ATTRIBUTES = {
    "autoDeploy": "auto_deploy",
    "clientCertificateId": "client_certificate_id",
    "description": "description",
    "accessLogSettings": "access_log_settings",
}


def _throttle(settings: dict[str, Any]) -> RouteThrottle:
    rate, burst = settings.get("throttlingRateLimit"), settings.get("throttlingBurstLimit")
    return RouteThrottle(
        rate_limit=None if rate is None else float(rate), burst_limit=None if burst is None else int(burst)
    )


def _logging(settings: dict[str, Any]) -> RouteLogging:
    return RouteLogging(settings.get("loggingLevel") or "OFF", bool(settings.get("dataTraceEnabled")))

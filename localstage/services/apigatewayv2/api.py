"""An API with its deployments and stages: what points at what, what may be removed, what a stage serves.

Validation of single requests lives in ``validation``; this file keeps the
references between an API's parts whole. Changing a stage takes effect at once,
without a new deployment (AWS: FIDELITY section 8); what it serves then is
published whole, as a value.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

from moto.apigatewayv2 import models as moto_models
from moto.apigatewayv2.exceptions import BadRequestException, StageNotFound
from moto.core.utils import camelcase_to_underscores, utcnow
from moto.utilities.utils import get_partition

from localstage.core.management import execute_api_host_of
from localstage.core.snapshot import RouteLogging, RouteThrottle, ServedStage
from localstage.services.apigatewayv2.deployments import AUTO_DEPLOYED_DESCRIPTION, Deployment, new_id
from localstage.services.apigatewayv2.exceptions import ConflictException, DeploymentNotFound

_DEFAULT_ROUTE_SETTINGS = {"dataTraceEnabled": False, "detailedMetricsEnabled": False, "loggingLevel": "OFF"}


class Api(moto_models.Api):
    """moto's API with deployments, and stages that point at them."""

    def __init__(self, region: str, backend: Any, tags: dict[str, str], **definition: Any):
        super().__init__(region=region, backend=backend, tags={}, **definition)
        self.api_id = new_id(10)
        self.arn = f"arn:{get_partition(region)}:apigateway:{region}::/apis/{self.api_id}"
        backend.tag_resource(self.arn, tags)
        scheme = "wss" if self.is_websocket else "https"  # FIDELITY section 11
        self.api_endpoint = f"{scheme}://{execute_api_host_of(self.api_id, region)}"
        self.created_date = utcnow()
        self.deployments: dict[str, Deployment] = {}
        self.stages: dict[str, Stage] = {}

    @property
    def is_websocket(self) -> bool:
        """Whether the rules of WebSocket APIs hold for this API."""
        return self.protocol_type == "WEBSOCKET"

    def changed(self) -> None:
        """Must be called after every change of the API or its parts: deploys AutoDeploy stages."""
        waiting = [stage for stage in self.stages.values() if stage.auto_deploy]
        if waiting and self.routes:
            deployment = self._add_deployment(AUTO_DEPLOYED_DESCRIPTION, auto_deployed=True)
            for stage in waiting:
                stage.point_at(deployment)

    def create_deployment(self, description: str | None, stage_name: str | None) -> Deployment:
        """Takes a snapshot; with a stage name, that stage serves it from now on.

        Raises StageNotFound, and BadRequestException for an API without a route; then nothing was made.
        """
        stage = self.get_stage(stage_name) if stage_name else None
        if not self.routes:
            # aws/serverless-application-model#2512 and mach-composer-cli#42 show the two texts.
            raise BadRequestException(
                "At least one route is required before deploying the Api."
                if self.is_websocket
                else "Unable to deploy API because no routes exist in this API"
            )
        deployment = self._add_deployment(description, auto_deployed=False)
        if stage:
            stage.point_at(deployment)
        return deployment

    def get_deployment(self, deployment_id: str) -> Deployment:
        """Raises DeploymentNotFound."""
        if deployment_id not in self.deployments:
            raise DeploymentNotFound(deployment_id)
        return self.deployments[deployment_id]

    def update_deployment(self, deployment_id: str, description: str | None) -> Deployment:
        """Only the description; the snapshot stays (FIDELITY section 11, trap 1). Raises DeploymentNotFound."""
        deployment = self.get_deployment(deployment_id)
        if description is not None:
            deployment.description = description
        return deployment

    def delete_deployment(self, deployment_id: str) -> None:
        """Raises DeploymentNotFound, or BadRequestException while a stage points at it."""
        deployment = self.get_deployment(deployment_id)
        if any(stage.deployment is deployment for stage in self.stages.values()):
            # The text of REST APIs (terraform-provider-aws#19805). Guess (Sentences of errors): v2 says the same.
            raise BadRequestException("Active stages pointing to this deployment must be moved or deleted")
        del self.deployments[deployment_id]

    def create_stage(self, config: dict[str, Any]) -> Stage:
        """Raises ConflictException for a name in use, DeploymentNotFound."""
        if config["stageName"] in self.stages:
            raise ConflictException("Stage already exists")
        deployment_id = config.get("deploymentId")
        deployment = self.get_deployment(deployment_id) if deployment_id else None
        stage = Stage(self, config)
        self.stages[stage.name] = stage
        self.backend.tag_resource(stage.arn, stage.tags)
        self._point(stage, deployment)
        return stage

    def update_stage(self, stage_name: str, changes: dict[str, Any]) -> Stage:
        """Raises StageNotFound, DeploymentNotFound; then nothing has changed."""
        stage = self.get_stage(stage_name)
        deployment_id = changes.get("deploymentId")
        deployment = self.get_deployment(deployment_id) if deployment_id else None
        stage.update(changes)
        self._point(stage, deployment)
        return stage

    def delete_stage(self, stage_name: str) -> None:
        """Raises StageNotFound."""
        if stage_name not in self.stages:
            raise StageNotFound
        stage = self.stages.pop(stage_name)
        self.backend.tagger.delete_all_tags_for_resource(stage.arn)
        stage.withdraw()

    def withdraw(self) -> None:
        """Must be called when the API is gone: none of its stages serves any more."""
        for stage in self.stages.values():
            stage.withdraw()

    def refuse_removal(self, kind: str, used_by: list[moto_models.Route]) -> None:
        """Raises ConflictException when routes still refer to what is to be deleted."""
        if used_by:
            # terraform-aws-next-js#247 shows the text for an integration.
            ids = ", ".join(route.route_id for route in used_by)
            raise ConflictException(
                f"Cannot delete {kind} because it is referenced by the following Routes with Ids: [{ids}]"
            )

    def _point(self, stage: Stage, deployment: Deployment | None) -> None:
        if deployment:
            stage.point_at(deployment)
        elif stage.auto_deploy:
            self.changed()

    def _add_deployment(self, description: str | None, auto_deployed: bool) -> Deployment:
        deployment = Deployment(self, description, auto_deployed)
        self.deployments[deployment.id] = deployment
        return deployment


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
                setattr(self, camelcase_to_underscores(field), changes[field])
        if "defaultRouteSettings" in changes:
            # Guess (UpdateStage): the settings are replaced whole; what is not given takes its default.
            self.default_route_settings = {**_DEFAULT_ROUTE_SETTINGS, **changes["defaultRouteSettings"]}
        route_settings = dict(self.route_settings)
        for route_key, settings in changes.get("routeSettings", {}).items():
            route_settings[route_key] = {**route_settings.get(route_key, {}), **settings}
        self.route_settings = route_settings
        # Guess (UpdateStage): a variable is removed by giving it the empty value, as Terraform does.
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

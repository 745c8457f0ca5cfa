"""An API with its deployments and stages: what points at what, and what may be removed.

Validation of single requests lives in ``validation``; this file keeps the
references between an API's parts whole.
"""

from __future__ import annotations

from typing import Any

from moto.apigatewayv2 import models as moto_models
from moto.apigatewayv2.exceptions import BadRequestException, StageNotFound
from moto.core.utils import utcnow
from moto.utilities.utils import get_partition

from localstage.core.management import execute_api_host_of
from localstage.services.apigatewayv2.deployments import AUTO_DEPLOYED_DESCRIPTION, Deployment, Stage, new_id
from localstage.services.apigatewayv2.exceptions import ConflictException, DeploymentNotFound


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
            # The text of REST APIs (terraform-provider-aws#19805). Guess: v2 says the same.
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

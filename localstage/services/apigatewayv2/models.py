"""The API Gateway v2 backend: moto's, checked as AWS checks, with stages that serve.

AutoDeploy follows each call that changes an API (``responses``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from moto.apigatewayv2 import models as moto_models

from localstage.core.snapshot import ServedStage
from localstage.services.apigatewayv2 import validation
from localstage.services.apigatewayv2.api import Api, Stage
from localstage.services.apigatewayv2.deployments import TARGET_PREFIX
from localstage.services.apigatewayv2.exceptions import ConflictException

Publish = Callable[[str, str, ServedStage | None], None]
"""API id, stage name and what the stage serves, None for one that is gone."""


class LocalApiGatewayV2Backend(moto_models.ApiGatewayV2Backend):
    """AWS: FIDELITY sections 2, 3, 7 and 8."""

    __module__ = moto_models.__name__  # moto finds a service's URLs beside its backend's module.

    apis: dict[str, Api]
    publish: Publish
    """Is told what a stage serves whenever that changes; set by who makes the backend."""
    allow_host: str
    """The setting of that name; set by who makes the backend."""

    def reset(self) -> None:
        """Forgets everything; none of the stages serves any more."""
        publish, allow_host = self.publish, self.allow_host
        for api in self.apis.values():
            api.withdraw()
        super().reset()  # Forgets the attributes, too.
        self.publish, self.allow_host = publish, allow_host

    # APIs

    def create_api(self, **definition: Any) -> Api:
        validation.check_api(
            definition.get("name"), definition["protocol_type"], definition.get("route_selection_expression")
        )
        api = Api(region=self.region_name, backend=self, **definition)
        self.apis[api.api_id] = api
        return api

    def delete_api(self, api_id: str) -> None:
        api = self.get_api(api_id)
        super().delete_api(api_id)
        api.withdraw()

    # Stages

    def create_stage(self, api_id: str, config: dict[str, Any]) -> Stage:
        api = self.get_api(api_id)
        validation.check_room_for_one_more("Stages", len(api.stages))
        validation.check_stage(api, config)
        return api.create_stage(config)

    def update_stage(self, api_id: str, stage_name: str, changes: dict[str, Any]) -> Stage:
        api = self.get_api(api_id)
        auto_deploy = changes.get("autoDeploy", api.get_stage(stage_name).auto_deploy)
        validation.check_stage(api, {**changes, "autoDeploy": auto_deploy})
        return api.update_stage(stage_name, changes)

    def delete_access_log_settings(self, api_id: str, stage_name: str) -> None:
        stage = self.get_stage(api_id, stage_name)
        stage.access_log_settings = None
        stage.publish()

    def delete_route_settings(self, api_id: str, stage_name: str, route_key: str) -> None:
        stage = self.get_stage(api_id, stage_name)
        stage.route_settings = {k: v for k, v in stage.route_settings.items() if k != route_key}
        stage.publish()

    # Routes

    def create_route(self, api_id: str, **route: Any) -> moto_models.Route:
        api = self.get_api(api_id)
        validation.check_room_for_one_more("Routes", len(api.routes))
        validation.check_route(api, route)
        return super().create_route(api_id=api_id, **route)

    def update_route(self, api_id: str, route_id: str, **changes: Any) -> moto_models.Route:
        api = self.get_api(api_id)
        route = api.get_route(route_id)
        validation.check_route(api, _merged(route, changes), itself=route)
        updated = super().update_route(api_id=api_id, route_id=route_id, **changes)
        # moto keeps the old value when the new one is empty.
        for name, value in changes.items():
            if value in ("", {}, []):
                setattr(updated, name, None)
        if updated.authorization_type == "NONE":
            updated.authorizer_id = None  # AWS: aws-cdk PR 14424, NONE takes the authorizer away
        return updated

    def delete_route(self, api_id: str, route_id: str) -> None:
        self.get_route(api_id, route_id)
        super().delete_route(api_id, route_id)

    def create_route_response(
        self, api_id: str, route_id: str, route_response_key: str, **response: Any
    ) -> moto_models.RouteResponse:
        api = self.get_api(api_id)
        validation.check_route_response(api, api.get_route(route_id), route_response_key)
        return super().create_route_response(api_id, route_id, route_response_key, **response)

    def update_route_response(
        self, api_id: str, route_id: str, route_response_id: str, changes: dict[str, Any]
    ) -> moto_models.RouteResponse:
        """``changes`` holds the model selection expression and the response models, as sent."""
        response = self.get_route_response(api_id, route_id, route_response_id)
        response.model_selection_expression = changes.get(
            "modelSelectionExpression", response.model_selection_expression
        )
        response.response_models = changes.get("responseModels", response.response_models)
        return response

    def delete_route_response(self, api_id: str, route_id: str, route_response_id: str) -> None:
        self.get_route_response(api_id, route_id, route_response_id)
        super().delete_route_response(api_id, route_id, route_response_id)

    # Integrations

    def create_integration(self, api_id: str, **integration: Any) -> moto_models.Integration:
        api = self.get_api(api_id)
        validation.check_room_for_one_more("Integrations", len(api.integrations))
        validation.check_integration(api, integration, self.allow_host)
        if api.is_websocket:
            for name, default in _WEBSOCKET_INTEGRATION_DEFAULTS.items():
                integration[name] = integration.get(name) or default
        return super().create_integration(api_id=api_id, **integration)

    def update_integration(self, api_id: str, integration_id: str, **changes: Any) -> moto_models.Integration:
        api = self.get_api(api_id)
        current = api.get_integration(integration_id)
        validation.check_integration(api, _merged(current, changes), self.allow_host)
        return super().update_integration(api_id=api_id, integration_id=integration_id, **changes)

    def delete_integration(self, api_id: str, integration_id: str) -> None:
        api = self.get_api(api_id)
        api.get_integration(integration_id)
        target = TARGET_PREFIX + integration_id
        api.refuse_removal("Integration", [r for r in api.routes.values() if r.target == target])
        super().delete_integration(api_id, integration_id)

    def create_integration_response(
        self, api_id: str, integration_id: str, **response: Any
    ) -> moto_models.IntegrationResponse:
        key = response["integration_response_key"]
        others = self.get_integration(api_id, integration_id).get_responses()
        if any(other.integration_response_key == key for other in others):
            raise ConflictException(f"Integration response with key {key} already exists")
        return super().create_integration_response(api_id, integration_id, **response)

    def update_integration_response(
        self, api_id: str, integration_id: str, integration_response_id: str, **changes: Any
    ) -> moto_models.IntegrationResponse:
        self.get_integration_response(api_id, integration_id, integration_response_id)
        return super().update_integration_response(api_id, integration_id, integration_response_id, **changes)

    def delete_integration_response(self, api_id: str, integration_id: str, integration_response_id: str) -> None:
        self.get_integration_response(api_id, integration_id, integration_response_id)
        super().delete_integration_response(api_id, integration_id, integration_response_id)

    # Authorizers and models

    def create_authorizer(self, api_id: str, **authorizer: Any) -> moto_models.Authorizer:
        api = self.get_api(api_id)
        validation.check_room_for_one_more("Authorizers", len(api.authorizers))
        validation.check_authorizer(api, authorizer)
        if any(other.name == authorizer["name"] for other in api.authorizers.values()):
            raise ConflictException("Authorizer name must be unique")
        return super().create_authorizer(api_id, **authorizer)

    def update_authorizer(self, api_id: str, authorizer_id: str, **changes: Any) -> moto_models.Authorizer:
        api = self.get_api(api_id)
        current = api.get_authorizer(authorizer_id)
        validation.check_authorizer(api, _merged(current, changes))
        return super().update_authorizer(api_id, authorizer_id=authorizer_id, **changes)

    def delete_authorizer(self, api_id: str, authorizer_id: str) -> None:
        api = self.get_api(api_id)
        api.get_authorizer(authorizer_id)
        used_by = [route for route in api.routes.values() if route.authorizer_id == authorizer_id]
        api.refuse_removal("Authorizer", used_by)
        super().delete_authorizer(api_id, authorizer_id)

    def update_model(self, api_id: str, model_id: str, **changes: Any) -> moto_models.Model:
        self.get_model(api_id, model_id)
        return super().update_model(api_id, model_id, **changes)

    def delete_model(self, api_id: str, model_id: str) -> None:
        self.get_model(api_id, model_id)
        super().delete_model(api_id, model_id)


# FIDELITY section 7: what CreateIntegration echoes for a WebSocket API.
_WEBSOCKET_INTEGRATION_DEFAULTS = {
    "connection_type": "INTERNET",
    "passthrough_behavior": "WHEN_NO_MATCH",
    "payload_format_version": "1.0",
    "timeout_in_millis": validation.MAX_TIMEOUT_MS,
}


def _merged(current: Any, changes: dict[str, Any]) -> dict[str, Any]:
    """What a part of an API would be after the changes; None leaves a field as it is."""
    return {**vars(current), **{field: value for field, value in changes.items() if value is not None}}

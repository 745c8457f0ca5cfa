"""The wire side of API Gateway v2: the operations that moto's responses lack, and its status codes.

Paths look like /v2/apis/{apiId}/{collection}/{id}/…, and bodies are camelCase JSON.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote

from moto.apigatewayv2.responses import ApiGatewayV2Response
from moto.core.responses import TYPE_RESPONSE

from localstage.services.apigatewayv2.models import LocalApiGatewayV2Backend


class LocalApiGatewayV2Response(ApiGatewayV2Response):
    """moto's handlers, and one for each operation of deployments and stage settings."""

    apigatewayv2_backend: LocalApiGatewayV2Backend

    def call_action(self) -> TYPE_RESPONSE:
        """moto's dispatch, with the status codes of the service model and without nulls."""
        status, headers, body = super().call_action()
        if status not in (200, 201, 204):
            return status, headers, body
        action = self._get_action() or ""
        if action.startswith(("Delete", "Untag")):
            return 204, headers, ""
        if action.startswith(("Create", "Tag")):
            status = 201
        return status, headers, _without_nulls(body)

    def _path(self, index: int) -> str:
        """A part of the path: 3 is the API id, 5 the id within the collection, 7 the next."""
        return unquote(self.path.strip("/").split("/")[index - 1])

    def _json_body(self) -> dict[str, Any]:
        return json.loads(self.body) if self.body else {}

    def create_deployment(self) -> TYPE_RESPONSE:
        params = self._json_body()
        deployment = self.apigatewayv2_backend.create_deployment(
            self._path(3), params.get("description"), params.get("stageName")
        )
        return 201, {}, json.dumps(deployment.to_json())

    def get_deployment(self) -> TYPE_RESPONSE:
        deployment = self.apigatewayv2_backend.get_deployment(self._path(3), self._path(5))
        return 200, {}, json.dumps(deployment.to_json())

    def get_deployments(self) -> TYPE_RESPONSE:
        return _items(self.apigatewayv2_backend.get_deployments(self._path(3)))

    def update_deployment(self) -> TYPE_RESPONSE:
        deployment = self.apigatewayv2_backend.update_deployment(
            self._path(3), self._path(5), self._json_body().get("description")
        )
        return 200, {}, json.dumps(deployment.to_json())

    def delete_deployment(self) -> TYPE_RESPONSE:
        self.apigatewayv2_backend.delete_deployment(self._path(3), self._path(5))
        return 204, {}, ""

    def create_stage(self) -> TYPE_RESPONSE:
        stage = self.apigatewayv2_backend.create_stage(self._path(3), _with_throttle(self._json_body()))
        return 201, {}, json.dumps(stage.to_json())

    def update_stage(self) -> TYPE_RESPONSE:
        stage = self.apigatewayv2_backend.update_stage(self._path(3), self._path(5), _with_throttle(self._json_body()))
        return 200, {}, json.dumps(stage.to_json())

    def delete_access_log_settings(self) -> TYPE_RESPONSE:
        self.apigatewayv2_backend.delete_access_log_settings(self._path(3), self._path(5))
        return 204, {}, ""

    def delete_route_settings(self) -> TYPE_RESPONSE:
        self.apigatewayv2_backend.delete_route_settings(self._path(3), self._path(5), self._path(7))
        return 204, {}, ""

    def get_authorizers(self) -> TYPE_RESPONSE:
        return _items(self.apigatewayv2_backend.get_authorizers(self._path(3)))

    def get_models(self) -> TYPE_RESPONSE:
        return _items(self.apigatewayv2_backend.get_models(self._path(3)))

    def get_route_responses(self) -> TYPE_RESPONSE:
        return _items(self.apigatewayv2_backend.get_route_responses(self._path(3), self._path(5)))

    def update_route_response(self) -> TYPE_RESPONSE:
        response = self.apigatewayv2_backend.update_route_response(
            self._path(3), self._path(5), self._path(7), self._json_body()
        )
        return 200, {}, json.dumps(response.to_json())


def _with_throttle(config: dict[str, Any]) -> dict[str, Any]:
    """FIDELITY section 8: default route settings without throttling values throttle to 0."""
    settings = config.get("defaultRouteSettings")
    if not settings or {"throttlingRateLimit", "throttlingBurstLimit"} & set(settings):
        return config
    zero = {"throttlingRateLimit": 0.0, "throttlingBurstLimit": 0}
    return {**config, "defaultRouteSettings": {**settings, **zero}}


def _items(resources: list[Any]) -> TYPE_RESPONSE:
    return 200, {}, json.dumps({"items": [resource.to_json() for resource in resources]})


def _without_nulls(body: str | bytes) -> str | bytes:
    """AWS leaves absent members out; moto sends them as null."""
    if not body:
        return body
    answer = json.loads(body)
    if "items" in answer:
        answer["items"] = [_present(item) for item in answer["items"]]
    return json.dumps(_present(answer))


def _present(item: Any) -> Any:
    return {k: v for k, v in item.items() if v is not None} if isinstance(item, dict) else item

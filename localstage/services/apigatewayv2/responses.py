"""The wire side of API Gateway v2: the operations that moto's responses lack, and its status codes.

Paths look like /v2/apis/{apiId}/{collection}/{id}/…, and bodies are camelCase JSON.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from moto.apigatewayv2 import urls as moto_urls
from moto.apigatewayv2.responses import ApiGatewayV2Response
from moto.core.responses import TYPE_RESPONSE

from localstage.services.apigatewayv2.api import Api
from localstage.services.apigatewayv2.models import LocalApiGatewayV2Backend


class LocalApiGatewayV2Response(ApiGatewayV2Response):
    """moto's handlers, and one for each operation of deployments and stage settings."""

    apigatewayv2_backend: LocalApiGatewayV2Backend

    def call_action(self) -> TYPE_RESPONSE:
        """moto's dispatch, with AutoDeploy, the status codes of the service model, and without nulls."""
        status, headers, body = super().call_action()
        if status not in (200, 201, 204):
            return status, headers, body
        action = self._get_action() or ""
        if _CHANGES_AN_API.fullmatch(action):
            self._api().changed()
        if action.startswith(("Delete", "Untag")):
            return 204, headers, ""
        if action.startswith(("Create", "Tag")):
            status = 201
        return status, headers, _without_nulls(body)

    def _path(self, index: int) -> str:
        """A part of the path: 3 is the API id, 5 the id within the collection, 7 the next."""
        return unquote(self.path.strip("/").split("/")[index - 1])

    def _api(self) -> Api:
        return self.apigatewayv2_backend.get_api(self._path(3))

    def _json_body(self) -> dict[str, Any]:
        return json.loads(self.body) if self.body else {}

    def create_deployment(self) -> TYPE_RESPONSE:
        params = self._json_body()
        return _json(self._api().create_deployment(params.get("description"), params.get("stageName")))

    def get_deployment(self) -> TYPE_RESPONSE:
        return _json(self._api().get_deployment(self._path(5)))

    def get_deployments(self) -> TYPE_RESPONSE:
        return _items(self._api().deployments)

    def update_deployment(self) -> TYPE_RESPONSE:
        return _json(self._api().update_deployment(self._path(5), self._json_body().get("description")))

    def delete_deployment(self) -> TYPE_RESPONSE:
        self._api().delete_deployment(self._path(5))
        return 204, {}, ""

    def create_stage(self) -> TYPE_RESPONSE:
        return _json(self.apigatewayv2_backend.create_stage(self._path(3), _with_throttle(self._json_body())))

    def update_stage(self) -> TYPE_RESPONSE:
        changes = _with_throttle(self._json_body())
        return _json(self.apigatewayv2_backend.update_stage(self._path(3), self._path(5), changes))

    def delete_access_log_settings(self) -> TYPE_RESPONSE:
        self.apigatewayv2_backend.delete_access_log_settings(self._path(3), self._path(5))
        return 204, {}, ""

    def delete_route_settings(self) -> TYPE_RESPONSE:
        self.apigatewayv2_backend.delete_route_settings(self._path(3), self._path(5), self._path(7))
        return 204, {}, ""

    def get_authorizers(self) -> TYPE_RESPONSE:
        return _items(self._api().authorizers)

    def get_models(self) -> TYPE_RESPONSE:
        return _items(self._api().models)

    def get_route_responses(self) -> TYPE_RESPONSE:
        return _items(self._api().get_route(self._path(5)).route_responses)

    def update_route_response(self) -> TYPE_RESPONSE:
        ids = (self._path(3), self._path(5), self._path(7))
        return _json(self.apigatewayv2_backend.update_route_response(*ids, self._json_body()))


_CHANGES_AN_API = re.compile(
    "(Update|Reimport)Api|(Create|Update|Delete)(Route|RouteResponse|Integration|IntegrationResponse|Authorizer|Model)"
    "|DeleteRouteRequestParameter"
)


def _with_throttle(config: dict[str, Any]) -> dict[str, Any]:
    """FIDELITY section 8: default route settings without throttling values throttle to 0."""
    settings = config.get("defaultRouteSettings")
    if not settings or {"throttlingRateLimit", "throttlingBurstLimit"} & set(settings):
        return config
    zero = {"throttlingRateLimit": 0.0, "throttlingBurstLimit": 0}
    return {**config, "defaultRouteSettings": {**settings, **zero}}


def _json(resource: Any) -> TYPE_RESPONSE:
    return 200, {}, json.dumps(resource.to_json())


def _items(resources: Mapping[str, Any]) -> TYPE_RESPONSE:
    return 200, {}, json.dumps({"items": [resource.to_json() for resource in resources.values()]})


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


_API = "{0}/v2/apis/(?P<api_id>[^/]+)"
_ADDED = (
    f"{_API}/deployments$",
    f"{_API}/deployments/(?P<deployment_id>[^/]+)$",
    f"{_API}/stages/(?P<stage_name>[^/]+)/accesslogsettings$",
    f"{_API}/stages/(?P<stage_name>[^/]+)/routesettings/(?P<route_key>[^/]+)$",
    # A stage's ARN, decoded: its tags are found under it.
    "{0}/v2/tags/(?P<arn>[^/]+)/apis/(?P<api_id>[^/]+)/stages/(?P<stage_name>[^/]+)$",
)
_DISPATCHED = (path for path, handler in moto_urls.url_paths.items() if handler.__name__ == "dispatch")
URL_PATHS: dict[str, Any] = dict.fromkeys((*_DISPATCHED, *_ADDED), LocalApiGatewayV2Response.dispatch)
"""moto's own, and those of the operations that moto lacks."""

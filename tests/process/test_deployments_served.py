"""What the gateway is told to serve, as the account's definitions change."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from moto.apigatewayv2.exceptions import BadRequestException
from moto.apigatewayv2.models import apigatewayv2_backends
from moto.core.base_backend import BackendDict

from localstage.core.snapshot import RouteThrottle, ServedStage
from localstage.services import apigatewayv2

ACCOUNT, REGION = "123456789012", "us-east-1"
FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:chat"


class Published(dict[tuple[str, str], ServedStage]):
    """What the gateway knows: what each stage serves, by the API's id and the stage's name."""

    def publish(self, api_id: str, stage_name: str, served: ServedStage | None) -> None:
        if served is None:
            self.pop((api_id, stage_name), None)
        else:
            self[api_id, stage_name] = served


@pytest.fixture
def published() -> Published:
    return Published()


@pytest.fixture
def backend(published: Published) -> Iterator[Any]:
    """The account's API Gateway v2 backend, empty."""
    apigatewayv2.extend(published.publish)
    BackendDict.reset()
    yield apigatewayv2_backends[ACCOUNT][REGION]
    BackendDict.reset()


@pytest.fixture
def api(backend) -> Any:
    """A WebSocket API with one Lambda-backed $connect route."""
    made = backend.create_api(**_API)
    add_route(backend, made.api_id, "$connect")
    return made


def add_route(backend, api_id: str, key: str, **settings: Any) -> Any:
    integration = backend.create_integration(
        api_id, **dict.fromkeys(_INTEGRATION), integration_type="AWS_PROXY", integration_uri=FUNCTION
    )
    route = {**dict.fromkeys(_ROUTE), "route_key": key, **settings}
    return backend.create_route(api_id, **{"target": f"integrations/{integration.id}"} | route)


_API: dict[str, Any] = {
    "name": "chat",
    "protocol_type": "WEBSOCKET",
    "route_selection_expression": "$request.body.action",
    "api_key_selection_expression": None,
    "cors_configuration": None,
    "description": None,
    "disable_execute_api_endpoint": False,
    "disable_schema_validation": None,
    "tags": {},
    "version": None,
}
_INTEGRATION = [
    "connection_id",
    "connection_type",
    "content_handling_strategy",
    "credentials_arn",
    "description",
    "integration_method",
    "integration_subtype",
    "passthrough_behavior",
    "payload_format_version",
    "request_parameters",
    "request_templates",
    "response_parameters",
    "template_selection_expression",
    "timeout_in_millis",
    "tls_config",
]
_ROUTE = [
    "api_key_required",
    "authorization_scopes",
    "authorization_type",
    "authorizer_id",
    "model_selection_expression",
    "operation_name",
    "request_models",
    "request_parameters",
    "route_response_selection_expression",
]


@pytest.fixture
def stage_of(published: Published) -> Callable[[Any], ServedStage | None]:
    """What the stage prod of an API serves."""
    return lambda api: published.get((api.api_id, "prod"))


def test_served_stage_when_not_deployed(backend, api, stage_of):
    """A stage without a deployment serves nothing."""
    backend.create_stage(api.api_id, {"stageName": "prod"})
    assert stage_of(api) is None


def test_served_stage_when_deployed(backend, api, stage_of):
    """A deployed stage serves the snapshot with the integration of each route resolved."""
    backend.create_stage(api.api_id, {"stageName": "prod", "stageVariables": {"color": "red"}})
    deployment = api.create_deployment(None, "prod")
    served = stage_of(api)
    assert (served.account_id, served.region, served.stage_name) == (ACCOUNT, REGION, "prod")
    assert served.snapshot.deployment_id == deployment.id
    assert served.snapshot.route_selection_expression == "$request.body.action"
    assert served.snapshot.routes["$connect"].integration.integration_uri == FUNCTION
    assert served.snapshot.routes["$connect"].integration.timeout_ms == 29_000
    assert served.stage_variables == {"color": "red"}


def test_served_stage_when_a_route_is_added_later(backend, api, stage_of):
    """A new route is not served until the stage points at a newer deployment."""
    backend.create_stage(api.api_id, {"stageName": "prod"})
    api.create_deployment(None, "prod")
    before = stage_of(api)
    add_route(backend, api.api_id, "sendMessage")
    assert stage_of(api) is before
    api.create_deployment(None, "prod")
    assert set(stage_of(api).snapshot.routes) == {"$connect", "sendMessage"}


@pytest.mark.fidelity("8.1")
def test_served_stage_when_an_integration_changes_later(backend, api, stage_of):
    """The snapshot keeps the integration as it was when it was deployed."""
    backend.create_stage(api.api_id, {"stageName": "prod"})
    api.create_deployment(None, "prod")
    (integration,) = api.integrations.values()
    changes = dict.fromkeys((*_INTEGRATION, "integration_type"))
    changes["integration_uri"] = f"{FUNCTION}2"
    backend.update_integration(api.api_id, integration.id, **changes)
    assert stage_of(api).snapshot.routes["$connect"].integration.integration_uri == FUNCTION


def test_served_stage_when_it_deploys_automatically(backend, api, stage_of):
    """An AutoDeploy stage serves every change at once."""
    backend.create_stage(api.api_id, {"stageName": "prod", "autoDeploy": True})
    assert set(stage_of(api).snapshot.routes) == {"$connect"}
    route = add_route(backend, api.api_id, "sendMessage")
    api.changed()
    assert set(stage_of(api).snapshot.routes) == {"$connect", "sendMessage"}
    backend.delete_route(api.api_id, route.route_id)
    api.changed()
    assert set(stage_of(api).snapshot.routes) == {"$connect"}


def test_served_stage_when_its_settings_change(backend, api, stage_of):
    """Stage settings take effect without a deployment; what is not given stays None."""
    backend.create_stage(api.api_id, {"stageName": "prod"})
    api.create_deployment(None, "prod")
    assert stage_of(api).default_throttle == RouteThrottle()
    settings = {"throttlingRateLimit": 10, "throttlingBurstLimit": 2}
    backend.update_stage(api.api_id, "prod", {"defaultRouteSettings": settings})
    assert stage_of(api).default_throttle == RouteThrottle(rate_limit=10.0, burst_limit=2)


def test_snapshot_when_a_route_has_models_and_a_response(backend, api, stage_of):
    """The snapshot holds the schema texts of the request models and the route response keys."""
    backend.create_model(api.api_id, content_type="application/json", description=None, name="Message", schema="{}")
    route = add_route(backend, api.api_id, "send", request_models={"$default": "Message"})
    nothing = dict.fromkeys(("model_selection_expression", "response_models"))
    backend.create_route_response(api.api_id, route.route_id, "$default", **nothing)
    backend.create_stage(api.api_id, {"stageName": "prod", "autoDeploy": True})
    served = stage_of(api).snapshot.routes["send"]
    assert served.request_models == {"$default": "{}"}
    assert served.route_response_keys == ("$default",)


def test_served_stage_when_the_stage_is_deleted(backend, api, stage_of):
    """A deleted stage is served no more."""
    backend.create_stage(api.api_id, {"stageName": "prod", "autoDeploy": True})
    backend.delete_stage(api.api_id, "prod")
    assert stage_of(api) is None


def test_served_stages_when_the_api_is_deleted(backend, api, published):
    """With its API, each stage is gone."""
    for name in ("prod", "test"):
        backend.create_stage(api.api_id, {"stageName": name, "autoDeploy": True})
    assert set(published) == {(api.api_id, "prod"), (api.api_id, "test")}
    backend.delete_api(api.api_id)
    assert published == {}


def test_served_stages_when_the_account_is_emptied(backend, api, published):
    """A reset takes every stage away, and a backend that goes on says what changes."""
    backend.create_stage(api.api_id, {"stageName": "prod", "autoDeploy": True})
    BackendDict.reset()
    assert published == {}
    backend.publish("api", "prod", None)


def test_integration_when_its_host_is_the_one_that_is_allowed(published: Published):
    """With --allow-host an HTTP integration of that host can be made, now and when all is deleted, of another it cannot."""
    apigatewayv2.extend(published.publish, "api.example.org")
    BackendDict.reset()
    backend = apigatewayv2_backends[ACCOUNT][REGION]
    http = {**dict.fromkeys(_INTEGRATION), "integration_type": "HTTP_PROXY", "integration_method": "POST"}
    for _ in range(2):
        api_id = backend.create_api(**_API).api_id
        backend.create_integration(api_id, **http, integration_uri="https://api.example.org:8443/x")
        with pytest.raises(BadRequestException, match="--allow-host www.example.org allows it"):
            backend.create_integration(api_id, **http, integration_uri="https://www.example.org/x")
        backend.reset()
    BackendDict.reset()

"""What is deployed of an API: its snapshot, and the deployment that holds it.

A deployment is a snapshot: later changes of the API do not touch it (AWS: FIDELITY
section 8). Here moto's attribute names meet those of ``localstage.core.snapshot``.
"""

from __future__ import annotations

import string
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from moto.apigatewayv2 import models as moto_models
from moto.core.utils import iso_8601_datetime_without_milliseconds, utcnow
from moto.moto_api._internal import mock_random

from localstage.core.snapshot import ApiSnapshot, Authorizer, Integration, IntegrationResponse, Route

TARGET_PREFIX = "integrations/"
AUTO_DEPLOYED_DESCRIPTION = "Automatic deployment triggered by changes to the Api configuration"


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

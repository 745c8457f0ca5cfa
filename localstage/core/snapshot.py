"""The immutable picture of an API that one deployment holds.

AWS: FIDELITY section 8, a deployment is a snapshot; later edits of routes,
integrations or authorizers do not change what a stage serves until the stage
points to a newer deployment. Nothing here changes after it is made.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from localstage.core.management import execute_api_arn_of


@dataclass(frozen=True)
class IntegrationResponse:
    """One integration response of a non-proxy integration, keyed by ``$default`` or a regex."""

    integration_response_key: str
    response_templates: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Integration:
    """What a route targets. ``integration_uri`` is as it was given to CreateIntegration."""

    integration_id: str
    integration_type: str
    integration_uri: str | None = None
    integration_method: str | None = None
    timeout_ms: int = 29_000
    credentials_arn: str | None = None
    request_templates: Mapping[str, str] = field(default_factory=dict)
    template_selection_expression: str | None = None
    request_parameters: Mapping[str, str] = field(default_factory=dict)
    responses: tuple[IntegrationResponse, ...] = ()


@dataclass(frozen=True)
class Authorizer:
    """A REQUEST authorizer of the API (only ``$connect`` may use one)."""

    authorizer_id: str
    authorizer_uri: str | None = None
    credentials_arn: str | None = None
    identity_source: tuple[str, ...] = ()


@dataclass(frozen=True)
class Route:
    """One route of the snapshot with everything it needs to be served."""

    route_key: str
    integration: Integration | None = None
    authorization_type: str = "NONE"
    authorizer: Authorizer | None = None
    api_key_required: bool = False
    model_selection_expression: str | None = None
    request_models: Mapping[str, str] = field(default_factory=dict)
    """Model key (``$default`` or a selected one) to the JSON schema text of that model."""
    route_response_selection_expression: str | None = None
    route_response_keys: tuple[str, ...] = ()


@dataclass(frozen=True)
class ApiSnapshot:
    """All that one deployment serves: the selection expression and the routes by route key."""

    api_id: str
    deployment_id: str
    route_selection_expression: str
    routes: Mapping[str, Route] = field(default_factory=dict)


@dataclass(frozen=True)
class RouteThrottle:
    """Throttle settings of a stage or a route. None means that no value was given at all."""

    rate_limit: float | None = None
    burst_limit: int | None = None


@dataclass(frozen=True)
class RouteLogging:
    """What a stage's execution log has of a route's events: ``OFF``, ``ERROR`` or ``INFO``; with or without data."""

    level: str = "OFF"
    data_trace: bool = False


@dataclass(frozen=True)
class ServedStage:
    """A stage as the gateway serves it now: its snapshot and the stage's own settings."""

    api_id: str
    stage_name: str
    region: str
    account_id: str
    snapshot: ApiSnapshot
    stage_variables: Mapping[str, str] = field(default_factory=dict)
    default_throttle: RouteThrottle = RouteThrottle()
    route_throttles: Mapping[str, RouteThrottle] = field(default_factory=dict)
    default_logging: RouteLogging = RouteLogging()
    route_logging: Mapping[str, RouteLogging] = field(default_factory=dict)
    access_log_destination_arn: str | None = None
    access_log_format: str | None = None

    @property
    def arn(self) -> str:
        """The stage's ARN in IAM's eyes; what follows is ``/{routeKey}`` or ``/{METHOD}/@connections/{id}``."""
        return f"{self._api_arn}/{self.stage_name}"

    def authorizer_arn(self, authorizer_id: str) -> str:
        """The ARN that a function's policy names as the source of an authorizer's invocations."""
        return f"{self._api_arn}/authorizers/{authorizer_id}"

    @property
    def _api_arn(self) -> str:
        return execute_api_arn_of(self.api_id, self.region, self.account_id)


@dataclass(frozen=True)
class KnownApis:
    """What is known of an account's APIs beside what their stages serve."""

    unserved: Mapping[str, str] = field(default_factory=dict)
    """``HTTP`` or ``REST``, by the id of each API that exists and that localstage does not serve."""
    api_keys: Mapping[tuple[str, str], frozenset[str]] = field(default_factory=dict)
    """The values of the enabled API keys of usage plans, by API id and stage name."""
    names: Mapping[str, str] = field(default_factory=dict)
    """The name of each WebSocket API by its id."""

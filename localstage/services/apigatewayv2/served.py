"""What the gateway asks of the account: which stage is served, and whose API an id is.

Only reads, and only of references that the account thread replaces whole, so
it may be called from any thread. Nothing is made by asking: no backend, no
region, no stage.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from moto.apigatewayv2.models import apigatewayv2_backends

from localstage.core.snapshot import ServedStage

if TYPE_CHECKING:
    from localstage.services.apigatewayv2.api import Api
    from localstage.services.apigatewayv2.stage import Stage


def served_stage(account_id: str, region: str, api_id: str, stage_name: str) -> ServedStage | None:
    """The stage as it serves now, or None when there is none or it has no deployment.

    The same object is returned until the stage or what it points at changes.
    AWS: FIDELITY section 3, an unknown or undeployed stage answers 403.
    """
    stage = find_stage(account_id, region, api_id, stage_name)
    return stage.served if stage is not None else None


def find_stage(account_id: str, region: str, api_id: str, stage_name: str) -> Stage | None:
    """The stage itself, or None when there is none."""
    api = _api(account_id, region, api_id)
    return api.stages.get(stage_name) if api is not None else None


def find_api(api_id: str) -> tuple[str, str] | None:
    """The account id and region of a WebSocket API, or None when nobody has it."""
    for account_id, regions in list(apigatewayv2_backends.items()):
        for region in list(regions.keys()):
            if _api(account_id, region, api_id) is not None:
                return account_id, region
    return None


def unserved_kind(api_id: str) -> str | None:
    """The kind of an API that the stage lets be defined and does not serve: ``HTTP`` or ``REST``; else None."""
    from moto.apigateway.models import apigateway_backends

    for regions in list(apigatewayv2_backends.values()):
        if any(api_id in backend.apis for backend in list(regions.values())):
            return None if find_api(api_id) else "HTTP"
    for regions in list(apigateway_backends.values()):
        if any(api_id in backend.apis for backend in list(regions.values())):
            return "REST"
    return None


def _api(account_id: str, region: str, api_id: str) -> Api | None:
    # dict.get, since item access on moto's dictionaries makes what is missing.
    regions = apigatewayv2_backends.get(account_id)
    backend = regions.get(region) if regions is not None else None
    api = backend.apis.get(api_id) if backend is not None else None
    return api if api is not None and api.protocol_type == "WEBSOCKET" else None

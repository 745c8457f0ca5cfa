"""What the gateway seldom asks of moto: API keys, and whose an id is that no stage serves.

Only for the account's thread, which owns moto's objects. Nothing is made by
asking: no backend, no region.
"""

from __future__ import annotations

from moto.apigateway.models import apigateway_backends
from moto.apigatewayv2.models import apigatewayv2_backends

from localstage.core.snapshot import ServedStage


def has_api_key(stage: ServedStage, key: str) -> bool:
    """Whether ``key`` is the value of an enabled API key in a usage plan of the stage.

    AWS: FIDELITY section 3; DG "API keys for WebSocket APIs".
    """
    regions = apigateway_backends.get(stage.account_id)
    backend = regions.get(stage.region) if regions is not None else None
    if backend is None:
        return False
    ids = {one.id for one in backend.keys.values() if one.enabled and one.value == key}
    wanted = (stage.api_id, stage.stage_name)
    plans = [
        plan.id
        for plan in backend.usage_plans.values()
        if any((one.get("apiId"), one.get("stage")) == wanted for one in plan.api_stages)
    ]
    return any(ids & set(backend.usage_plan_keys.get(plan_id, {})) for plan_id in plans)


def unsupported_api_kind(api_id: str) -> str | None:
    """The kind of an API that may be defined here and is not served: ``HTTP`` or ``REST``; else None."""
    for regions in apigatewayv2_backends.values():
        for backend in regions.values():
            if api_id in backend.apis:
                return None if backend.apis[api_id].is_websocket else "HTTP"
    for regions in apigateway_backends.values():
        if any(api_id in backend.apis for backend in regions.values()):
            return "REST"
    return None

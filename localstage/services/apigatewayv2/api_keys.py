"""Which API keys open a stage: moto's keys and usage plans, read.

AWS: FIDELITY section 3; DG "API keys for WebSocket APIs": an enabled key of a
usage plan that has the stage. Only reads, and nothing is made by asking.
"""

from __future__ import annotations

from localstage.core.snapshot import ServedStage


def has_api_key(stage: ServedStage, key: str) -> bool:
    """Whether ``key`` is the value of an enabled API key in a usage plan of the stage."""
    from moto.apigateway.models import apigateway_backends

    regions = apigateway_backends.get(stage.account_id)
    backend = regions.get(stage.region) if regions is not None else None
    if backend is None:
        return False
    ids = {one.id for one in list(backend.keys.values()) if one.enabled and one.value == key}
    wanted = (stage.api_id, stage.stage_name)
    plans = [
        plan.id
        for plan in list(backend.usage_plans.values())
        if any((one.get("apiId"), one.get("stage")) == wanted for one in plan.api_stages)
    ]
    return any(ids & set(backend.usage_plan_keys.get(plan_id, {})) for plan_id in plans)

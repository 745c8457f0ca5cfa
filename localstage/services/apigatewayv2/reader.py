"""What the gateway knows of moto's APIs beside what stages serve, read on the account thread and handed over as a value.

Nothing is made by looking: no backend, no region.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from localstage.core.snapshot import KnownApis
from localstage.door.moto import existing_backends


def known_apis(account_id: str) -> KnownApis:
    """The names of an account's WebSocket APIs, the APIs that are not served, and the API keys of its stages."""
    apis = [api for backend in existing_backends("apigatewayv2", account_id) for api in backend.apis.values()]
    names = {api.api_id: api.name for api in apis if api.is_websocket}
    kinds = {api.api_id: "HTTP" for api in apis if not api.is_websocket}
    keys: dict[tuple[str, str], set[str]] = {}
    for backend in existing_backends("apigateway", account_id):
        kinds.update(dict.fromkeys(backend.apis, "REST"))
        for stage, value in _keys_of_stages(backend):
            keys.setdefault(stage, set()).add(value)
    return KnownApis(kinds, {stage: frozenset(values) for stage, values in keys.items()}, names)


def _keys_of_stages(backend: Any) -> Iterator[tuple[tuple[str, str], str]]:
    """Each stage that a usage plan names, with the value of each enabled key of that plan.

    AWS: FIDELITY section 3; DG "API keys for WebSocket APIs".
    """
    enabled = {key.id: key.value for key in backend.keys.values() if key.enabled}
    for plan in backend.usage_plans.values():
        for stage in plan.api_stages:
            for key_id in enabled.keys() & backend.usage_plan_keys.get(plan.id, {}).keys():
                yield (stage.get("apiId"), stage.get("stage")), enabled[key_id]

"""API Gateway v2 on the stage: moto's, with deployments, validation and what the gateway serves.

This package extends moto by subclassing. It knows nothing of sockets: the
gateway asks ``served_stage`` and ``find_api``, which only read.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from localstage.services.apigatewayv2.served import find_api, find_stage, served_stage, unserved_kind

if TYPE_CHECKING:
    from localstage.services.apigatewayv2.stage import Stage

__all__ = ["extend", "find_api", "find_stage", "served_stage", "unserved_kind"]


def extend(stage_refreshed: Callable[[Stage], None] | None = None) -> None:
    """Make moto use this package's backend and URLs. Idempotent.

    ``stage_refreshed`` is called on the account thread when what a stage serves has changed.

    Must be called before moto makes its first apigatewayv2 backend, and before
    the first request to its server.
    """
    from localstage.door import seams
    from localstage.services.apigatewayv2 import urls
    from localstage.services.apigatewayv2.models import DeployingApiGatewayV2Backend

    def make_backend(region_name: str, account_id: str) -> Any:
        backend = DeployingApiGatewayV2Backend(region_name, account_id)
        if stage_refreshed is not None:
            backend.stage_refreshed = stage_refreshed
        return backend

    seams.replace("moto.apigatewayv2.models:apigatewayv2_backends.backend", make_backend)
    # REST and v2 APIs are signed for the same service name, so moto's server hands
    # both to its REST backend, which holds a copy of the v2 paths.
    seams.add_urls("moto.apigatewayv2.urls:url_paths", urls.url_paths)
    seams.add_urls("moto.apigateway.urls:url_paths", urls.url_paths)

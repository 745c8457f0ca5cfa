"""API Gateway v2 on the stage: moto's, with deployments, validation and what the gateway serves.

This package extends moto by subclassing. It knows nothing of sockets: the
gateway asks ``served_stage`` and ``find_api``, which only read.
"""

from __future__ import annotations

from .served import find_api, served_stage

__all__ = ["extend", "find_api", "served_stage"]


def extend() -> None:
    """Make moto use this package's backend and URLs. Idempotent.

    Must be called before moto makes its first apigatewayv2 backend, and before
    the first request to its server.
    """
    import moto.apigateway.urls
    import moto.apigatewayv2.models
    import moto.apigatewayv2.urls

    from . import urls
    from .models import DeployingApiGatewayV2Backend

    moto.apigatewayv2.models.apigatewayv2_backends.backend = DeployingApiGatewayV2Backend
    # REST and v2 APIs are signed for the same service name, so moto's server hands
    # both to its REST backend, which holds a copy of the v2 paths.
    moto.apigatewayv2.urls.url_paths.update(urls.url_paths)
    moto.apigateway.urls.url_paths.update(urls.url_paths)

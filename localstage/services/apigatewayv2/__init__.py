"""API Gateway v2: moto's, with deployments, validation, and word of what each stage serves.

Table of contents: ``models`` is the backend, ``api`` keeps the references
between an API's parts whole and has stages, ``deployments`` has deployments and
their snapshots, ``validation`` what is refused request by request, ``responses``
the wire, ``exceptions`` the errors that moto lacks, ``reader`` what else the
gateway is told of APIs, ``telemetry`` logs and metrics of what was served,
``deployment_limit`` how often one may deploy, ``needs`` the permissions, and
``resource_types`` the CloudFormation types. This room extends moto by
subclassing and knows nothing of sockets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from localstage.services.apigatewayv2.models import LocalApiGatewayV2Backend, Publish

__all__ = ["extend"]


def extend(publish: Publish, allow_host: str = "") -> None:
    """Makes moto use this room's backend and URLs. Idempotent.

    ``publish`` is called, on the thread that changes a stage, with what it serves
    from now on; ``allow_host`` is the setting of that name. Must be called before moto makes its first apigatewayv2 backend,
    and before the first request to its server.
    """
    from localstage.door import seams
    from localstage.services.apigatewayv2 import models, responses

    def make_backend(region_name: str, account_id: str) -> LocalApiGatewayV2Backend:
        backend = models.LocalApiGatewayV2Backend(region_name, account_id)
        backend.publish, backend.allow_host = publish, allow_host
        return backend

    seams.replace("moto.apigatewayv2.models:apigatewayv2_backends.backend", make_backend)
    # REST and v2 APIs are signed for the same service name, so moto's server hands
    # both to its REST backend, which holds a copy of the v2 paths.
    seams.add("moto.apigatewayv2.urls:url_paths", responses.URL_PATHS)
    seams.add("moto.apigateway.urls:url_paths", responses.URL_PATHS)

"""CloudFormation on the stage: stacks that are created, updated, rolled back and deleted as on AWS.

This package replaces moto's stack engine and keeps its backend's place. It
knows nothing of sockets, and reaches other services only through their APIs.

- ``responses``, ``request``, ``shapes``: a request read, an answer written; ``models``: which request may do what
- ``template``, ``parameters``, ``intrinsics``, ``conditions``, ``dependencies``: what a template says;
  ``definition``: all of it for one request
- ``stack``: what is remembered; ``scope``: what a template's names mean there; ``change_set``: what would change
- ``operations``, ``resource_work``: creation, update, roll-back, deletion; ``driver``: how fast; ``drift``
- ``resource_type``: what a type is; ``registry``: which there are (those of the services' rooms, which it is given, and
  moto's); ``resource_types``: CloudFormation's own; ``schema``: their properties; ``account_apis``: how they call services
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from localstage.stacks.driver import Driver

if TYPE_CHECKING:
    from localstage.door.moto import MotoServer
    from localstage.door.permissions import StackPrincipals
    from localstage.stacks.registry import RefusalOf
    from localstage.stacks.resource_type import ResourceType

__all__ = ["extend"]


def extend(
    principals: StackPrincipals,
    server: MotoServer,
    types: Iterable[ResourceType],
    refusal_of: RefusalOf,
    driver: Driver | None = None,
) -> None:
    """Make moto use this package's backend and URLs. Idempotent.

    ``principals`` says for whom a stack acts, ``server`` answers its calls; ``types`` are those that stacks can
    have besides moto's, of which ``refusal_of`` refuses some; ``driver`` sets the pace of operations. Must be called
    before moto makes its first cloudformation backend, and before the first request to its server.
    """
    from localstage.door import seams

    seams.import_without(
        "moto.cloudformation.models", "moto.cloudformation.parsing", ("Export", "OutputMap", "ResourceMap")
    )
    from localstage.stacks.account_apis import Apis
    from localstage.stacks.models import StackEngineBackend
    from localstage.stacks.registry import Registry
    from localstage.stacks.responses import StackEngineResponse

    apis = Apis(principals, server)

    def make_backend(region_name: str, account_id: str) -> StackEngineBackend:
        backend = StackEngineBackend(region_name, account_id)
        backend.apis = apis.of(account_id, region_name)
        backend.registry = Registry(region_name, types, refusal_of)
        if driver is not None:
            backend.driver = driver
        return backend

    seams.replace("moto.cloudformation.models:cloudformation_backends.backend", make_backend)
    seams.add("moto.cloudformation.urls:url_paths", {"{0}/$": StackEngineResponse.dispatch})

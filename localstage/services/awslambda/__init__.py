"""Lambda: its control plane is moto's (``models``, ``responses``), its invocations are localstage's own.

``invoke`` is the Invoke operation. ``reader`` hands functions over, as values,
to the ``directory`` that it and the gateway ask. ``pace`` is Lambda at AWS's
pace, ``needs`` the permissions that its calls need, ``resource_types`` its
CloudFormation types.

``event_source_mappings`` hands over which queues invoke which functions, and
``event_sources`` does that; ``custom_resources`` carries CloudFormation's events
to functions, and their answers back.
"""

from __future__ import annotations

from collections.abc import Callable

from localstage.policy.document import Need

__all__ = ["extend"]


def extend(may_assume: Callable[[str, str], bool], may_call: Callable[[str, str, Need], bool]) -> None:
    """Makes moto use this package's backend. Must be called before moto makes its first Lambda backend.

    ``may_assume`` says whether a service may assume a role, ``may_call`` whether a function, by its ARN and that of
    its role, may do what needs something; they are called on the account thread.
    """
    from localstage.door import seams
    from localstage.services.awslambda import models, responses

    def make_backend(region_name: str, account_id: str) -> models.LocalLambdaBackend:
        backend = models.LocalLambdaBackend(region_name, account_id)
        backend.may_assume, backend.may_call = may_assume, may_call
        return backend

    seams.replace("moto.awslambda.models:lambda_backends.backend", make_backend)
    seams.replace("moto.awslambda.models:LambdaFunction", models.LocalLambdaFunction)
    seams.add("moto.awslambda.urls:url_paths", responses.URL_PATHS)

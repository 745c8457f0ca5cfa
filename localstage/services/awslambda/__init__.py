"""Lambda on the stage: moto's, which refuses what cannot run here and tells what is deleted.

This package extends moto by subclassing; it knows nothing of processes.
"""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["extend"]


def extend(function_deleted: Callable[[str], None], may_assume: Callable[[str, str], bool]) -> None:
    """Makes moto use this package's backend; ``function_deleted`` gets the ARN of each deleted function.

    ``may_assume`` says whether a service may assume a role. Both are called on
    the account thread. Must be called before moto makes its
    first Lambda backend.
    """
    from localstage.door import seams
    from localstage.services.awslambda import models
    from localstage.services.awslambda.function import StageFunction

    def make_backend(region_name: str, account_id: str) -> models.StageLambdaBackend:
        backend = models.StageLambdaBackend(region_name, account_id)
        backend.function_deleted = function_deleted
        backend.may_assume = may_assume
        return backend

    seams.replace("moto.awslambda.models:lambda_backends.backend", make_backend)
    seams.replace("moto.awslambda.models:LambdaFunction", StageFunction)

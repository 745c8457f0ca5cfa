"""IAM on the stage: moto's, with AWS's managed policies in the one partition that is used.

Besides, the policy simulator answers, and users have permissions boundaries.

Policy documents without a Version are taken, as on AWS (see policies.py).

moto asks every partition who an access key belongs to, and makes 1,500
policies for each: a second of work after each reset, for policies that no
stage can attach.
"""

from __future__ import annotations

__all__ = ["extend"]


def extend(partition: str = "aws") -> None:
    """Make moto load managed policies for this partition only. Idempotent.

    Must be called before moto makes its first IAM backend.
    """
    import moto.iam.models
    import moto.iam.urls

    from localstage.services.iam.models import StageIamBackend
    from localstage.services.iam.policies import StagePolicyValidator
    from localstage.services.iam.responses import StageIamResponse

    def make_backend(region_name: str, account_id: str) -> StageIamBackend:
        return StageIamBackend(region_name, account_id, partition)

    moto.iam.models.iam_backends.backend = make_backend  # type: ignore[assignment]
    moto.iam.models.IAMPolicyDocumentValidator = StagePolicyValidator  # type: ignore[misc]
    moto.iam.urls.url_paths["{0}/$"] = StageIamResponse.dispatch

"""IAM: moto's, with the policy simulator and users' permissions boundaries.

- ``models``: the backend, with AWS's managed policies in the one partition that is used
- ``responses``: the operations that differ from moto's; ``simulation``: the policy simulator
- ``reader``: what others read of users and roles, and of their policies
- ``grants``: the policies that count for a caller, at once or some time after they were changed
- ``needs``: which permissions IAM's and STS's operations need
- ``resource_types``: the types of CloudFormation
"""

from __future__ import annotations

__all__ = ["extend"]


def extend() -> None:
    """Makes moto use this room. Idempotent. Must be called before moto makes its first IAM backend."""
    from localstage.door import seams
    from localstage.services.iam.models import StageIamBackend, StagePolicyValidator
    from localstage.services.iam.responses import StageIamResponse

    seams.replace("moto.iam.models:iam_backends.backend", StageIamBackend)
    seams.replace("moto.iam.models:IAMPolicyDocumentValidator", StagePolicyValidator)
    seams.add_urls("moto.iam.urls:url_paths", {"{0}/$": StageIamResponse.dispatch})

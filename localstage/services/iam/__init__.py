"""IAM: moto's, with the policy simulator and users' permissions boundaries.

- ``models``: the backend, with AWS's managed policies in the one partition that is used; ``managed_policies``: those
- ``responses``: the operations that differ from moto's, the policy simulator among them
- ``reader``: what others read of users and roles, and of their policies
- ``pace``: policies that count some time after they were changed
- ``needs``: which permissions IAM's operations need
- ``resource_types``: the types of CloudFormation
"""

from __future__ import annotations

__all__ = ["extend"]


def extend() -> None:
    """Makes moto use this room. Idempotent. Must be called before moto makes its first IAM backend."""
    from localstage.door import seams

    seams.import_without("moto.iam.models", "moto.iam.aws_managed_policies", ("aws_managed_policies_data",))
    from localstage.services.iam.models import LocalIamBackend, LocalPolicyValidator
    from localstage.services.iam.responses import LocalIamResponse

    seams.replace("moto.iam.models:iam_backends.backend", LocalIamBackend)
    seams.replace("moto.iam.models:IAMPolicyDocumentValidator", LocalPolicyValidator)
    seams.add("moto.iam.urls:url_paths", {"{0}/$": LocalIamResponse.dispatch})

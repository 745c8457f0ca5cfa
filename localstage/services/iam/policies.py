"""What a policy document must look like: moto's checks, save one that AWS does not make."""

from __future__ import annotations

from moto.iam.policy_validation import IAMPolicyDocumentValidator


class StagePolicyValidator(IAMPolicyDocumentValidator):
    """Accepts a document without a Version, or with the older one."""

    def _validate_version(self) -> None:
        """AWS: IAM user guide, JSON policy element Version: without it, 2008-10-17 is meant."""

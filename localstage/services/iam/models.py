"""The IAM backend: moto's, sparing with AWS's managed policies, and its check of policy documents."""

from __future__ import annotations

from functools import cached_property

from moto.iam.models import IAMBackend, ManagedPolicy
from moto.iam.policy_validation import IAMPolicyDocumentValidator

from localstage.services.iam.managed_policies import PARTITION, policies_of


class LocalIamBackend(IAMBackend):
    """One for each account and partition; ``region_name`` is the partition's name.

    Only the partition that is used has AWS's managed policies: moto asks every
    partition who an access key belongs to, and would make 1,500 policies for each.
    """

    __module__ = IAMBackend.__module__  # moto finds a service's URLs beside its backend's module.

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        # They come when they are asked for.
        del self.__dict__["aws_managed_policies"], self.__dict__["managed_policies"]

    @cached_property
    def aws_managed_policies(self) -> list[ManagedPolicy]:
        """Those that AWS has written, in this account."""
        return list(policies_of(self.account_id)) if self.region_name == PARTITION else []

    @cached_property
    def managed_policies(self) -> dict[str, ManagedPolicy]:
        """AWS's and the account's own, by ARN."""
        return {policy.arn: policy for policy in self.aws_managed_policies}

    def _init_aws_policies(self) -> list[ManagedPolicy]:
        return []


class LocalPolicyValidator(IAMPolicyDocumentValidator):
    """Accepts a document without a Version, or with the older one."""

    def _validate_version(self) -> None:
        """AWS: IAM user guide, JSON policy element Version: without it, 2008-10-17 is meant."""

"""The IAM backend: moto's, sparing with managed policies."""

from __future__ import annotations

from moto.iam.models import IAMBackend, ManagedPolicy


class StageIamBackend(IAMBackend):
    """One per account and partition; ``region_name`` is the partition's name."""

    def __init__(self, region_name: str, account_id: str, loaded_partition: str = "aws"):
        self._loaded_partition = loaded_partition
        super().__init__(region_name, account_id)

    def _init_aws_policies(self) -> list[ManagedPolicy]:
        return super()._init_aws_policies() if self.region_name == self._loaded_partition else []

"""A bucket whose policy is not read by moto.

The door asks a bucket's policy before a call reaches moto, with the caller and
all conditions. moto would ask it once more, without its conditions, and would
enforce it where no policies are to be enforced.
"""

from __future__ import annotations

from typing import Any

from moto.iam.access_control import PermissionResult
from moto.s3.models import FakeBucket


class LocalBucket(FakeBucket):
    """moto's bucket, which allows what the door has let through."""

    __module__ = FakeBucket.__module__  # moto files its classes by the service in their module's name.

    def get_permission(self, action: str, resource: str) -> Any:
        return PermissionResult.NEUTRAL

"""S3: moto's, whose buckets leave their policies to the door.

- ``needs``: which permissions S3's operations need
- ``resource_types``: the types of CloudFormation
"""

from __future__ import annotations

__all__ = ["extend"]


def extend() -> None:
    """Makes moto's buckets allow what the door has let through. Idempotent.

    The door asks a bucket's policy before a call reaches moto, with the caller and
    all conditions. moto would ask it once more, without conditions, and would
    enforce it where no policies are to be enforced.
    """
    from moto.iam.access_control import PermissionResult

    from localstage.door import seams

    seams.replace("moto.s3.models:FakeBucket.get_permission", lambda *_: PermissionResult.NEUTRAL)

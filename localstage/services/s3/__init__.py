"""S3: moto's, whose buckets leave their policies to the door.

- ``bucket``: the bucket
- ``needs``: which permissions S3's operations need
- ``resource_types``: the types of CloudFormation
"""

from __future__ import annotations

__all__ = ["extend"]


def extend() -> None:
    """Makes moto use this room's buckets. Idempotent. Must be called before the first bucket is made."""
    from localstage.door import seams
    from localstage.services.s3.bucket import LocalBucket

    seams.replace("moto.s3.models:FakeBucket", LocalBucket)

"""S3 on the stage: moto's, whose bucket policies deny without looking at their conditions.

This package extends moto by subclassing; it knows no callers.
"""

from __future__ import annotations

__all__ = ["extend"]


def extend() -> None:
    """Makes moto use this package's buckets. Idempotent. Must be called before the first bucket is made."""
    import moto.s3.models

    from localstage.services.s3.bucket import StageBucket

    moto.s3.models.FakeBucket = StageBucket  # type: ignore[misc]

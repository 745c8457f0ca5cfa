"""What a program sends reaches the service as it was sent."""

from __future__ import annotations

import uuid


def test_metadata_when_a_name_has_an_underscore(aws):
    """S3 keeps a user's metadata under the names that were given, underscores included."""
    s3, bucket = aws("s3"), f"test-{uuid.uuid4().hex[:12]}"
    s3.create_bucket(Bucket=bucket)
    metadata = {"my_key": "one", "my-other-key": "two"}
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", Metadata=metadata)
    assert s3.head_object(Bucket=bucket, Key="k")["Metadata"] == metadata

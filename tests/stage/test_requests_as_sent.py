"""What a program sends reaches the service as it was sent."""

from __future__ import annotations

import time
import uuid

import pytest


def test_metadata_when_a_name_has_an_underscore(aws):
    """S3 keeps a user's metadata under the names that were given, underscores included."""
    s3, bucket = aws("s3"), f"test-{uuid.uuid4().hex[:12]}"
    s3.create_bucket(Bucket=bucket)
    metadata = {"my_key": "one", "my-other-key": "two"}
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", Metadata=metadata)
    assert s3.head_object(Bucket=bucket, Key="k")["Metadata"] == metadata


@pytest.mark.parametrize("message", ["a&Action=DeleteLogGroup&b=1", "&logGroupName=other&", "x=1&logStreamName=t&y"])
def test_log_line_when_it_looks_like_a_form(aws, message: str):
    """A line that reads like a query's parameters is a line: it neither names the operation nor the group."""
    logs, group = aws("logs"), f"/test/{uuid.uuid4().hex[:12]}"
    logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName="s")
    stamp = int(time.time() * 1000)
    logs.put_log_events(logGroupName=group, logStreamName="s", logEvents=[{"timestamp": stamp, "message": message}])
    found = logs.get_log_events(logGroupName=group, logStreamName="s", startFromHead=True)["events"]
    assert [event["message"] for event in found] == [message]

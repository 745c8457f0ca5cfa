"""Buckets whose policy denies something: what published templates have in theirs."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError


def policy(bucket: str, **statement: Any) -> str:
    return json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Deny",
                    "Action": "s3:*",
                    "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"],
                    **statement,
                }
            ],
        }
    )


@pytest.fixture
def bucket(aws: Callable[[str], Any]) -> str:
    """The name of an empty bucket."""
    name = f"test-{uuid.uuid4().hex[:12]}"
    aws("s3").create_bucket(Bucket=name)
    return name


@pytest.mark.parametrize(
    "statement",
    [
        {"Principal": "*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}},
        {"Principal": {"AWS": "*"}, "Condition": {"Bool": {"aws:SecureTransport": False}}},
        {"Principal": {"AWS": "*"}, "Condition": {"NumericLessThan": {"s3:TlsVersion": 1.2}}},
        {"Principal": {"AWS": "arn:aws:iam::123456789012:role/somebody-else"}},
        {"Principal": "*", "Condition": {"StringNotEquals": {"aws:username": "learner"}}},
        {"Principal": "*", "Condition": {"ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::*:user/learner"}}},
    ],
    ids=["CDK", "boolean", "TLS version", "another caller", "another user", "another ARN"],
)
def test_object_when_the_policy_denies_something_else(aws, bucket: str, statement: dict[str, Any]):
    """What is denied to calls without TLS, or to somebody else, is not denied to a caller with a good signature."""
    s3 = aws("s3")
    s3.put_bucket_policy(Bucket=bucket, Policy=policy(bucket, **statement))
    s3.put_object(Bucket=bucket, Key="key", Body=b"text")
    assert s3.get_object(Bucket=bucket, Key="key")["Body"].read() == b"text"
    assert (
        json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"])["Statement"][0]["Principal"] == statement["Principal"]
    )


def test_object_when_the_policy_denies_everyone(aws, bucket: str):
    """What is denied to everyone is denied."""
    s3 = aws("s3")
    s3.put_bucket_policy(Bucket=bucket, Policy=policy(bucket, Principal="*", Action="s3:PutObject"))
    with pytest.raises(ClientError) as denied:
        s3.put_object(Bucket=bucket, Key="key", Body=b"text")
    error = denied.value.response
    assert (error["ResponseMetadata"]["HTTPStatusCode"], error["Error"]["Code"]) == (403, "AccessDenied")
    assert error["Error"]["Message"].endswith("with an explicit deny in a resource-based policy")
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)


def test_object_when_its_key_reads_like_a_connections_path(aws):
    """A key that holds the words of the management API is a key like any other, even in a bucket named like an API."""
    s3 = aws("s3")
    s3.create_bucket(Bucket="abcdef1234")
    key = "prod/@connections/R0oXAdfD0kwCH6w="
    s3.put_object(Bucket="abcdef1234", Key=key, Body=b"hello")
    assert s3.get_object(Bucket="abcdef1234", Key=key)["Body"].read() == b"hello"

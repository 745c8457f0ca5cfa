"""A stage that evaluates no policies still knows who calls."""

from __future__ import annotations

import json

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from localstage import LocalStage

DENY_ALL = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "arn:aws:s3:::closed/*"}],
}


def test_policies_when_the_stage_evaluates_none():
    """With iam=False no policy counts, a bucket's neither; a wrong signature is refused all the same."""
    with LocalStage(iam=False) as stage:
        settings = stage.changes().settings

        def client(service: str, key: str, secret: str):
            return boto3.client(
                service,
                endpoint_url=stage.url,
                region_name="us-east-1",
                aws_access_key_id=key,
                aws_secret_access_key=secret,
                config=Config(retries={"max_attempts": 0}, proxies={}),
            )

        iam = client("iam", settings["AWS_ACCESS_KEY_ID"], settings["AWS_SECRET_ACCESS_KEY"])
        iam.create_user(UserName="alice")
        key = iam.create_access_key(UserName="alice")["AccessKey"]
        assert client("dynamodb", key["AccessKeyId"], key["SecretAccessKey"]).list_tables()["TableNames"] == []
        s3 = client("s3", key["AccessKeyId"], key["SecretAccessKey"])
        s3.create_bucket(Bucket="closed")
        s3.put_bucket_policy(Bucket="closed", Policy=json.dumps(DENY_ALL))
        s3.put_object(Bucket="closed", Key="key", Body=b"text")
        assert s3.get_object(Bucket="closed", Key="key")["Body"].read() == b"text"
        with pytest.raises(ClientError) as refused:
            client("dynamodb", key["AccessKeyId"], "wrong").list_tables()
        assert refused.value.response["Error"]["Code"] == "InvalidSignatureException"

"""A stage that evaluates no policies still knows who calls."""

from __future__ import annotations

import json
from collections.abc import Iterator

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from localstage import LocalStage
from tests.stage.target import DeployedApi, StageTarget, add_route, create_function

DENY_ALL = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "arn:aws:s3:::closed/*"}],
}


@pytest.fixture(scope="module")
def stage() -> Iterator[LocalStage]:
    with LocalStage(iam=False) as running:
        yield running


def test_policies_when_the_stage_evaluates_none(stage: LocalStage):
    """With iam=False no policy counts, a bucket's neither; a wrong signature is refused all the same."""
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


def test_function_policies_when_the_stage_evaluates_none(stage: LocalStage):
    """With iam=False a route invokes its function without a permission, as no policy counts."""
    target = StageTarget(stage)
    gateway = target.client("apigatewayv2")
    function = create_function(target, "def handler(event, context):\n    return {'statusCode': 200}\n")
    api_id = gateway.create_api(Name="open", ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.action")[
        "ApiId"
    ]
    add_route(target, api_id, "$connect", function)
    deployment = gateway.create_deployment(ApiId=api_id)["DeploymentId"]
    gateway.create_stage(ApiId=api_id, StageName="prod", DeploymentId=deployment)
    target.connect(DeployedApi(api_id, {}).url).close()

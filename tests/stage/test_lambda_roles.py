"""Roles of functions, as programs write their policies."""

from __future__ import annotations

import json
import uuid

import pytest
from botocore.exceptions import ClientError

from tests.stage.target import Target

STATEMENT = {"Effect": "Allow", "Action": "dynamodb:PutItem", "Resource": "*"}
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


@pytest.fixture
def role(target: Target) -> str:
    name = f"test-{uuid.uuid4().hex[:12]}"
    target.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))
    return name


@pytest.mark.parametrize("version", [{}, {"Version": "2008-10-17"}, {"Version": "2012-10-17"}])
def test_role_policy_when_its_version_is_old_or_missing(target: Target, role: str, version: dict):
    """A policy document without a Version, or with the older one, is accepted and returned as written."""
    document = {**version, "Statement": [STATEMENT]}
    iam = target.client("iam")
    iam.put_role_policy(RoleName=role, PolicyName="mine", PolicyDocument=json.dumps(document))
    assert iam.get_role_policy(RoleName=role, PolicyName="mine")["PolicyDocument"] == document


def test_role_policy_when_its_version_does_not_exist(target: Target, role: str):
    """A Version that IAM never had is refused, and nothing is stored."""
    iam = target.client("iam")
    with pytest.raises(ClientError) as caught:
        iam.put_role_policy(
            RoleName=role,
            PolicyName="mine",
            PolicyDocument=json.dumps({"Version": "2020-01-01", "Statement": [STATEMENT]}),
        )
    assert caught.value.response["Error"]["Code"] == "MalformedPolicyDocument"
    assert iam.list_role_policies(RoleName=role)["PolicyNames"] == []

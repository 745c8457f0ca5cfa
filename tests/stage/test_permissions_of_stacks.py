"""A stack may do what its caller may do, or the role that it was given."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.stage.roles import allow, client_with, create_role, deny, document, set_statements
from tests.stage.stacks import refusal
from tests.stage.target import REGION, Target
from tests.stage.waiting import eventually

TABLE = """
Resources:
  Table:
    Type: AWS::DynamoDB::Table
    Properties:
      TableName: %s
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
      KeySchema: [{AttributeName: id, KeyType: HASH}]
"""
ROLE = """
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties:
      PermissionsBoundary: %s
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement: [{Effect: Allow, Principal: {Service: lambda.amazonaws.com}, Action: sts:AssumeRole}]
"""
TABLES = [
    "dynamodb:CreateTable",
    "dynamodb:DescribeTable",
    "dynamodb:DeleteTable",
    "dynamodb:DescribeContinuousBackups",
    "dynamodb:DescribeTimeToLive",
    "dynamodb:ListTagsOfResource",
    "dynamodb:DescribeContributorInsights",
    "dynamodb:GetResourcePolicy",
    "dynamodb:DescribeKinesisStreamingDestination",
]


@dataclass
class Learner:
    """A role session of the account with the statements that a test gives it."""

    target: Target
    role_arn: str
    credentials: list[str]

    def client(self, service: str) -> Any:
        return client_with(self.target, self.credentials, service)

    def may(self, *statements: Any) -> None:
        set_statements(self.target, self.role_arn, *statements)

    def create(self, template: str, **settings: Any) -> str:
        """Creates a stack once it may; returns the stack's name."""
        name = f"test-{uuid.uuid4().hex[:10]}"
        call = {
            "StackName": name,
            "TemplateBody": template,
            "OnFailure": "DO_NOTHING",
            "Capabilities": ["CAPABILITY_IAM"],
            **settings,
        }

        def create() -> bool:
            try:
                return bool(self.client("cloudformation").create_stack(**call))
            except ClientError:
                return False

        eventually(create, bool, "the permission to create a stack")
        return name


@pytest.fixture(scope="module")
def account(target) -> str:
    return target.client("sts").get_caller_identity()["Account"]


@pytest.fixture(scope="module")
def learner(target, account) -> Learner:
    role = create_role(target, trusted={"AWS": account})
    made = eventually(lambda: _assume(target, role), lambda credentials: credentials is not None, "the new role")
    return Learner(target, role, [made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"]])


def _assume(target: Target, role: str) -> dict[str, str] | None:
    try:
        return target.client("sts").assume_role(RoleArn=role, RoleSessionName="alice")["Credentials"]
    except ClientError:
        return None


@pytest.fixture
def stacks(target) -> Iterator[list[str]]:
    names: list[str] = []
    yield names
    for name in names:
        target.client("cloudformation").delete_stack(StackName=name)


def settled(target: Target, name: str) -> tuple[str, str]:
    """The stack's status in the end, and the reason of the resource that failed, "" if none did."""
    client = target.client("cloudformation")
    status = eventually(
        lambda: client.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"],
        lambda seen: not seen.endswith("IN_PROGRESS"),
        "the stack to settle",
        120,
    )
    events = client.describe_stack_events(StackName=name)["StackEvents"]
    reasons = [
        event.get("ResourceStatusReason", "")
        for event in events
        if event["ResourceStatus"].endswith("_FAILED") and event["ResourceType"] != "AWS::CloudFormation::Stack"
    ]
    return status, reasons[-1] if reasons else ""


def test_stack_when_its_caller_may_not_make_a_resource(target, learner, stacks, account):
    """The resource fails with AWS's sentence about the caller, and nothing is made."""
    table = f"test-{uuid.uuid4().hex[:10]}"
    learner.may(allow("cloudformation:*"))
    stacks.append(learner.create(TABLE % table))
    status, reason = settled(target, stacks[0])
    assert status == "CREATE_FAILED"
    assert (
        f"User: arn:aws:sts::{account}:assumed-role/{learner.role_arn.rpartition('/')[2]}/alice is not authorized to "
        f"perform: dynamodb:CreateTable on resource: arn:aws:dynamodb:{REGION}:{account}:table/{table} because no "
        "identity-based policy allows the dynamodb:CreateTable action"
    ) in reason
    assert "HandlerErrorCode: AccessDenied" in reason
    assert table not in target.client("dynamodb").list_tables()["TableNames"]


def test_stack_when_its_caller_may(target, learner, stacks, account):
    """With the permissions that the resources need the stack is made, and its caller may delete it."""
    table = f"test-{uuid.uuid4().hex[:10]}"
    learner.may(allow("cloudformation:*"), allow(TABLES, f"arn:aws:dynamodb:{REGION}:{account}:table/{table}"))
    stacks.append(learner.create(TABLE % table))
    assert settled(target, stacks[0]) == ("CREATE_COMPLETE", "")
    learner.client("cloudformation").delete_stack(StackName=stacks[0])
    client = target.client("dynamodb")
    eventually(lambda: client.list_tables()["TableNames"], lambda names: table not in names, "the table to be gone")


def test_stack_when_another_caller_deletes_it(target, learner, stacks, account):
    """Who deletes needs the permissions: what the creator could do does not count."""
    table = f"test-{uuid.uuid4().hex[:10]}"
    stacks.append(f"test-{uuid.uuid4().hex[:10]}")
    target.client("cloudformation").create_stack(StackName=stacks[0], TemplateBody=TABLE % table)
    assert settled(target, stacks[0])[0] == "CREATE_COMPLETE"
    learner.may(allow("cloudformation:*"))
    eventually(lambda: _deleted(learner, stacks[0]), bool, "the permission to delete a stack")
    status, reason = settled(target, stacks[0])
    assert status == "DELETE_FAILED" and "is not authorized to perform: dynamodb:DeleteTable on resource: " in reason


def _deleted(learner: Learner, name: str) -> bool:
    try:
        return bool(learner.client("cloudformation").delete_stack(StackName=name))
    except ClientError:
        return False


def test_stack_when_it_has_a_role(target, learner, stacks, account):
    """With RoleARN the stack acts for the role; the caller needs iam:PassRole for it, and no more."""
    table = f"test-{uuid.uuid4().hex[:10]}"
    role = create_role(target, allow(TABLES), trusted={"Service": "cloudformation.amazonaws.com"})
    learner.may(allow("cloudformation:*"))
    client = learner.client("cloudformation")
    arguments = {"StackName": f"test-{uuid.uuid4().hex[:10]}", "TemplateBody": TABLE % table, "RoleARN": role}
    with pytest.raises(ClientError, match="iam:PassRole on resource: " + role):
        client.create_stack(**arguments)
    learner.may(
        allow("cloudformation:*"),
        allow(
            "iam:PassRole", role, Condition={"StringEquals": {"iam:PassedToService": "cloudformation.amazonaws.com"}}
        ),
    )
    stacks.append(learner.create(TABLE % table, RoleARN=role))
    assert settled(target, stacks[0]) == ("CREATE_COMPLETE", "")


def test_stack_when_its_role_does_not_trust(target, account):
    """CloudFormation refuses a role that it cannot assume, whoever asks; no stack is made."""
    role = create_role(target, allow("*"))
    name = f"test-{uuid.uuid4().hex[:10]}"
    client = target.client("cloudformation")
    assert refusal(client.create_stack, StackName=name, TemplateBody=TABLE % name, RoleARN=role) == (
        "ValidationError",
        f"Role {role} is invalid or cannot be assumed",
    )
    assert refusal(client.describe_stacks, StackName=name)[0] == "ValidationError"


@pytest.mark.parametrize("with_boundary", [True, False])
def test_stack_when_roles_need_a_boundary(target, learner, stacks, account, with_boundary):
    """A caller who may make roles only with a boundary can make none without it, in a stack either."""
    iam = target.client("iam")
    boundary = iam.create_policy(
        PolicyName=f"test-{uuid.uuid4().hex[:8]}", PolicyDocument=document(allow("dynamodb:*"))
    )["Policy"]["Arn"]
    roles = ["iam:CreateRole", "iam:PutRolePolicy", "iam:AttachRolePolicy"]
    learner.may(
        allow(["cloudformation:*", "iam:GetRole", "iam:DeleteRole", "iam:List*"]),
        allow(
            roles, f"arn:aws:iam::{account}:role/*", Condition={"StringEquals": {"iam:PermissionsBoundary": boundary}}
        ),
    )
    template = ROLE % (boundary if with_boundary else "!Ref AWS::NoValue")
    stacks.append(learner.create(template))
    status, reason = settled(target, stacks[0])
    assert status == ("CREATE_COMPLETE" if with_boundary else "CREATE_FAILED")
    assert with_boundary or "is not authorized to perform: iam:CreateRole on resource: " in reason


@pytest.mark.parametrize(
    ("statement", "allowed"),
    [
        (allow("cloudformation:DescribeStacks"), True),
        (allow("cloudformation:*", "arn:aws:cloudformation:*:*:stack/own-*"), False),
        (deny("cloudformation:*"), False),
    ],
)
def test_stacks_when_read_by_a_learner(target, learner, stacks, account, statement, allowed):
    """Reading a stack needs the permission for its ARN."""
    stacks.append(f"test-{uuid.uuid4().hex[:10]}")
    target.client("cloudformation").create_stack(
        StackName=stacks[0], TemplateBody=json.dumps({"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}})
    )
    settled(target, stacks[0])
    learner.may(statement)

    def seen() -> bool:
        try:
            return bool(learner.client("cloudformation").describe_stacks(StackName=stacks[0]))
        except ClientError as error:
            assert error.response["Error"]["Code"] == "AccessDenied"
            assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 403
            return False

    eventually(seen, lambda may: may is allowed, f"{allowed}")

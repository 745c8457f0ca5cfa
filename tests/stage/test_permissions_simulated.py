"""IAM's policy simulator says what is enforced."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.stage.roles import allow, client_with, create_role, deny, document, set_statements
from tests.stage.target import REGION, Target, table_of_ids
from tests.stage.waiting import eventually


@pytest.fixture(scope="module")
def account(target) -> str:
    return target.client("sts").get_caller_identity()["Account"]


@pytest.fixture(scope="module")
def table(target):
    with table_of_ids(target) as name:
        yield name


@pytest.fixture(scope="module")
def table_arn(account, table) -> str:
    return f"arn:aws:dynamodb:{REGION}:{account}:table/{table}"


@pytest.fixture(scope="module")
def role(target, account) -> str:
    return create_role(target, trusted={"AWS": account})


@pytest.fixture(scope="module")
def credentials(target, role) -> list[str]:
    made = eventually(lambda: _session(target, role), lambda seen: seen is not None, "the new role")
    return [made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"]]


def _session(target: Target, role: str) -> Any:
    try:
        return target.client("sts").assume_role(RoleArn=role, RoleSessionName="bob")["Credentials"]
    except ClientError:
        return None


def simulated(target: Target, role: str, actions: list[str], resource: str, **others: Any) -> list[str]:
    """The decision about each action."""
    answer = target.client("iam").simulate_principal_policy(
        PolicySourceArn=role, ActionNames=actions, ResourceArns=[resource], **others
    )
    return [result["EvalDecision"] for result in answer["EvaluationResults"]]


POLICIES = {
    "nothing": [],
    "all": [allow("*")],
    "one action": [allow("dynamodb:Scan", "{table}")],
    "one denied": [allow("dynamodb:*"), deny("dynamodb:PutItem", "{table}")],
    "another table": [allow("dynamodb:*", "{table}2")],
    "not actions": [{"Effect": "Allow", "NotAction": "dynamodb:Put*", "Resource": "{table}"}],
    "by tag of nobody": [allow("dynamodb:*", "{table}", Condition={"StringEquals": {"aws:PrincipalTag/team": "red"}})],
    "in a region": [
        allow("dynamodb:*", "{table}", Condition={"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/*"}})
    ],
}


@pytest.mark.parametrize("name", POLICIES)
def test_simulation_when_compared_with_calls(target, role, credentials, table, table_arn, name):
    """For each policy the simulator allows exactly the calls that are then served."""
    statements = [
        {**statement, "Resource": str(statement["Resource"]).replace("{table}", table_arn)}
        for statement in POLICIES[name]
    ]
    set_statements(target, role, *statements)
    client = client_with(target, credentials, "dynamodb")
    calls = {
        "dynamodb:PutItem": lambda: client.put_item(TableName=table, Item={"id": {"S": "1"}}),
        "dynamodb:GetItem": lambda: client.get_item(TableName=table, Key={"id": {"S": "1"}}),
        "dynamodb:Scan": lambda: client.scan(TableName=table),
    }
    decisions = simulated(target, role, list(calls), table_arn)

    def served() -> list[str]:
        return ["allowed" if _is_served(call) else "denied" for call in calls.values()]

    expected = ["allowed" if decision == "allowed" else "denied" for decision in decisions]
    eventually(served, lambda seen: seen == expected, f"{expected}")
    assert set(decisions) == {
        "nothing": {"implicitDeny"},
        "all": {"allowed"},
        "another table": {"implicitDeny"},
        "one denied": {"explicitDeny", "allowed"},
        "by tag of nobody": {"implicitDeny"},
        "in a region": {"allowed"},
    }.get(name, {"allowed", "implicitDeny"})


def _is_served(call) -> bool:
    try:
        call()
        return True
    except ClientError as error:
        assert error.response["Error"]["Code"] == "AccessDeniedException"
        return False


def test_simulation_when_more_is_given(target, role, table_arn):
    """Policies, context keys and a boundary can be added to the principal's own."""
    set_statements(target, role)
    scan = ["dynamodb:Scan"]
    assert simulated(target, role, scan, table_arn) == ["implicitDeny"]
    given = [document(allow("dynamodb:*", Condition={"StringEquals": {"aws:RequestedRegion": "us-east-1"}}))]
    assert simulated(target, role, scan, table_arn, PolicyInputList=given) == ["implicitDeny"]
    entries = [{"ContextKeyName": "aws:RequestedRegion", "ContextKeyValues": ["us-east-1"], "ContextKeyType": "string"}]
    assert simulated(target, role, scan, table_arn, PolicyInputList=given, ContextEntries=entries) == ["allowed"]
    answer = target.client("iam").simulate_principal_policy(
        PolicySourceArn=role,
        ActionNames=scan,
        ResourceArns=[table_arn],
        PolicyInputList=given,
        PermissionsBoundaryPolicyInputList=[document(allow("s3:*"))],
    )["EvaluationResults"][0]
    assert answer["MissingContextValues"] == ["aws:RequestedRegion"]
    assert answer["PermissionsBoundaryDecisionDetail"] == {"AllowedByPermissionsBoundary": False}


def test_simulation_when_no_principal_is_named(target):
    """SimulateCustomPolicy weighs policies that nobody has, on all resources unless some are named."""
    results = target.client("iam").simulate_custom_policy(
        PolicyInputList=[document(allow("s3:Get*", "arn:aws:s3:::b/*"), deny("s3:GetObjectAcl"))],
        ActionNames=["s3:GetObject", "s3:GetObjectAcl", "s3:PutObject"],
        ResourceArns=["arn:aws:s3:::b/k"],
    )
    assert [result["EvalDecision"] for result in results["EvaluationResults"]] == [
        "allowed",
        "explicitDeny",
        "implicitDeny",
    ]


def test_simulation_when_the_principal_does_not_exist(target, account):
    """A principal that does not exist is NoSuchEntity."""
    with pytest.raises(ClientError) as refused:
        simulated(target, f"arn:aws:iam::{account}:role/none-{uuid.uuid4().hex}", ["s3:GetObject"], "*")
    assert refused.value.response["Error"]["Code"] == "NoSuchEntity"


def test_user_when_its_boundary_is_narrow(target, account):
    """A user's policies, its groups' and its boundary count for its keys, from the moment they are set."""
    iam, name = target.client("iam"), f"test-{uuid.uuid4().hex[:10]}"
    boundary = iam.create_policy(PolicyName=name, PolicyDocument=document(allow("sqs:*")))["Policy"]["Arn"]
    iam.create_user(UserName=name, PermissionsBoundary=boundary)
    iam.create_group(GroupName=name)
    iam.add_user_to_group(UserName=name, GroupName=name)
    iam.put_group_policy(GroupName=name, PolicyName="all", PolicyDocument=document(allow("*")))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    credentials = [key["AccessKeyId"], key["SecretAccessKey"]]
    assert iam.get_user(UserName=name)["User"]["PermissionsBoundary"]["PermissionsBoundaryArn"] == boundary
    eventually(lambda: _may(target, credentials, "sqs", "list_queues"), lambda why: why == "", "the new key")
    assert _may(target, credentials, "sns", "list_topics").endswith(
        f"User: arn:aws:iam::{account}:user/{name} is not authorized to perform: SNS:ListTopics on resource: "
        f"arn:aws:sns:{REGION}:{account}:* because no permissions boundary allows the SNS:ListTopics action"
    )
    iam.delete_user_permissions_boundary(UserName=name)
    eventually(lambda: _may(target, credentials, "sns", "list_topics"), lambda why: why == "", "no boundary")
    iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])
    iam.delete_group_policy(GroupName=name, PolicyName="all")
    iam.remove_user_from_group(UserName=name, GroupName=name)
    iam.delete_group(GroupName=name)
    iam.delete_user(UserName=name)
    iam.delete_policy(PolicyArn=boundary)


def _may(target: Target, credentials: list[str], service: str, operation: str) -> str:
    """Why a call is denied, "" if it is served."""
    try:
        getattr(client_with(target, credentials, service), operation)()
        return ""
    except ClientError as error:
        return str(error)

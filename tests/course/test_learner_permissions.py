"""What the learner's role of instructor.yaml does not allow: others' things, roles without the boundary, more permissions."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from localstage import LocalStage
from tests.course.instructed_learner import Learner, prepare
from tests.stage.target import StageTarget, package

TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
)
EVERYTHING = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
REACHING_OUT = """
import boto3

def handler(event, context):
    boto3.client("dynamodb").put_item(TableName=event["table"], Item={"id": {"S": "1"}})
    return "done"
"""
ROLE_IN_A_STACK = json.dumps(
    {
        "Resources": {
            "Role": {
                "Type": "AWS::IAM::Role",
                "Properties": {"RoleName": "ann-from-a-stack", "AssumeRolePolicyDocument": json.loads(TRUST)},
            }
        }
    }
)
ACCOUNT = "123456789012"


@pytest.fixture(scope="module")
def room(emptied: LocalStage) -> tuple[StageTarget, Learner]:
    """An account with two learners, ann and bob; bob has a table, an API and a stack. Tests are ann."""
    admin = StageTarget(emptied)
    ann, bob = (prepare(admin, prefix) for prefix in ("ann", "bob"))
    for prefix in ("ann", "bob"):
        admin.client("dynamodb").create_table(
            TableName=f"{prefix}-things",
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        )
    bob.client("apigatewayv2").create_api(
        Name="bob-chat-api",
        ProtocolType="WEBSOCKET",
        Tags={"owner": "bob"},
        RouteSelectionExpression="$request.body.action",
    )
    bob.client("cloudformation").create_stack(
        StackName="bob-stack",
        TemplateBody=json.dumps(
            {"Resources": {"Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "bob-chat-bucket"}}}}
        ),
    )
    return admin, ann


@pytest.fixture
def ann(room: tuple[StageTarget, Learner]) -> Learner:
    return room[1]


@pytest.fixture
def admin(room: tuple[StageTarget, Learner]) -> StageTarget:
    return room[0]


def denied(call: Callable[..., Any], **arguments: Any) -> bool:
    """Whether AWS refuses the call for want of permission; any other error fails the test."""
    try:
        call(**arguments)
    except ClientError as error:
        assert "AccessDenied" in error.response["Error"]["Code"], error
        return True
    return False


def test_learner_when_things_belong_to_somebody_else(ann: Learner) -> None:
    """Tables, functions, stacks, buckets and logs under another prefix are refused."""
    table = dict(TableName="bob-things")
    assert denied(ann.client("dynamodb").put_item, **table, Item={"id": {"S": "1"}})
    assert denied(ann.client("dynamodb").scan, **table)
    assert denied(ann.client("dynamodb").delete_table, **table)
    assert denied(ann.client("lambda").get_function, FunctionName="bob-default")
    assert denied(ann.client("cloudformation").delete_stack, StackName="bob-stack")
    assert denied(ann.client("s3").list_objects_v2, Bucket="bob-chat-bucket")
    assert denied(ann.client("logs").delete_log_group, logGroupName="/aws/lambda/bob-default")
    assert not denied(ann.client("dynamodb").put_item, TableName="ann-things", Item={"id": {"S": "1"}})


def test_learner_when_an_api_belongs_to_somebody_else(ann: Learner) -> None:
    """An API with another owner's tag may not be changed or deleted, and none be made without one's own tag."""
    gateway = ann.client("apigatewayv2")
    [theirs] = [api["ApiId"] for api in gateway.get_apis()["Items"] if api["Name"] == "bob-chat-api"]
    assert denied(gateway.delete_api, ApiId=theirs)
    assert denied(gateway.update_api, ApiId=theirs, Name="mine")
    assert denied(gateway.create_route, ApiId=theirs, RouteKey="$default")
    api = dict(Name="ann-chat-api", ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.action")
    assert denied(gateway.create_api, **api)
    assert denied(gateway.create_api, **api, Tags={"owner": "bob"})
    own = gateway.create_api(**api, Tags={"owner": "ann"})["ApiId"]
    gateway.create_route(ApiId=own, RouteKey="$default")
    gateway.delete_api(ApiId=own)


def test_learner_when_a_role_is_made_without_the_boundary(ann: Learner, admin: StageTarget) -> None:
    """A role needs the prefix and this very boundary, in a stack too; with them it may be made."""
    iam, role = ann.client("iam"), dict(AssumeRolePolicyDocument=TRUST)
    assert denied(iam.create_role, RoleName="ann-free", **role)
    assert denied(
        iam.create_role, RoleName="ann-free", **role, PermissionsBoundary="arn:aws:iam::aws:policy/AdministratorAccess"
    )
    assert denied(iam.create_role, RoleName="bob-role", **role, PermissionsBoundary=ann.boundary)
    formation = ann.client("cloudformation")
    formation.create_stack(StackName="ann-free", TemplateBody=ROLE_IN_A_STACK, Capabilities=["CAPABILITY_NAMED_IAM"])
    events = formation.describe_stack_events(StackName="ann-free")["StackEvents"]
    assert any("iam:CreateRole" in event.get("ResourceStatusReason", "") for event in events)
    assert not [entry for entry in admin.client("iam").list_roles()["Roles"] if entry["RoleName"].startswith("ann-f")]
    iam.create_role(RoleName="ann-bound", **role, PermissionsBoundary=ann.boundary)
    iam.delete_role(RoleName="ann-bound")


def test_learner_when_the_boundary_is_in_the_way(ann: Learner) -> None:
    """The boundary cannot be taken from a role, nor be changed itself."""
    iam = ann.client("iam")
    iam.create_role(RoleName="ann-kept", AssumeRolePolicyDocument=TRUST, PermissionsBoundary=ann.boundary)
    assert denied(iam.delete_role_permissions_boundary, RoleName="ann-kept")
    assert denied(
        iam.put_role_permissions_boundary,
        RoleName="ann-kept",
        PermissionsBoundary="arn:aws:iam::aws:policy/AdministratorAccess",
    )
    assert denied(iam.create_policy_version, PolicyArn=ann.boundary, PolicyDocument=EVERYTHING, SetAsDefault=True)
    assert denied(iam.delete_policy, PolicyArn=ann.boundary)
    iam.delete_role(RoleName="ann-kept")


def test_learner_when_reaching_for_more_rights(ann: Learner) -> None:
    """The own role, other learners' roles, users and keys are out of reach."""
    iam = ann.client("iam")
    assert denied(iam.put_role_policy, RoleName="chat-learner-ann", PolicyName="more", PolicyDocument=EVERYTHING)
    assert denied(iam.update_assume_role_policy, RoleName="chat-learner-bob", PolicyDocument=TRUST)
    assert denied(iam.create_user, UserName="ann-second")
    assert denied(iam.create_access_key, UserName="ann-second")
    assert denied(
        ann.client("sts").assume_role, RoleArn=f"arn:aws:iam::{ACCOUNT}:role/chat-learner-bob", RoleSessionName="ann"
    )
    assert denied(
        ann.client("lambda").create_function,
        FunctionName="ann-taker",
        Runtime="python3.13",
        Handler="handler.handler",
        Role=f"arn:aws:iam::{ACCOUNT}:role/chat-learner-ann",
        Code={"ZipFile": package(REACHING_OUT)},
    )


def test_function_when_its_role_was_given_everything(ann: Learner) -> None:
    """A function whose role has every permission still reaches no table but those of the prefix: the boundary holds."""
    iam, lambda_ = ann.client("iam"), ann.client("lambda")
    role = iam.create_role(RoleName="ann-mighty", AssumeRolePolicyDocument=TRUST, PermissionsBoundary=ann.boundary)[
        "Role"
    ]["Arn"]
    iam.put_role_policy(RoleName="ann-mighty", PolicyName="all", PolicyDocument=EVERYTHING)
    lambda_.create_function(
        FunctionName="ann-mighty",
        Runtime="python3.13",
        Role=role,
        Handler="handler.handler",
        Timeout=20,
        Code={"ZipFile": package(REACHING_OUT)},
    )
    lambda_.get_waiter("function_active_v2").wait(FunctionName="ann-mighty")
    answers = [
        json.loads(lambda_.invoke(FunctionName="ann-mighty", Payload=json.dumps({"table": table}))["Payload"].read())
        for table in ("ann-things", "bob-things")
    ]
    assert answers[0] == "done"
    assert "not authorized to perform: dynamodb:PutItem" in answers[1]["errorMessage"]
    lambda_.delete_function(FunctionName="ann-mighty")
    iam.delete_role_policy(RoleName="ann-mighty", PolicyName="all")
    iam.delete_role(RoleName="ann-mighty")


def test_budget_when_an_address_is_given(admin: StageTarget, ann: Learner) -> None:
    """Each learner has a monthly budget on the own tag, with a warning at 80 percent and one ahead of time."""
    budgets = admin.client("budgets")
    budget = budgets.describe_budget(AccountId=ACCOUNT, BudgetName="chat-ann")["Budget"]
    assert (budget["BudgetType"], budget["TimeUnit"], float(budget["BudgetLimit"]["Amount"])) == (
        "COST",
        "MONTHLY",
        5.0,
    )
    assert budget["CostFilters"] == {"TagKeyValue": ["user:owner$ann"]}
    warnings = budgets.describe_notifications_for_budget(AccountId=ACCOUNT, BudgetName="chat-ann")["Notifications"]
    assert [(warning["NotificationType"], warning["Threshold"]) for warning in warnings] == [
        ("ACTUAL", 80.0),
        ("FORECASTED", 100.0),
    ]
    assert denied(ann.client("budgets").delete_budget, AccountId=ACCOUNT, BudgetName="chat-ann")

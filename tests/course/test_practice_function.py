"""The practice function: which API may call it, what its role may do, and what is left when it ends."""

from __future__ import annotations

import json

import pytest

from classroom.account import packages, steps
from classroom.account.account import Account
from classroom.account.target import Target
from classroom.labs.practice import Practice
from tests.course.account_picture import picture

PACKAGE = packages.package_of({"practice.py": "def lambda_handler(event, context):\n    return {'statusCode': 200}\n"})


@pytest.fixture
def account(led_to_the_stage):
    """The account of a learner whom no other test knows."""
    return Account(Target("moto", "practised", "us-east-1", "123456789012"))


def may_call(account: Account) -> list[str]:
    """The ids of the APIs that may call the function."""
    policy = account.client("lambda").get_policy(FunctionName=account.name("practice"))["Policy"]
    sources = [one["Condition"]["ArnLike"]["AWS:SourceArn"] for one in json.loads(policy)["Statement"]]
    return [source.split(":")[5].split("/")[0] for source in sources]


def test_practice_function_when_another_api_is_given_it(account):
    """Serving gives the permission to the API that is served now, and again after a cell took it away."""
    api_id = str(steps.set_up(account, 3).api_id)
    before = picture(account)
    first = Practice(account, "of-another-run")
    first.release("practice.lambda_handler", PACKAGE)
    practice = Practice(account, api_id)
    practice.release("practice.lambda_handler", PACKAGE)
    practice.serve("sendMessage")
    assert may_call(account) == [api_id]
    account.client("lambda").remove_permission(FunctionName=practice.name, StatementId="practice")
    practice.serve("sendMessage")
    assert may_call(account) == [api_id]
    practice.end()
    assert picture(account) == before


def test_practice_function_when_permissions_are_changed(account):
    """The role may do what was permitted last and nothing else, and nothing at all before."""
    steps.set_up(account, 3)
    practice = Practice(account, "any-api")
    iam = account.client("iam")
    assert iam.list_role_policies(RoleName=practice.name)["PolicyNames"] == []
    for action in ("logs:CreateLogStream", "dynamodb:Scan"):
        practice.permit({"Effect": "Allow", "Action": action, "Resource": "*"})
        document = iam.get_role_policy(RoleName=practice.name, PolicyName="practice")["PolicyDocument"]
        assert [one["Action"] for one in document["Statement"]] == [action]
    practice.permit()
    assert iam.list_role_policies(RoleName=practice.name)["PolicyNames"] == []

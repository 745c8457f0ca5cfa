"""Roles, users and functions with exactly the statements that a test gives them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.stage.target import REGION, StageTarget, Target, new_name, package
from tests.stage.waiting import eventually

Statement = Mapping[str, Any]
LAMBDA = {"Service": "lambda.amazonaws.com"}
BASIC = {
    "Effect": "Allow",
    "Action": ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"],
    "Resource": "*",
}


def document(*statements: Statement) -> str:
    """A policy of these statements, as text."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action: str | list[str], resource: str | list[str] = "*", **others: Any) -> Statement:
    """A statement that allows."""
    return {"Effect": "Allow", "Action": action, "Resource": resource, **others}


def deny(action: str | list[str], resource: str | list[str] = "*") -> Statement:
    """A statement that denies."""
    return {"Effect": "Deny", "Action": action, "Resource": resource}


def create_role(target: Target, *statements: Statement, trusted: Mapping[str, Any] = LAMBDA, **others: Any) -> str:
    """A role that ``trusted`` may assume; returns its ARN. Its one policy is named ``own``."""
    name = new_name()
    iam = target.client("iam")
    arn = iam.create_role(
        RoleName=name,
        AssumeRolePolicyDocument=document({"Effect": "Allow", "Principal": trusted, "Action": "sts:AssumeRole"}),
        **others,
    )["Role"]["Arn"]
    set_statements(target, arn, *statements)
    return arn


def set_statements(target: Target, role_arn: str, *statements: Statement) -> None:
    """Gives the role these statements and no others."""
    iam, name = target.client("iam"), role_arn.rpartition("/")[2]
    if statements:
        iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=document(*statements))
    elif iam.list_role_policies(RoleName=name)["PolicyNames"]:
        iam.delete_role_policy(RoleName=name, PolicyName="own")


def function_of(target: Target, role_arn: str, source: str, **configuration: Any) -> str:
    """A function with this role; returns its ARN."""
    lambda_ = target.client("lambda")
    arguments = {
        "FunctionName": new_name(),
        "Runtime": "python3.13",
        "Role": role_arn,
        "Handler": "handler.handler",
        "Code": {"ZipFile": package(source)},
        **configuration,
    }

    def create() -> str:
        try:
            return lambda_.create_function(**arguments)["FunctionArn"]
        except ClientError as error:  # A new role is not known to Lambda at once.
            if "cannot be assumed by Lambda" not in str(error):
                raise
            return ""

    arn = eventually(create, bool, "the role to be known to Lambda")
    lambda_.get_waiter("function_active_v2").wait(FunctionName=arn)
    return arn


def answer_of(target: Target, function_arn: str, event: Any) -> Any:
    """What a function returns for an event."""
    answer = target.client("lambda").invoke(FunctionName=function_arn, Payload=json.dumps(event))
    result = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, result
    return result


def client_with(target: Target, credentials: Sequence[str], service: str, **options: Any) -> Any:
    """A client with other credentials than the test's own: key, secret and, of a session, its token."""
    if isinstance(target, StageTarget):
        options = {
            "verify": target._bundle,
            "config": Config(proxies={"https": target.stage.url}, retries={"max_attempts": 0}),
            **options,
        }
    return boto3.Session(*credentials, region_name=REGION).client(service, **options)

"""Lambda, IAM and CloudWatch Logs at AWS's pace: what a program that does not wait meets."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.stage.target import package

_ASSUME_ROLE = json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]})
LISTING_TABLES = """
import boto3
from botocore.exceptions import ClientError

def handler(event, context):
    try:
        boto3.client("dynamodb").list_tables()
        return "allowed"
    except ClientError as error:
        return error.response["Error"]["Code"]
"""
_LOGS = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "logs:*", "Resource": "*"}]})


def answering(word: str) -> bytes:
    """The package of a function that prints and returns a word."""
    return package(f"def handler(event, context):\n    print({word!r})\n    return {word!r}\n")


@pytest.fixture
def functions(moved):
    """A client of Lambda on a stage whose time the test moves."""
    return moved.client("lambda")


@pytest.fixture
def role(moved) -> str:
    """The ARN of a role that Lambda can assume, which may write logs."""
    arn = new_role(moved)
    moved.move(2)
    return arn


def new_role(moved) -> str:
    iam, name = moved.client("iam"), f"test-{uuid.uuid4().hex[:12]}"
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=_ASSUME_ROLE)["Role"]["Arn"]
    iam.put_role_policy(RoleName=name, PolicyName="logs", PolicyDocument=_LOGS)
    return arn


def create(functions, role: str, code: bytes = b"") -> dict[str, Any]:
    return functions.create_function(FunctionName=f"test-{uuid.uuid4().hex[:12]}", Runtime="python3.13", Role=role,
                                     Handler="handler.handler", Code={"ZipFile": code or answering("old")})


@pytest.fixture
def function(moved, functions, role) -> str:
    """The name of a function that is Active."""
    name = create(functions, role)["FunctionName"]
    moved.move(1)
    return name


def error_of(call, **arguments: Any) -> tuple[str, str]:
    """The code and the text of the error that a call answers with."""
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return caught.value.response["Error"]["Code"], caught.value.response["Error"]["Message"]


def result_of(functions, name: str) -> str:
    return json.loads(functions.invoke(FunctionName=name)["Payload"].read())


def test_role_when_it_was_just_made(moved, functions):
    """Lambda cannot assume a new role for some seconds."""
    role = new_role(moved)
    refused = {"FunctionName": "early", "Runtime": "python3.13", "Role": role, "Handler": "handler.handler",
               "Code": {"ZipFile": answering("old")}}
    assert error_of(functions.create_function, **refused) == (
        "InvalidParameterValueException", "The role defined for the function cannot be assumed by Lambda.")
    moved.move(2)
    create(functions, role)


def test_function_when_it_was_just_made(moved, functions, role):
    """A function is Pending and can be neither invoked nor changed; then it is Active."""
    made = create(functions, role)
    name = made["FunctionName"]
    assert (made["State"], made["StateReasonCode"]) == ("Pending", "Creating")
    assert functions.get_function(FunctionName=name)["Configuration"]["State"] == "Pending"
    pending = ("ResourceConflictException", "The operation cannot be performed at this time. "
               "The function is currently in the following state: Pending")
    assert error_of(functions.invoke, FunctionName=name) == pending
    assert error_of(functions.invoke, FunctionName=name, InvocationType="Event") == pending
    assert error_of(functions.update_function_code, FunctionName=name, ZipFile=answering("new")) == pending
    assert error_of(functions.publish_version, FunctionName=name) == pending
    moved.move(1)
    configuration = functions.get_function_configuration(FunctionName=name)
    assert (configuration["State"], configuration["LastUpdateStatus"]) == ("Active", "Successful")
    assert result_of(functions, name) == "old"


def test_function_when_it_is_updated(moved, functions, function):
    """While an update is in progress the old code runs and a second update is refused; then the new code runs."""
    assert result_of(functions, function) == "old"
    updated = functions.update_function_code(FunctionName=function, ZipFile=answering("new"))
    assert (updated["State"], updated["LastUpdateStatus"]) == ("Active", "InProgress")
    assert result_of(functions, function) == "old"
    assert error_of(functions.update_function_configuration, FunctionName=updated["FunctionArn"], Timeout=5) == (
        "ResourceConflictException", "The operation cannot be performed at this time. "
        f"An update is in progress for resource: {updated['FunctionArn']}")
    moved.move(1)
    assert functions.get_function(FunctionName=function)["Configuration"]["LastUpdateStatus"] == "Successful"
    assert result_of(functions, function) == "new"


def test_policy_when_it_was_just_changed(moved, functions, role):
    """A policy that is put or deleted through IAM counts a moment later."""
    name = create(functions, role, package(LISTING_TABLES))["FunctionName"]
    moved.move(1)
    iam, own = moved.client("iam"), {"RoleName": role.rpartition("/")[2], "PolicyName": "tables"}
    assert result_of(functions, name) == "AccessDeniedException"
    iam.put_role_policy(**own, PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "dynamodb:ListTables", "Resource": "*"}]}))
    assert result_of(functions, name) == "AccessDeniedException"
    moved.move(1)
    assert result_of(functions, name) == "allowed"
    iam.delete_role_policy(**own)
    assert result_of(functions, name) == "allowed"
    moved.move(1)
    assert result_of(functions, name) == "AccessDeniedException"


def test_log_lines_when_a_function_has_just_run(moved, functions, function):
    """What a function prints can be read a moment later; before there is not even a log group."""
    logs = moved.client("logs")
    functions.invoke(FunctionName=function)
    group = f"/aws/lambda/{function}"
    assert error_of(logs.filter_log_events, logGroupName=group)[0] == "ResourceNotFoundException"
    moved.move(1)
    assert "old\n" in [event["message"] for event in logs.filter_log_events(logGroupName=group)["events"]]

"""Lambda, IAM and CloudWatch Logs at AWS's pace: what a program that does not wait meets."""

from __future__ import annotations

import json

import pytest

from tests.stage.moved_functions import (
    active_function,
    answering,
    create_function,
    error_of,
    new_role,
    ready_role,
    result_of,
)
from tests.stage.target import package

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


@pytest.fixture
def functions(moved):
    """A client of Lambda on a stage whose time the test moves."""
    return moved.client("lambda")


def test_role_when_it_was_just_made(moved, functions):
    """Lambda cannot assume a new role for some seconds."""
    role = new_role(moved)
    refused = {
        "FunctionName": "early",
        "Runtime": "python3.13",
        "Role": role,
        "Handler": "handler.handler",
        "Code": {"ZipFile": answering("old")},
    }
    assert error_of(functions.create_function, **refused) == (
        "InvalidParameterValueException",
        "The role defined for the function cannot be assumed by Lambda.",
    )
    moved.move(2)
    create_function(moved, role, answering("old"))


def test_function_when_it_was_just_made(moved, functions):
    """A function is Pending and can be neither invoked nor changed; then it is Active."""
    made = create_function(moved, ready_role(moved), answering("old"))
    name = made["FunctionName"]
    assert (made["State"], made["StateReasonCode"]) == ("Pending", "Creating")
    assert functions.get_function(FunctionName=name)["Configuration"]["State"] == "Pending"
    pending = (
        "ResourceConflictException",
        "The operation cannot be performed at this time. The function is currently in the following state: Pending",
    )
    assert error_of(functions.invoke, FunctionName=name) == pending
    assert error_of(functions.invoke, FunctionName=name, InvocationType="Event") == pending
    assert error_of(functions.update_function_code, FunctionName=name, ZipFile=answering("new")) == pending
    assert error_of(functions.publish_version, FunctionName=name) == pending
    moved.move(1)
    configuration = functions.get_function_configuration(FunctionName=name)
    assert (configuration["State"], configuration["LastUpdateStatus"]) == ("Active", "Successful")
    assert result_of(moved, name) == "old"


def test_function_when_it_is_updated(moved, functions):
    """While an update is in progress the old code runs and a second update is refused; then the new code runs."""
    function = active_function(moved, answering("old"))
    assert result_of(moved, function) == "old"
    updated = functions.update_function_code(FunctionName=function, ZipFile=answering("new"))
    assert (updated["State"], updated["LastUpdateStatus"]) == ("Active", "InProgress")
    assert result_of(moved, function) == "old"
    assert error_of(functions.update_function_configuration, FunctionName=updated["FunctionArn"], Timeout=5) == (
        "ResourceConflictException",
        "The operation cannot be performed at this time. "
        f"An update is in progress for resource: {updated['FunctionArn']}",
    )
    moved.move(1)
    assert functions.get_function(FunctionName=function)["Configuration"]["LastUpdateStatus"] == "Successful"
    assert result_of(moved, function) == "new"


def test_policy_when_it_was_just_changed(moved):
    """A policy that is put or deleted through IAM counts a moment later."""
    role = ready_role(moved)
    name = create_function(moved, role, package(LISTING_TABLES))["FunctionName"]
    moved.move(1)
    iam, own = moved.client("iam"), {"RoleName": role.rpartition("/")[2], "PolicyName": "tables"}
    assert result_of(moved, name) == "AccessDeniedException"
    iam.put_role_policy(
        **own,
        PolicyDocument=json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": [{"Effect": "Allow", "Action": "dynamodb:ListTables", "Resource": "*"}],
            }
        ),
    )
    assert result_of(moved, name) == "AccessDeniedException"
    moved.move(1)
    assert result_of(moved, name) == "allowed"
    iam.delete_role_policy(**own)
    assert result_of(moved, name) == "allowed"
    moved.move(1)
    assert result_of(moved, name) == "AccessDeniedException"


def test_log_lines_when_a_function_has_just_run(moved, functions):
    """What a function prints can be read a moment later; before there is not even a log group."""
    function = active_function(moved, answering("old"))
    logs = moved.client("logs")
    functions.invoke(FunctionName=function)
    group = f"/aws/lambda/{function}"
    assert error_of(logs.filter_log_events, logGroupName=group)[0] == "ResourceNotFoundException"
    moved.move(1)
    assert "old\n" in [event["message"] for event in logs.filter_log_events(logGroupName=group)["events"]]

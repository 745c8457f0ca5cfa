"""CloudFormation at AWS's pace: operations that take time, and what is refused meanwhile."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError

from localstage.door.delays import Delays
from tests.stage.moved_functions import error_of, result_of


def topics(*names: str, **more: Any) -> str:
    """A template with topics of these logical ids, made one after the other."""
    resources: dict[str, Any] = {}
    for name, before in zip(names, (None, *names), strict=False):
        resources[name] = {"Type": "AWS::SNS::Topic", **({"DependsOn": before} if before else {})}
    return json.dumps({"Resources": {**resources, **more}, "Outputs": {"First": {"Value": {"Ref": names[0]}}}})


REFUSED = {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "not a name"}, "DependsOn": "A"}
STEP_S = Delays().stack_step_s
DONE_S = 10
"""More than any of these operations takes."""


@pytest.fixture
def stacks(moved):
    """A client of CloudFormation on a stage whose time the test moves."""
    return moved.client("cloudformation")


@pytest.fixture
def name() -> str:
    return f"test-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def stack(moved, stacks, name) -> str:
    """The name of a complete stack with two topics."""
    stacks.create_stack(StackName=name, TemplateBody=topics("A", "B"))
    moved.move(DONE_S)
    return name


def shown(stacks, name: str) -> dict[str, Any]:
    return stacks.describe_stacks(StackName=name)["Stacks"][0]


def status_of(stacks, name: str) -> str:
    return shown(stacks, name)["StackStatus"]


def events_of(stacks, name: str) -> list[tuple[str, str]]:
    """Each event's logical id and status, oldest first."""
    events = stacks.describe_stack_events(StackName=name)["StackEvents"][::-1]
    return [(event["LogicalResourceId"], event["ResourceStatus"]) for event in events]


def statuses_until_the_end(moved, stacks, name: str) -> list[str]:
    """The statuses that a stack goes through, in steps of one pause."""
    seen = [status_of(stacks, name)]
    for _ in range(round(DONE_S / STEP_S)):
        if not seen[-1].endswith("IN_PROGRESS"):
            break
        moved.move(STEP_S)
        status = status_of(stacks, name)
        seen += [status] if status != seen[-1] else []
    return seen


def test_stack_when_it_is_created(moved, stacks, name):
    """A stack is in progress, event after event; an update and a second creation are refused; outputs come last."""
    stack_id = stacks.create_stack(StackName=name, TemplateBody=topics("A", "B"))["StackId"]
    assert events_of(stacks, name) == [(name, "CREATE_IN_PROGRESS")]
    assert error_of(stacks.update_stack, StackName=name, TemplateBody=topics("A", "C")) == (
        "ValidationError",
        f"Stack:{stack_id} is in CREATE_IN_PROGRESS state and can not be updated.",
    )
    assert error_of(stacks.create_stack, StackName=name, TemplateBody=topics("A")) == (
        "AlreadyExistsException",
        f"Stack [{name}] already exists",
    )
    moved.move(STEP_S)
    assert events_of(stacks, name)[1:] == [("A", "CREATE_IN_PROGRESS"), ("A", "CREATE_IN_PROGRESS")]
    moved.move(STEP_S)
    assert events_of(stacks, name)[-1] == ("A", "CREATE_COMPLETE")
    assert "Outputs" not in shown(stacks, name) or shown(stacks, name)["Outputs"] == []
    moved.move(DONE_S)
    assert events_of(stacks, name)[-2:] == [("B", "CREATE_COMPLETE"), (name, "CREATE_COMPLETE")]
    assert [output["OutputKey"] for output in shown(stacks, name)["Outputs"]] == ["First"]


def test_stack_when_it_is_updated(moved, stacks, stack):
    """A stack that is being updated can be neither updated nor deleted."""
    stack_id = stacks.update_stack(StackName=stack, TemplateBody=topics("A", "C"))["StackId"]
    assert status_of(stacks, stack) == "UPDATE_IN_PROGRESS"
    refusal = f"Stack:{stack_id} is in UPDATE_IN_PROGRESS state and can not be updated."
    assert error_of(stacks.update_stack, StackName=stack, TemplateBody=topics("A")) == ("ValidationError", refusal)
    assert error_of(stacks.create_change_set, StackName=stack, ChangeSetName="late", TemplateBody=topics("A")) == (
        "ValidationError",
        refusal,
    )
    assert error_of(stacks.delete_stack, StackName=stack) == (
        "ValidationError",
        f"Stack [{stack_id}] cannot be deleted while in status UPDATE_IN_PROGRESS",
    )
    moved.move(DONE_S)
    assert status_of(stacks, stack) == "UPDATE_COMPLETE"
    assert [name for name, status in events_of(stacks, stack) if status == "DELETE_COMPLETE"] == ["B"]


def test_stack_when_its_creation_is_rolled_back(moved, stacks, name):
    """A failure leads to a roll-back that takes its time, too."""
    stacks.create_stack(StackName=name, TemplateBody=topics("A", "B", Bad=REFUSED))
    assert statuses_until_the_end(moved, stacks, name) == [
        "CREATE_IN_PROGRESS",
        "ROLLBACK_IN_PROGRESS",
        "ROLLBACK_COMPLETE",
    ]


def test_stack_when_its_update_is_rolled_back(moved, stacks, stack):
    """A failed update is undone step by step, and the stack is as it was."""
    stacks.update_stack(StackName=stack, TemplateBody=topics("A", "B", Bad=REFUSED))
    seen = statuses_until_the_end(moved, stacks, stack)
    assert (seen[:2], seen[-1]) == (["UPDATE_IN_PROGRESS", "UPDATE_ROLLBACK_IN_PROGRESS"], "UPDATE_ROLLBACK_COMPLETE")
    assert {
        resource["LogicalResourceId"] for resource in stacks.describe_stack_resources(StackName=stack)["StackResources"]
    } == {"A", "B"}


def test_stack_when_it_is_deleted(moved, stacks, stack):
    """A stack is DELETE_IN_PROGRESS, a second deletion is taken, and then only its id finds it."""
    stack_id = shown(stacks, stack)["StackId"]
    stacks.delete_stack(StackName=stack)
    stacks.delete_stack(StackName=stack)
    assert status_of(stacks, stack) == "DELETE_IN_PROGRESS"
    moved.move(DONE_S)
    assert error_of(stacks.describe_stacks, StackName=stack)[0] == "ValidationError"
    assert status_of(stacks, stack_id) == "DELETE_COMPLETE"


def test_stack_when_it_is_deleted_while_it_is_created(moved, stacks, name):
    """The creation ends where it was, and what was made is deleted."""
    stack_id = stacks.create_stack(StackName=name, TemplateBody=topics("A", "B", "C"))["StackId"]
    moved.move(3.5 * STEP_S)
    stacks.delete_stack(StackName=name)
    moved.move(DONE_S)
    assert status_of(stacks, stack_id) == "DELETE_COMPLETE"
    made = [logical_id for logical_id, status in events_of(stacks, stack_id) if status == "CREATE_IN_PROGRESS"]
    deleted = {logical_id for logical_id, status in events_of(stacks, stack_id) if status == "DELETE_COMPLETE"}
    assert "C" not in made
    assert deleted == {"A", "B", name}


def test_change_set_when_it_was_just_made(moved, stacks, stack):
    """A change set is CREATE_PENDING, then in progress, and cannot be executed before it is complete."""
    made = stacks.create_change_set(StackName=stack, ChangeSetName="more", TemplateBody=topics("A", "B", "C"))["Id"]

    def look() -> dict[str, Any]:
        return stacks.describe_change_set(ChangeSetName=made)

    assert (look()["Status"], look()["ExecutionStatus"], look()["Changes"]) == ("CREATE_PENDING", "UNAVAILABLE", [])
    assert error_of(stacks.execute_change_set, ChangeSetName=made) == (
        "InvalidChangeSetStatus",
        f"ChangeSet [{made}] cannot be executed in its current status of [CREATE_PENDING]",
    )
    moved.move(0.5)
    assert look()["Status"] == "CREATE_IN_PROGRESS"
    moved.move(0.5)
    assert (look()["Status"], look()["ExecutionStatus"], len(look()["Changes"])) == ("CREATE_COMPLETE", "AVAILABLE", 1)
    stacks.execute_change_set(ChangeSetName=made)
    assert (status_of(stacks, stack), look()["ExecutionStatus"]) == ("UPDATE_IN_PROGRESS", "EXECUTE_IN_PROGRESS")
    moved.move(DONE_S)
    assert (status_of(stacks, stack), look()["ExecutionStatus"]) == ("UPDATE_COMPLETE", "EXECUTE_COMPLETE")


def test_change_sets_when_two_would_create_one_stack(moved, stacks, name):
    """While one CREATE change set is executed another cannot be; the stack is that of the first."""
    for change_set, topic in (("one", "A"), ("two", "B")):
        stacks.create_change_set(
            StackName=name, ChangeSetName=change_set, ChangeSetType="CREATE", TemplateBody=topics(topic)
        )
    moved.move(1)
    stacks.execute_change_set(StackName=name, ChangeSetName="one")
    code, message = error_of(stacks.execute_change_set, StackName=name, ChangeSetName="two")
    assert code == "ValidationError"
    assert message.endswith("is in CREATE_IN_PROGRESS state and can not be updated.")
    moved.move(DONE_S)
    assert status_of(stacks, name) == "CREATE_COMPLETE"
    made = stacks.describe_stack_resources(StackName=name)["StackResources"]
    assert [resource["LogicalResourceId"] for resource in made] == ["A"]


def test_change_set_when_it_has_no_changes(moved, stacks, stack):
    """That there is nothing to change is told by a change set that fails later, not by the call."""
    made = stacks.create_change_set(StackName=stack, ChangeSetName="none", TemplateBody=topics("A", "B"))["Id"]
    moved.move(1)
    assert stacks.describe_change_set(ChangeSetName=made)["Status"] == "FAILED"


def test_function_when_its_stack_is_complete(moved, stacks, name):
    """CloudFormation waits for roles and functions: what a complete stack has can be used at once."""
    body = {
        "Resources": {
            "Role": {
                "Type": "AWS::IAM::Role",
                "Properties": {
                    "AssumeRolePolicyDocument": {
                        "Version": "2012-10-17",
                        "Statement": [
                            {
                                "Effect": "Allow",
                                "Action": "sts:AssumeRole",
                                "Principal": {"Service": "lambda.amazonaws.com"},
                            }
                        ],
                    }
                },
            },
            "Function": {
                "Type": "AWS::Lambda::Function",
                "Properties": {
                    "FunctionName": name,
                    "Runtime": "python3.13",
                    "Handler": "index.handler",
                    "Role": {"Fn::GetAtt": ["Role", "Arn"]},
                    "Code": {"ZipFile": "def handler(event, context):\n    return 'ready'\n"},
                },
            },
        }
    }
    stacks.create_stack(StackName=name, TemplateBody=json.dumps(body), Capabilities=["CAPABILITY_IAM"])
    with pytest.raises(ClientError):
        result_of(moved, name)
    moved.move(DONE_S)
    assert status_of(stacks, name) == "CREATE_COMPLETE"
    assert result_of(moved, name) == "ready"

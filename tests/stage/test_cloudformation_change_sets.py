"""Change sets: what they show, and what their execution does."""

from __future__ import annotations

from typing import Any

import pytest

from tests.stage.stacks import CHAT_API, Stacks, refusal


@pytest.fixture
def stacks(aws) -> Stacks:
    """The stacks of the empty account."""
    return Stacks(aws)


def change_set(stacks: Stacks, kind: str, template: str, **settings: Any) -> dict[str, Any]:
    """Create a change set named ``review`` and describe it."""
    stacks.api.create_change_set(
        StackName="chat", ChangeSetName="review", ChangeSetType=kind, TemplateBody=template, **settings
    )
    return stacks.api.describe_change_set(StackName="chat", ChangeSetName="review")


def changes(described: dict[str, Any]) -> list[tuple[str, str, str | None]]:
    """Action, logical id and replacement of each change."""
    return [
        (c["Action"], c["LogicalResourceId"], c.get("Replacement"))
        for c in (change["ResourceChange"] for change in described["Changes"])
    ]


def test_change_set_when_it_creates_a_stack(stacks):
    """A CREATE change set makes nothing until it is executed."""
    described = change_set(stacks, "CREATE", CHAT_API)
    assert (described["Status"], described["ExecutionStatus"]) == ("CREATE_COMPLETE", "AVAILABLE")
    assert [name for _, name, _ in changes(described)] == ["Api", "Echo", "Connect", "Deployment", "Stage"]
    assert stacks.stack("chat")["StackStatus"] == "REVIEW_IN_PROGRESS"
    assert stacks.aws("apigatewayv2").get_apis()["Items"] == []
    stacks.api.execute_change_set(StackName="chat", ChangeSetName="review")
    stack = stacks.stack("chat")
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    assert stack["ChangeSetId"] == described["ChangeSetId"]


def test_change_set_when_it_updates_a_stack(stacks):
    """An UPDATE change set names what is added, changed, replaced and removed."""
    template = """
    Resources:
      Changed: {Type: AWS::SQS::Queue, Properties: {DelaySeconds: %s}}
      Replaced: {Type: AWS::SQS::Queue, Properties: {QueueName: %s}}
      Follower: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: !Ref Replaced}}
      %s: {Type: AWS::SNS::Topic}
    """
    stacks.create("chat", template % (1, "one", "Removed"))
    described = change_set(stacks, "UPDATE", template % (2, "two", "Added"))
    assert changes(described) == [
        ("Modify", "Changed", "False"),
        ("Modify", "Replaced", "True"),
        ("Add", "Added", None),
        ("Modify", "Follower", "False"),
        ("Remove", "Removed", None),
    ]
    follower = described["Changes"][3]["ResourceChange"]
    assert follower["Details"][0]["Target"]["Name"] == "Value"
    assert follower["Details"][0]["Evaluation"] == "Dynamic"
    stacks.api.execute_change_set(ChangeSetName=described["ChangeSetId"])
    assert stacks.stack("chat")["StackStatus"] == "UPDATE_COMPLETE"


def test_change_set_when_nothing_would_change(stacks):
    """An empty change set fails with the reason by which the AWS CLI knows it."""
    stacks.create("chat", CHAT_API)
    described = change_set(stacks, "UPDATE", CHAT_API)
    assert (described["Status"], described["ExecutionStatus"]) == ("FAILED", "UNAVAILABLE")
    assert described["StatusReason"] == (
        "The submitted information didn't contain changes. Submit different information to create a change set."
    )
    code, _ = refusal(stacks.api.execute_change_set, StackName="chat", ChangeSetName="review")
    assert code == "InvalidChangeSetStatus"


def test_change_set_when_it_uses_previous_values(stacks):
    """A change set may keep the template and a parameter's value."""
    template = """
    Parameters: {Delay: {Type: Number}, Size: {Type: Number}}
    Resources:
      Queue:
        Type: AWS::SQS::Queue
        Properties: {DelaySeconds: !Ref Delay, MaximumMessageSize: !Ref Size}
    """
    stacks.create("chat", template, parameters={"Delay": "1", "Size": "2048"})
    stacks.api.create_change_set(
        StackName="chat",
        ChangeSetName="review",
        UsePreviousTemplate=True,
        Parameters=[
            {"ParameterKey": "Size", "UsePreviousValue": True},
            {"ParameterKey": "Delay", "ParameterValue": "3"},
        ],
    )
    stacks.api.execute_change_set(StackName="chat", ChangeSetName="review")
    parameters = stacks.stack("chat")["Parameters"]
    assert {p["ParameterKey"]: p["ParameterValue"] for p in parameters} == {"Delay": "3", "Size": "2048"}


def test_change_set_when_deleted(stacks):
    """A deleted change set is gone, and the stack that it would have made can be deleted."""
    change_set(stacks, "CREATE", CHAT_API)
    stacks.api.delete_change_set(StackName="chat", ChangeSetName="review")
    code, _ = refusal(stacks.api.describe_change_set, StackName="chat", ChangeSetName="review")
    assert code == "ChangeSetNotFound"
    stacks.api.delete_stack(StackName="chat")
    assert stacks.api.describe_stacks()["Stacks"] == []


@pytest.mark.fidelity("11.8")
def test_change_set_when_it_is_deleted_without_being_there(stacks):
    """Of a stack that exists, deleting any name succeeds, as the CDK counts on; a stack that does not is refused."""
    delete = stacks.api.delete_change_set
    assert refusal(delete, StackName="chat", ChangeSetName="review") == (
        "ValidationError",
        "Stack [chat] does not exist",
    )
    stack_id = stacks.create("chat", CHAT_API)["StackId"]
    for name in ("chat", stack_id):
        assert delete(StackName=name, ChangeSetName="cdk-diff-change-set")["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert stacks.stack("chat")["StackStatus"] == "CREATE_COMPLETE"


def test_change_set_when_its_stack_exists_or_does_not(stacks):
    """CREATE needs a new stack, UPDATE an existing one."""
    arguments = {"StackName": "chat", "ChangeSetName": "review", "TemplateBody": CHAT_API}
    create = stacks.api.create_change_set
    assert refusal(create, ChangeSetType="UPDATE", **arguments) == ("ValidationError", "Stack [chat] does not exist")
    stacks.create("chat", CHAT_API)
    code, message = refusal(create, ChangeSetType="CREATE", **arguments)
    assert code == "ValidationError"
    assert message.startswith("Stack [chat] already exists")


def test_change_set_when_its_execution_fails(stacks):
    """A failed execution rolls the stack back as any creation does."""
    change_set(stacks, "CREATE", "Resources: {Thing: {Type: 'AWS::GameLift::Fleet'}}")
    stacks.api.execute_change_set(StackName="chat", ChangeSetName="review")
    assert stacks.stack("chat")["StackStatus"] == "ROLLBACK_COMPLETE"


def test_template_when_read_back(stacks):
    """GetTemplate gives back the text that was sent."""
    stacks.create("chat", CHAT_API)
    assert stacks.api.get_template(StackName="chat")["TemplateBody"] == CHAT_API
    summary = stacks.api.get_template_summary(StackName="chat")
    assert "AWS::ApiGatewayV2::Api" in summary["ResourceTypes"]
    assert stacks.api.validate_template(TemplateBody=CHAT_API)["Parameters"] == []


def test_notification_topics_when_a_request_names_none(stacks):
    """A change set and an update keep the stack's topics unless they name others; an empty list removes them."""
    topic = stacks.aws("sns").create_topic(Name="told")["TopicArn"]
    parameter = "Resources: {P: {Type: 'AWS::SSM::Parameter', Properties: {Type: String, Value: %s}}}"
    stacks.create("chat", parameter % "one", NotificationARNs=[topic])
    change_set(stacks, "UPDATE", parameter % "two")
    stacks.api.execute_change_set(StackName="chat", ChangeSetName="review")
    assert stacks.stack("chat")["NotificationARNs"] == [topic]
    assert stacks.update("chat", parameter % "three")["NotificationARNs"] == [topic]
    assert stacks.update("chat", parameter % "four", NotificationARNs=[])["NotificationARNs"] == []

"""Stacks that are deleted, and what keeps them from it."""

from __future__ import annotations

import pytest

from tests.stage.stacks import CHAT_API, Stacks, refusal

BUCKET = "Resources: {Bucket: {Type: 'AWS::S3::Bucket', Properties: {BucketName: chat-code}}}"
EXPORTER = """
Resources: {Queue: {Type: 'AWS::SQS::Queue', Properties: {QueueName: %s}}}
Outputs: {Name: {Value: !GetAtt Queue.QueueName, Export: {Name: queue-name}}}
"""
IMPORTER = """
Resources:
  Name:
    Type: AWS::SSM::Parameter
    Properties: {Type: String, Value: !ImportValue queue-name}
"""


@pytest.fixture
def stacks(aws) -> Stacks:
    """The stacks of the empty account."""
    return Stacks(aws)


@pytest.mark.fidelity("11.6")
def test_stack_when_deleted(stacks):
    """Resources go in reverse order, and the stack is found by its id only."""
    stack_id = stacks.create("chat", CHAT_API)["StackId"]
    stacks.api.delete_stack(StackName="chat")
    assert refusal(stacks.api.describe_stacks, StackName="chat") == (
        "ValidationError",
        "Stack with id chat does not exist",
    )
    assert stacks.stack(stack_id)["StackStatus"] == "DELETE_COMPLETE"
    deleted = [name for name, status in stacks.events(stack_id) if status == "DELETE_COMPLETE"]
    assert deleted == ["Stage", "Deployment", "Connect", "Echo", "Api", "chat"]
    assert stacks.aws("apigatewayv2").get_apis()["Items"] == []
    stacks.api.get_waiter("stack_delete_complete").wait(StackName="chat", WaiterConfig={"Delay": 1, "MaxAttempts": 1})


def test_stack_when_deleted_twice_or_never_made(stacks):
    """Deleting what is not there is no error."""
    stacks.api.delete_stack(StackName="chat")
    stacks.create("chat", CHAT_API)
    stacks.api.delete_stack(StackName="chat")
    stacks.api.delete_stack(StackName="chat")
    statuses = [s["StackStatus"] for s in stacks.api.list_stacks()["StackSummaries"]]
    assert statuses == ["DELETE_COMPLETE"]


def test_resource_when_it_is_already_gone(stacks):
    """What somebody else deleted does not stop the stack's deletion."""
    stack_id = stacks.create("chat", CHAT_API)["StackId"]
    stacks.aws("apigatewayv2").delete_api(ApiId=stacks.outputs("chat")["ApiId"])
    stacks.api.delete_stack(StackName="chat")
    assert stacks.stack(stack_id)["StackStatus"] == "DELETE_COMPLETE"


def test_resource_when_its_policy_retains_it(stacks):
    """DeletionPolicy Retain leaves the resource in the account."""
    template = BUCKET.replace("Properties", "DeletionPolicy: Retain, Properties")
    stack_id = stacks.create("chat", template)["StackId"]
    stacks.api.delete_stack(StackName="chat")
    assert stacks.stack(stack_id)["StackStatus"] == "DELETE_COMPLETE"
    assert ("Bucket", "DELETE_SKIPPED") in stacks.events(stack_id)
    assert [b["Name"] for b in stacks.aws("s3").list_buckets()["Buckets"]] == ["chat-code"]


def test_bucket_when_it_is_not_empty(stacks):
    """A bucket with objects stops the deletion; emptied or retained, the stack goes."""
    stack_id = stacks.create("chat", BUCKET)["StackId"]
    stacks.aws("s3").put_object(Bucket="chat-code", Key="a", Body=b"x")
    stacks.api.delete_stack(StackName="chat")
    stack = stacks.stack("chat")
    assert stack["StackStatus"] == "DELETE_FAILED"
    assert stack["StackStatusReason"].startswith("The following resource(s) failed to delete: [Bucket].")
    assert "not empty" in stacks.reason("chat", "Bucket", "DELETE_FAILED")
    stacks.api.delete_stack(StackName="chat", RetainResources=["Bucket"])
    assert stacks.stack(stack_id)["StackStatus"] == "DELETE_COMPLETE"


def test_stack_when_it_is_protected(stacks):
    """Termination protection keeps a stack until it is lifted."""
    stack_id = stacks.create("chat", CHAT_API, EnableTerminationProtection=True)["StackId"]
    code, message = refusal(stacks.api.delete_stack, StackName="chat")
    assert code == "ValidationError"
    assert "TerminationProtection" in message
    stacks.api.update_termination_protection(StackName="chat", EnableTerminationProtection=False)
    stacks.api.delete_stack(StackName="chat")
    assert stacks.stack(stack_id)["StackStatus"] == "DELETE_COMPLETE"


def test_export_when_imported(stacks):
    """An import gets the exported value, and both sides are listed."""
    stacks.create("exporter", EXPORTER % "one")
    stacks.create("importer", IMPORTER)
    name = stacks.physical_id("importer", "Name")
    assert stacks.aws("ssm").get_parameter(Name=name)["Parameter"]["Value"] == "one"
    exports = stacks.api.list_exports()["Exports"]
    assert [(e["Name"], e["Value"]) for e in exports] == [("queue-name", "one")]
    assert stacks.api.list_imports(ExportName="queue-name")["Imports"] == ["importer"]


def test_export_when_it_is_in_use(stacks):
    """A stack whose export is imported can be neither deleted nor change the value."""
    stacks.create("exporter", EXPORTER % "one")
    stacks.create("importer", IMPORTER)
    stacks.api.delete_stack(StackName="exporter")
    stack = stacks.stack("exporter")
    assert (stack["StackStatus"], stack["StackStatusReason"]) == (
        "DELETE_FAILED",
        "Export queue-name cannot be deleted as it is in use by importer",
    )
    stacks.api.delete_stack(StackName="importer")
    stacks.api.delete_stack(StackName="exporter")
    assert stacks.api.describe_stacks()["Stacks"] == []


def test_export_when_its_value_would_change(stacks):
    """An update that changes an imported export is rolled back."""
    stacks.create("exporter", EXPORTER % "one")
    stacks.create("importer", IMPORTER)
    stack = stacks.update("exporter", EXPORTER % "two")
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert stack["StackStatusReason"] == ("Export queue-name cannot be updated as it is in use by importer")
    assert stacks.outputs("exporter") == {"Name": "one"}


def test_export_when_the_name_is_taken_or_missing(stacks):
    """An export's name is unique, and an import needs an export."""
    assert stacks.create("importer", IMPORTER)["StackStatus"] == "ROLLBACK_COMPLETE"
    assert stacks.reason("importer", "Name", "CREATE_FAILED") == "No export named queue-name found."
    stacks.create("exporter", EXPORTER % "one")
    stack = stacks.create("second", EXPORTER % "two")
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    assert "already exported by stack exporter" in stack["StackStatusReason"]


def test_stack_when_a_resource_is_retained_except_on_create(stacks):
    """RetainExceptOnCreate keeps the bucket of a stack that is deleted."""
    stacks.create("chat", BUCKET.replace("Properties:", "DeletionPolicy: RetainExceptOnCreate, Properties:"))
    stacks.api.delete_stack(StackName="chat")
    assert [bucket["Name"] for bucket in stacks.aws("s3").list_buckets()["Buckets"]] == ["chat-code"]

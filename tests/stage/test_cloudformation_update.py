"""Stacks that are updated, and updates that are taken back."""

from __future__ import annotations

import pytest

from tests.stage.stacks import CHAT_API, Stacks, refusal

TABLE = """
Parameters: {Key: {Type: String, Default: id}, Units: {Type: Number, Default: 5}}
Resources:
  Table:
    Type: AWS::DynamoDB::Table
    Properties:
      AttributeDefinitions: [{AttributeName: !Ref Key, AttributeType: S}]
      KeySchema: [{AttributeName: !Ref Key, KeyType: HASH}]
      ProvisionedThroughput: {ReadCapacityUnits: !Ref Units, WriteCapacityUnits: 5}
  Name:
    Type: AWS::SSM::Parameter
    Properties: {Name: /chat/table, Type: String, Value: !Ref Table}
"""
SEND = """
  Send:
    Type: AWS::ApiGatewayV2::Route
    Properties: {ApiId: !Ref Api, RouteKey: sendMessage, Target: !Sub 'integrations/${Echo}'}
"""


@pytest.fixture
def stacks(aws) -> Stacks:
    """The stacks of the empty account."""
    return Stacks(aws)


def with_send_route(template: str) -> str:
    """The template with a second route and a deployment of its own for it."""
    template = template.replace("\n  Deployment:", f"{SEND}  Deployment2:")
    return template.replace("[Connect]", "[Connect, Send]").replace(
        "DeploymentId: !Ref Deployment", "DeploymentId: !Ref Deployment2"
    )


def served_deployment(stacks: Stacks) -> str:
    """The deployment that the stage points at."""
    api_id = stacks.outputs("chat")["ApiId"]
    return stacks.aws("apigatewayv2").get_stage(ApiId=api_id, StageName="prod")["DeploymentId"]


def test_update_when_a_property_changes(stacks):
    """A property that can change does so in place, and nothing else is touched."""
    stacks.create("chat", TABLE)
    table = stacks.physical_id("chat", "Table")
    stack = stacks.update("chat", parameters={"Key": None, "Units": "7"})
    assert stack["StackStatus"] == "UPDATE_COMPLETE"
    assert stacks.physical_id("chat", "Table") == table
    described = stacks.aws("dynamodb").describe_table(TableName=table)["Table"]
    assert described["ProvisionedThroughput"]["ReadCapacityUnits"] == 7
    assert stacks.events("chat")[-4:] == [
        ("chat", "UPDATE_IN_PROGRESS"),
        ("Table", "UPDATE_IN_PROGRESS"),
        ("Table", "UPDATE_COMPLETE"),
        ("chat", "UPDATE_COMPLETE"),
    ]


def test_update_when_a_key_changes(stacks):
    """A key cannot change: a new table is made, who refers to it follows, the old one goes last."""
    stacks.create("chat", TABLE)
    old = stacks.physical_id("chat", "Table")
    stacks.update("chat", parameters={"Key": "room_id"})
    new = stacks.physical_id("chat", "Table")
    assert new != old
    assert stacks.aws("dynamodb").list_tables()["TableNames"] == [new]
    stored = stacks.aws("ssm").get_parameter(Name="/chat/table")["Parameter"]["Value"]
    assert stored == new
    assert stacks.events("chat")[-5:] == [
        ("Name", "UPDATE_COMPLETE"),
        ("chat", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"),
        ("Table", "DELETE_IN_PROGRESS"),
        ("Table", "DELETE_COMPLETE"),
        ("chat", "UPDATE_COMPLETE"),
    ]


def test_update_when_a_named_resource_must_be_replaced(stacks):
    """A resource with a name of its own cannot be replaced under that name."""
    template = TABLE.replace("    Properties:\n      Attr", "    Properties:\n      TableName: t\n      Attr")
    stacks.create("chat", template)
    stack = stacks.update("chat", parameters={"Key": "room_id"})
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert stacks.reason("chat", "Table", "UPDATE_FAILED") == (
        "CloudFormation cannot update a stack when a custom-named resource requires replacing. "
        "Rename t and update the stack again."
    )


def test_update_when_nothing_changes(stacks):
    """An update without changes is refused, and leaves the stack as it was."""
    stacks.create("chat", CHAT_API)
    assert refusal(stacks.api.update_stack, StackName="chat", TemplateBody=CHAT_API) == (
        "ValidationError",
        "No updates are to be performed.",
    )
    assert stacks.stack("chat")["StackStatus"] == "CREATE_COMPLETE"


def test_update_when_a_stack_does_not_exist(stacks):
    """Only an existing stack can be updated."""
    assert refusal(stacks.api.update_stack, StackName="chat", TemplateBody=CHAT_API) == (
        "ValidationError",
        "Stack [chat] does not exist",
    )


def test_update_when_the_stack_was_rolled_back(stacks):
    """A stack whose creation failed can only be deleted."""
    stacks.create("chat", "Resources: {Thing: {Type: 'AWS::GameLift::Fleet'}}")
    code, message = refusal(stacks.api.update_stack, StackName="chat", TemplateBody=CHAT_API)
    assert code == "ValidationError"
    assert message.endswith("is in ROLLBACK_COMPLETE state and can not be updated.")


@pytest.mark.fidelity("11.5")
def test_update_when_it_adds_a_route_and_a_deployment(stacks):
    """A route with a new deployment is served: the stage moves, then the old deployment goes."""
    stacks.create("chat", CHAT_API)
    old = served_deployment(stacks)
    stacks.update("chat", with_send_route(CHAT_API))
    assert served_deployment(stacks) != old
    deployments = stacks.aws("apigatewayv2").get_deployments(ApiId=stacks.outputs("chat")["ApiId"])
    assert [d["DeploymentId"] for d in deployments["Items"]] == [served_deployment(stacks)]


@pytest.mark.fidelity("11.2")
def test_update_when_only_a_description_changes(stacks):
    """A new description of a deployment is no new deployment."""
    stacks.create("chat", CHAT_API)
    old = served_deployment(stacks)
    described = CHAT_API.replace(
        "    DependsOn: [Connect]\n    Properties: {ApiId: !Ref Api}",
        "    DependsOn: [Connect]\n    Properties: {ApiId: !Ref Api, Description: second}",
    )
    stacks.update("chat", described)
    api_id = stacks.outputs("chat")["ApiId"]
    assert served_deployment(stacks) == old
    deployment = stacks.aws("apigatewayv2").get_deployment(ApiId=api_id, DeploymentId=old)
    assert deployment["Description"] == "second"


@pytest.mark.fidelity("11.6")
def test_update_when_a_resource_fails(stacks):
    """A failed update leaves everything as it was: changed, added and replaced resources alike."""
    stacks.create("chat", CHAT_API)
    api_id, old = stacks.outputs("chat")["ApiId"], served_deployment(stacks)
    bad = with_send_route(CHAT_API).replace("Name: chat", "Name: changed")
    bad += "  Bad: {Value: !GetAtt Wrong.TopicArn}\n"
    bad = bad.replace(
        "Outputs:",
        "  Wrong: {Type: AWS::SNS::Topic, DependsOn: Stage, Properties: {TopicName: 'not a name'}}\nOutputs:",
    )
    stack = stacks.update("chat", bad)
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert stack["StackStatusReason"] == ("The following resource(s) failed to create: [Wrong].")
    gateway = stacks.aws("apigatewayv2")
    assert gateway.get_api(ApiId=api_id)["Name"] == "chat"
    assert [r["RouteKey"] for r in gateway.get_routes(ApiId=api_id)["Items"]] == ["$connect"]
    assert served_deployment(stacks) == old
    assert len(gateway.get_deployments(ApiId=api_id)["Items"]) == 1
    assert stacks.update("chat", with_send_route(CHAT_API))["StackStatus"] == "UPDATE_COMPLETE"


def test_update_when_a_type_cannot_be_updated(stacks):
    """A change that the stage cannot make fails the update, naming the type."""
    key = "Resources: {Key: {Type: 'AWS::KMS::Key', Properties: {KeyPolicy: {}, Description: %s}}}"
    stacks.create("chat", key % "one")
    stack = stacks.update("chat", key % "two")
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert stacks.reason("chat", "Key", "UPDATE_FAILED") == ("localstage does not support updates of AWS::KMS::Key")


def test_update_when_a_resource_changes_its_type(stacks):
    """A logical id keeps its type."""
    stacks.create("chat", "Resources: {Thing: {Type: 'AWS::SQS::Queue'}}")
    code, message = refusal(
        stacks.api.update_stack, StackName="chat", TemplateBody="Resources: {Thing: {Type: 'AWS::SNS::Topic'}}"
    )
    assert code == "ValidationError"
    assert message.startswith("Update of resource type is not permitted.")


def test_update_when_a_resource_is_left_out(stacks):
    """A resource that the template drops is deleted, unless its policy retains it."""
    two = "Resources: {A: {Type: 'AWS::SQS::Queue'}, B: {Type: 'AWS::SQS::Queue'%s}}"
    one = "Resources: {A: {Type: 'AWS::SQS::Queue'}}"
    stacks.create("gone", two % "")
    stacks.create("kept", two % ", DeletionPolicy: Retain")
    stacks.update("gone", one)
    stacks.update("kept", one)
    urls = stacks.aws("sqs").list_queues()["QueueUrls"]
    assert sorted(url.rsplit("/", 1)[-1].rsplit("-", 1)[0] for url in urls) == ["gone-A", "kept-A", "kept-B"]
    listed = stacks.api.list_stack_resources(StackName="kept")["StackResourceSummaries"]
    assert [r["LogicalResourceId"] for r in listed] == ["A"]


def test_update_when_only_outputs_change(stacks):
    """New outputs alone are an update."""
    stacks.create("chat", CHAT_API)
    stack = stacks.update("chat", CHAT_API + "  Stage: {Value: !Ref Stage}\n")
    assert stack["StackStatus"] == "UPDATE_COMPLETE"
    assert stacks.outputs("chat")["Stage"] == "prod"


def test_update_when_an_output_has_no_value(stacks):
    """An output that only the execution shows to be wrong rolls the update back, and the stack can be deleted."""
    stacks.create("chat", TABLE)
    bad = TABLE.replace("Default: 5", "Default: 6")
    bad += "Outputs: {X: {Value: !Select [!Ref Name, [a, b]]}}\n"
    stack = stacks.update("chat", bad)
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert "Fn::Select requires a list argument" in stack["StackStatusReason"]
    stacks.api.delete_stack(StackName="chat")
    assert stacks.stack(stack["StackId"])["StackStatus"] == "DELETE_COMPLETE"


def test_update_when_an_inner_stack_has_nothing_to_change(stacks):
    """The same template under another URL is a success of the inner stack, with or without topics to tell."""
    s3, topic = stacks.aws("s3"), stacks.aws("sns").create_topic(Name="told")["TopicArn"]
    s3.create_bucket(Bucket="templates")
    for key in ("one", "two"):
        s3.put_object(Bucket="templates", Key=key, Body=b"Resources: {Queue: {Type: AWS::SQS::Queue}}")
    outer = """
    Resources:
      Inner:
        Type: AWS::CloudFormation::Stack
        Properties: {TemplateURL: 'https://templates.s3.amazonaws.com/%s', NotificationARNs: [%s]}
    """
    stacks.create("outer", outer % ("one", ""))
    inner = stacks.physical_id("outer", "Inner")
    assert stacks.update("outer", outer % ("two", ""))["StackStatus"] == "UPDATE_COMPLETE"
    assert stacks.update("outer", outer % ("two", topic))["StackStatus"] == "UPDATE_COMPLETE"
    assert stacks.physical_id("outer", "Inner") == inner
    assert stacks.stack(inner)["StackStatus"] == "CREATE_COMPLETE"

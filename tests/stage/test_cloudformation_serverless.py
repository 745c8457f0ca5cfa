"""SAM templates and nested stacks."""

from __future__ import annotations

import io
import json
import zipfile

import pytest

from tests.stage.stacks import CHAT_API, Stacks, refusal

SAM = """
Transform: AWS::Serverless-2016-10-31
Globals: {Function: {Runtime: python3.13, Timeout: 9}}
Parameters: {TableName: {Type: String, Default: connections}}
Resources:
  Connect:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: %s
      Handler: app.handler
      Environment: {Variables: {TABLE: !Ref TableName}}
      Policies:
        - DynamoDBCrudPolicy: {TableName: !Ref TableName}
        - Statement: [{Effect: Allow, Action: 'execute-api:ManageConnections', Resource: '*'}]
  Connections:
    Type: AWS::Serverless::SimpleTable
    Properties: {TableName: !Ref TableName, PrimaryKey: {Name: connectionId, Type: String}}
Outputs:
  Function: {Value: !Ref Connect}
"""


@pytest.fixture
def stacks(aws) -> Stacks:
    """The stacks of an account with a bucket that holds a deployment package."""
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("app.py", "def handler(event, context):\n    return {'ok': True}\n")
    aws("s3").create_bucket(Bucket="code")
    aws("s3").put_object(Bucket="code", Key="app.zip", Body=package.getvalue())
    return Stacks(aws)


def test_sam_template_when_deployed(stacks):
    """A serverless function becomes a function with a role of its own, and runs."""
    stack = stacks.create("chat", SAM % "s3://code/app.zip")
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    name = stacks.outputs("chat")["Function"]
    api = stacks.aws("lambda")
    function = api.get_function_configuration(FunctionName=name)
    assert (function["Timeout"], function["Runtime"]) == (9, "python3.13")
    role = function["Role"].rsplit("/", 1)[-1]
    attached = stacks.aws("iam").list_attached_role_policies(RoleName=role)["AttachedPolicies"]
    assert [p["PolicyName"] for p in attached] == ["AWSLambdaBasicExecutionRole"]
    assert stacks.aws("dynamodb").list_tables()["TableNames"] == ["connections"]
    assert json.loads(api.invoke(FunctionName=name)["Payload"].read()) == {"ok": True}


def test_sam_template_when_it_is_not_packaged(stacks):
    """SAM's own refusal is the answer, naming the resource."""
    code, message = refusal(
        stacks.api.create_stack,
        StackName="chat",
        TemplateBody=SAM % "./src",
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
    )
    assert code == "ValidationError"
    assert message.startswith("Transform AWS::Serverless-2016-10-31 failed with:")
    assert "[Connect]" in message


def test_sam_template_when_capabilities_are_missing(stacks):
    """A transform needs an acknowledgement unless a change set shows its result."""
    template = SAM % "s3://code/app.zip"
    assert refusal(
        stacks.api.create_stack, StackName="chat", TemplateBody=template, Capabilities=["CAPABILITY_IAM"]
    ) == ("InsufficientCapabilitiesException", "Requires capabilities : [CAPABILITY_AUTO_EXPAND]")
    stacks.api.create_change_set(
        StackName="chat",
        ChangeSetName="first",
        ChangeSetType="CREATE",
        TemplateBody=template,
        Capabilities=["CAPABILITY_IAM"],
    )
    stacks.api.execute_change_set(StackName="chat", ChangeSetName="first")
    assert stacks.stack("chat")["StackStatus"] == "CREATE_COMPLETE"
    processed = stacks.api.get_template(StackName="chat", TemplateStage="Processed")
    assert processed["TemplateBody"]["Resources"]["Connect"]["Type"] == "AWS::Lambda::Function"


def test_nested_stack_when_created_and_deleted(stacks):
    """A stack within a stack is made from its bucket, gives its outputs, and goes with the outer."""
    stacks.aws("s3").put_object(Bucket="code", Key="api.yaml", Body=CHAT_API.encode())
    stack = stacks.create(
        "outer",
        """
        Resources:
          Inner:
            Type: AWS::CloudFormation::Stack
            Properties: {TemplateURL: 'https://code.s3.us-east-1.amazonaws.com/api.yaml'}
        Outputs: {Url: {Value: !GetAtt Inner.Outputs.Url}}
        """,
    )
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    assert stacks.outputs("outer")["Url"].endswith(".execute-api.us-east-1.amazonaws.com/prod")
    stacks.api.delete_stack(StackName="outer")
    assert stacks.api.describe_stacks()["Stacks"] == []
    assert stacks.aws("apigatewayv2").get_apis()["Items"] == []

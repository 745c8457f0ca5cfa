"""Functions, roles and policies in stacks: made, changed and deleted as the template says."""

from __future__ import annotations

import io
import json
import zipfile

import pytest

from tests.stage.stacks import Stacks, refusal

ROLE = """
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Statement: [{Effect: Allow, Principal: {Service: lambda.amazonaws.com}, Action: 'sts:AssumeRole'}]
      ManagedPolicyArns: ['arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole']
      Policies:
        - PolicyName: tables
          PolicyDocument:
            Statement: [{Effect: Allow, Action: '%s', Resource: '*'}]
"""
FUNCTION = f"""
Parameters: {{Note: {{Type: String, Default: one}}, Size: {{Type: Number, Default: 128}}}}
Resources:{ROLE % "dynamodb:PutItem"}
  Function:
    Type: AWS::Lambda::Function
    Properties:
      Runtime: python3.13
      Handler: index.handler
      Role: !GetAtt Role.Arn
      Timeout: 7
      MemorySize: !Ref Size
      Environment: {{Variables: {{NOTE: !Ref Note, COUNT: 3}}}}
      Code: {{ZipFile: !Sub 'def handler(event, context): return "${{Note}}"'}}
  Permission:
    Type: AWS::Lambda::Permission
    Properties:
      FunctionName: !Ref Function
      Action: lambda:InvokeFunction
      Principal: apigateway.amazonaws.com
      SourceArn: !Sub arn:aws:execute-api:${{AWS::Region}}:${{AWS::AccountId}}:abc/*/$connect
Outputs:
  Arn: {{Value: !GetAtt Function.Arn}}
  RoleArn: {{Value: !GetAtt Role.Arn}}
"""


@pytest.fixture
def stacks(aws) -> Stacks:
    """The stacks of the empty account."""
    return Stacks(aws)


def test_function_when_created(stacks):
    """A function has its configuration, its role and a policy that lets the API call it."""
    stacks.create("chat", FUNCTION)
    name = stacks.physical_id("chat", "Function")
    function = stacks.aws("lambda").get_function_configuration(FunctionName=name)
    assert (function["Timeout"], function["MemorySize"]) == (7, 128)
    assert function["Environment"]["Variables"] == {"NOTE": "one", "COUNT": "3"}
    assert stacks.outputs("chat")["Arn"] == function["FunctionArn"]
    assert stacks.outputs("chat")["RoleArn"] == function["Role"]
    (statement,) = json.loads(stacks.aws("lambda").get_policy(FunctionName=name)["Policy"])["Statement"]
    assert statement["Principal"] == {"Service": "apigateway.amazonaws.com"}
    (condition,) = statement["Condition"].values()
    assert list(condition.values()) == ["arn:aws:execute-api:us-east-1:123456789012:abc/*/$connect"]


def test_function_when_updated(stacks):
    """New code and configuration take effect on the same function."""
    stacks.create("chat", FUNCTION)
    api, name = stacks.aws("lambda"), stacks.physical_id("chat", "Function")
    before = api.get_function_configuration(FunctionName=name)
    stack = stacks.update("chat", parameters={"Note": "two", "Size": "256"})
    after = api.get_function_configuration(FunctionName=name)
    assert stack["StackStatus"] == "UPDATE_COMPLETE"
    assert stacks.physical_id("chat", "Function") == name
    assert after["MemorySize"] == 256
    assert after["Environment"]["Variables"]["NOTE"] == "two"
    assert after["CodeSha256"] != before["CodeSha256"]
    answer = api.invoke(FunctionName=name, Payload=b"{}")
    assert json.loads(answer["Payload"].read()) == "two"


def test_permission_when_deleted(stacks):
    """A permission that the template drops leaves the function's policy."""
    stacks.create("chat", FUNCTION)
    name = stacks.physical_id("chat", "Function")
    start, end = FUNCTION.index("  Permission:"), FUNCTION.index("Outputs:")
    stacks.update("chat", FUNCTION[:start] + FUNCTION[end:])
    api = stacks.aws("lambda")
    with pytest.raises(api.exceptions.ResourceNotFoundException):
        api.get_policy(FunctionName=name)


def test_function_stack_when_deleted(stacks):
    """Functions, roles and their policies go with their stack."""
    stack_id = stacks.create("chat", FUNCTION)["StackId"]
    stacks.api.delete_stack(StackName="chat")
    assert stacks.stack(stack_id)["StackStatus"] == "DELETE_COMPLETE"
    assert stacks.aws("lambda").list_functions()["Functions"] == []
    assert stacks.aws("iam").list_roles()["Roles"] == []


def test_role_when_its_policies_change(stacks):
    """A role's inline and attached policies follow the template."""
    template = "Resources:" + ROLE
    stacks.create("chat", template % "dynamodb:PutItem")
    iam, name = stacks.aws("iam"), stacks.physical_id("chat", "Role")
    changed = (template % "dynamodb:Scan").replace("PolicyName: tables", "PolicyName: scan")
    changed = changed.replace("AWSLambdaBasicExecutionRole", "AWSLambdaSQSQueueExecutionRole")
    stacks.update("chat", changed)
    assert iam.list_role_policies(RoleName=name)["PolicyNames"] == ["scan"]
    attached = iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
    assert [policy["PolicyName"] for policy in attached] == ["AWSLambdaSQSQueueExecutionRole"]
    document = iam.get_role_policy(RoleName=name, PolicyName="scan")["PolicyDocument"]
    assert document["Statement"][0]["Action"] == "dynamodb:Scan"


POLICIES = f"""
Resources:{ROLE % "dynamodb:PutItem"}
  Inline:
    Type: AWS::IAM::Policy
    Properties:
      PolicyName: manage
      Roles: [!Ref Role]
      PolicyDocument: {{Statement: [{{Effect: Allow, Action: '%s', Resource: '*'}}]}}
  Managed:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      Roles: [!Ref Role]
      PolicyDocument:
        Version: 2012-10-17
        Statement: [{{Effect: Allow, Action: '%s', Resource: '*'}}]
"""


def test_policies_when_made_changed_and_deleted(stacks):
    """Inline and managed policies are attached, changed in place and taken back."""
    stack_id = stacks.create("chat", POLICIES % ("a:One", "b:One"))["StackId"]
    iam, role = stacks.aws("iam"), stacks.physical_id("chat", "Role")
    arn = stacks.physical_id("chat", "Managed")
    stacks.update("chat", POLICIES % ("a:Two", "b:Two"))
    inline = iam.get_role_policy(RoleName=role, PolicyName="manage")["PolicyDocument"]
    assert inline["Statement"][0]["Action"] == "a:Two"
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    managed = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]
    assert managed["Document"]["Statement"][0]["Action"] == "b:Two"
    stacks.api.delete_stack(StackName="chat")
    assert stacks.stack(stack_id)["StackStatus"] == "DELETE_COMPLETE"
    assert iam.list_policies(Scope="Local")["Policies"] == []


def test_event_source_when_the_role_may_not_read_the_queue(stacks):
    """An event source mapping fails the stack where the function's role lacks a permission for the queue."""
    template = FUNCTION.replace(
        "Outputs:",
        """  Queue: {Type: 'AWS::SQS::Queue'}
  Source:
    Type: AWS::Lambda::EventSourceMapping
    Properties: {EventSourceArn: !GetAtt Queue.Arn, FunctionName: !Ref Function}
Outputs:""",
    )
    assert stacks.create("chat", template)["StackStatus"] == "ROLLBACK_COMPLETE"
    reason = stacks.reason("chat", "Source", "CREATE_FAILED")
    assert "The function execution role does not have permissions to call ReceiveMessage on SQS" in reason


def test_invocation_settings_when_made_changed_and_deleted(stacks):
    """How asynchronous invocations are retried is set by the template, changed in place and taken back."""
    settings = """  Retries:
    Type: AWS::Lambda::EventInvokeConfig
    Properties: {FunctionName: !Ref Function, Qualifier: $LATEST, MaximumRetryAttempts: %s}
Outputs:"""
    stacks.create("chat", FUNCTION.replace("Outputs:", settings % 1))
    functions, name = stacks.aws("lambda"), stacks.physical_id("chat", "Function")
    assert stacks.physical_id("chat", "Retries") == f"{name}|$LATEST"
    assert functions.get_function_event_invoke_config(FunctionName=name)["MaximumRetryAttempts"] == 1
    assert stacks.update("chat", FUNCTION.replace("Outputs:", settings % 0))["StackStatus"] == "UPDATE_COMPLETE"
    assert functions.get_function_event_invoke_config(FunctionName=name)["MaximumRetryAttempts"] == 0
    stacks.update("chat", FUNCTION)
    code, _ = refusal(functions.get_function_event_invoke_config, FunctionName=name)
    assert code == "ResourceNotFoundException"


def test_layer_version_when_made_replaced_and_deleted(stacks):
    """A layer's version is published from a bucket; every change publishes another and deletes the one before."""
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("python/shared.py", "NAME = 'shared'")
    stacks.aws("s3").create_bucket(Bucket="layers")
    stacks.aws("s3").put_object(Bucket="layers", Key="one.zip", Body=package.getvalue())
    template = """
    Resources:
      Layer:
        Type: AWS::Lambda::LayerVersion
        Properties: {LayerName: shared, Description: %s, Content: {S3Bucket: layers, S3Key: one.zip}}
    Outputs: {Arn: {Value: !Ref Layer}}
    """
    stacks.create("chat", template % "one")
    functions = stacks.aws("lambda")
    assert stacks.outputs("chat")["Arn"].endswith(":layer:shared:1")
    stacks.update("chat", template % "two")
    assert stacks.outputs("chat")["Arn"].endswith(":layer:shared:2")
    listed = functions.list_layer_versions(LayerName="shared")["LayerVersions"]
    assert [(version["Version"], version["Description"]) for version in listed] == [(2, "two")]
    stacks.api.delete_stack(StackName="chat")
    assert functions.list_layers()["Layers"] == []

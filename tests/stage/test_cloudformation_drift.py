"""Drift: what somebody has changed behind a stack's back, found property by property."""

from __future__ import annotations

import json

import pytest

from tests.stage.stacks import Stacks, refusal

TEMPLATE = """
Resources:
  Api:
    Type: AWS::ApiGatewayV2::Api
    Properties: {Name: drift, ProtocolType: WEBSOCKET, RouteSelectionExpression: $request.body.action}
  Echo:
    Type: AWS::ApiGatewayV2::Integration
    Properties: {ApiId: !Ref Api, IntegrationType: MOCK, RequestTemplates: {$default: '{"statusCode": 200}'}}
  Send:
    Type: AWS::ApiGatewayV2::Route
    Properties: {ApiId: !Ref Api, RouteKey: sendMessage, Target: !Sub 'integrations/${Echo}'}
  Deployment: {Type: AWS::ApiGatewayV2::Deployment, DependsOn: Send, Properties: {ApiId: !Ref Api}}
  Stage:
    Type: AWS::ApiGatewayV2::Stage
    Properties:
      ApiId: !Ref Api
      StageName: prod
      DeploymentId: !Ref Deployment
      DefaultRouteSettings: {ThrottlingRateLimit: 100, ThrottlingBurstLimit: 50}
  Table:
    Type: AWS::DynamoDB::Table
    Properties:
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
      KeySchema: [{AttributeName: id, KeyType: HASH}]
      BillingMode: PROVISIONED
      ProvisionedThroughput: {ReadCapacityUnits: "5", WriteCapacityUnits: 5}
      TimeToLiveSpecification: {AttributeName: expires_at, Enabled: true}
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement: [{Effect: Allow, Principal: {Service: lambda.amazonaws.com}, Action: sts:AssumeRole}]
      Policies:
        - PolicyName: save
          PolicyDocument:
            Version: "2012-10-17"
            Statement: [{Effect: Allow, Action: dynamodb:PutItem, Resource: !GetAtt Table.Arn}]
  Function:
    Type: AWS::Lambda::Function
    Properties:
      Runtime: python3.13
      Handler: index.handler
      Role: !GetAtt Role.Arn
      Timeout: 10
      Environment: {Variables: {TABLE: !Ref Table}}
      Code: {ZipFile: "def handler(event, context): pass"}
  Logs: {Type: AWS::Logs::LogGroup, Properties: {LogGroupName: !Sub '/aws/lambda/${Function}', RetentionInDays: 3}}
  Queue: {Type: AWS::SQS::Queue}
"""


@pytest.fixture
def stacks(aws) -> Stacks:
    """The stacks of the empty account, with one stack in it."""
    stacks = Stacks(aws)
    assert stacks.create("drift", TEMPLATE, Capabilities=["CAPABILITY_IAM"])["StackStatus"] == "CREATE_COMPLETE"
    return stacks


def detect(stacks: Stacks) -> dict:
    """The answer about a detection on the stack, after it has ended."""
    detection = stacks.api.detect_stack_drift(StackName="drift")["StackDriftDetectionId"]
    return stacks.api.describe_stack_drift_detection_status(StackDriftDetectionId=detection)


def drifts(stacks: Stacks) -> dict[str, tuple[str, list[tuple[str, str, str, str]]]]:
    """Each checked resource's status and differences: path, kind, expected, actual."""
    found = stacks.api.describe_stack_resource_drifts(StackName="drift")["StackResourceDrifts"]
    return {
        drift["LogicalResourceId"]: (
            drift["StackResourceDriftStatus"],
            [
                (one["PropertyPath"], one["DifferenceType"], one["ExpectedValue"], one["ActualValue"])
                for one in drift["PropertyDifferences"]
            ],
        )
        for drift in found
    }


def test_drift_when_nothing_was_changed(stacks):
    """A stack that nobody has touched is in sync; a type that is not read is not checked, and says so."""
    assert stacks.stack("drift")["DriftInformation"] == {"StackDriftStatus": "NOT_CHECKED"}
    found = detect(stacks)
    assert (found["DetectionStatus"], found["StackDriftStatus"], found["DriftedStackResourceCount"]) == (
        "DETECTION_COMPLETE",
        "IN_SYNC",
        0,
    )
    assert {name: entry for name, entry in drifts(stacks).items() if entry != ("IN_SYNC", [])} == {}
    assert set(drifts(stacks)) == {"Api", "Echo", "Send", "Stage", "Table", "Role", "Function", "Logs"}
    assert stacks.stack("drift")["DriftInformation"]["StackDriftStatus"] == "IN_SYNC"
    details = stacks.api.list_stack_resources(StackName="drift")["StackResourceSummaries"]
    assert {d["LogicalResourceId"]: d["DriftInformation"]["StackResourceDriftStatus"] for d in details}[
        "Queue"
    ] == "NOT_CHECKED"


def test_drift_when_properties_were_changed(stacks):
    """Each change is one difference: where, what was expected, what is there; changed, added and removed."""
    name = stacks.physical_id("drift", "Function")
    table = stacks.physical_id("drift", "Table")
    stacks.aws("lambda").update_function_configuration(
        FunctionName=name, Timeout=3, Environment={"Variables": {"TABLE": table, "DEBUG": "1"}}
    )
    stacks.aws("dynamodb").update_table(
        TableName=table, ProvisionedThroughput={"ReadCapacityUnits": 1, "WriteCapacityUnits": 5}
    )
    stacks.aws("logs").delete_retention_policy(logGroupName=f"/aws/lambda/{name}")
    broad = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    role = stacks.physical_id("drift", "Role")
    stacks.aws("iam").put_role_policy(RoleName=role, PolicyName="everything", PolicyDocument=json.dumps(broad))

    assert (detect(stacks)["StackDriftStatus"], detect(stacks)["DriftedStackResourceCount"]) == ("DRIFTED", 4)
    found = drifts(stacks)
    assert found["Function"] == (
        "MODIFIED",
        [("/Timeout", "NOT_EQUAL", "10", "3"), ("/Environment/Variables/DEBUG", "ADD", "null", "1")],
    )
    assert found["Table"] == ("MODIFIED", [("/ProvisionedThroughput/ReadCapacityUnits", "NOT_EQUAL", "5", "1")])
    assert found["Logs"] == ("MODIFIED", [("/RetentionInDays", "REMOVE", "3", "null")])
    assert found["Role"][0] == "MODIFIED" and [entry[:2] for entry in found["Role"][1]] == [("/Policies/1", "ADD")]
    assert found["Send"] == found["Stage"] == ("IN_SYNC", [])
    only = stacks.api.describe_stack_resource_drifts(StackName="drift", StackResourceDriftStatusFilters=["IN_SYNC"])
    assert {drift["StackResourceDriftStatus"] for drift in only["StackResourceDrifts"]} == {"IN_SYNC"}


def test_drift_when_a_resource_was_deleted(stacks):
    """What is gone is DELETED; one resource can be asked about alone, and nothing is changed by asking."""
    stacks.aws("dynamodb").delete_table(TableName=stacks.physical_id("drift", "Table"))
    one = stacks.api.detect_stack_resource_drift(StackName="drift", LogicalResourceId="Table")["StackResourceDrift"]
    assert one["StackResourceDriftStatus"] == "DELETED" and "ActualProperties" not in one
    assert detect(stacks)["StackDriftStatus"] == "DRIFTED"
    assert stacks.stack("drift")["StackStatus"] == "CREATE_COMPLETE"


def test_drift_when_there_is_nothing_to_look_at(stacks):
    """An unknown detection, stack or resource is refused in a sentence."""
    unknown = "6b3f1c1e-0000-4000-8000-000000000000"
    assert (
        "does not exist" in refusal(stacks.api.describe_stack_drift_detection_status, StackDriftDetectionId=unknown)[1]
    )
    assert "does not exist" in refusal(stacks.api.detect_stack_drift, StackName="nothing")[1]
    assert (
        "Nothing does not exist"
        in refusal(stacks.api.detect_stack_resource_drift, StackName="drift", LogicalResourceId="Nothing")[1]
    )

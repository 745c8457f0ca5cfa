"""The resource types of a chat: made, changed and deleted as the template says."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.stage.stacks import Stacks

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


def queue_attributes(stacks: Stacks, url: str) -> dict[str, str]:
    answer = stacks.aws("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
    return answer["Attributes"]


def test_function_when_created(stacks):
    """A function has its configuration, its role and a policy that lets the API call it."""
    stacks.create("chat", FUNCTION)
    name = stacks.physical_id("chat", "Function")
    function = stacks.aws("lambda").get_function_configuration(FunctionName=name)
    assert (function["Timeout"], function["MemorySize"]) == (7, 128)
    assert function["Environment"]["Variables"] == {"NOTE": "one", "COUNT": "3"}
    assert stacks.outputs("chat")["Arn"] == function["FunctionArn"]
    assert stacks.outputs("chat")["RoleArn"] == function["Role"]
    (statement,) = json.loads(stacks.aws("lambda").get_policy(FunctionName=name)["Policy"])[
        "Statement"
    ]
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


TABLE = """
Resources:
  Table:
    Type: AWS::DynamoDB::Table
    Properties:
      AttributeDefinitions:
        - {AttributeName: room_id, AttributeType: S}
        - {AttributeName: timestamp, AttributeType: N}
      KeySchema:
        - {AttributeName: room_id, KeyType: HASH}
        - {AttributeName: timestamp, KeyType: RANGE}
      %s
Outputs: {Arn: {Value: !GetAtt Table.Arn}}
"""
PROVISIONED = "ProvisionedThroughput: {ReadCapacityUnits: '5', WriteCapacityUnits: 5}"


def table(stacks: Stacks) -> dict[str, Any]:
    name = stacks.physical_id("chat", "Table")
    return stacks.aws("dynamodb").describe_table(TableName=name)["Table"]


def time_to_live(stacks: Stacks) -> dict[str, Any]:
    name = stacks.physical_id("chat", "Table")
    answer = stacks.aws("dynamodb").describe_time_to_live(TableName=name)
    return answer["TimeToLiveDescription"]


def test_table_when_provisioned(stacks):
    """A table has the throughput of its template, whichever way the number is written."""
    stacks.create("chat", TABLE % PROVISIONED)
    throughput = table(stacks)["ProvisionedThroughput"]
    assert (throughput["ReadCapacityUnits"], throughput["WriteCapacityUnits"]) == (5, 5)
    assert stacks.outputs("chat")["Arn"] == table(stacks)["TableArn"]


def test_table_when_its_billing_and_time_to_live_change(stacks):
    """Billing, time to live and tags change on the same table."""
    stacks.create("chat", TABLE % PROVISIONED)
    arn = table(stacks)["TableArn"]
    stacks.update(
        "chat",
        TABLE
        % (
            "BillingMode: PAY_PER_REQUEST\n"
            "      TimeToLiveSpecification: {AttributeName: expires, Enabled: true}\n"
            "      Tags: [{Key: course, Value: chat}]"
        ),
    )
    assert table(stacks)["TableArn"] == arn
    assert table(stacks)["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    assert time_to_live(stacks) == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires"}
    tags = stacks.aws("dynamodb").list_tags_of_resource(ResourceArn=arn)["Tags"]
    assert tags == [{"Key": "course", "Value": "chat"}]
    stacks.update("chat", TABLE % "BillingMode: PAY_PER_REQUEST")
    assert time_to_live(stacks)["TimeToLiveStatus"] == "DISABLED"


def test_table_when_it_gains_an_index(stacks):
    """An index is added to the same table, and two at once are refused as on AWS."""
    one = (
        "BillingMode: PAY_PER_REQUEST\n      GlobalSecondaryIndexes:\n"
        "        - IndexName: by-time\n"
        "          KeySchema: [{AttributeName: timestamp, KeyType: HASH}]\n"
        "          Projection: {ProjectionType: ALL}\n"
    )
    second = one.partition("Indexes:\n")[2].replace("by-time", "second")
    stacks.create("chat", TABLE % "BillingMode: PAY_PER_REQUEST")
    stack = stacks.update("chat", TABLE % (one + second))
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert "more than one GSI" in stacks.reason("chat", "Table", "UPDATE_FAILED")
    assert stacks.update("chat", TABLE % one)["StackStatus"] == "UPDATE_COMPLETE"
    assert [i["IndexName"] for i in table(stacks)["GlobalSecondaryIndexes"]] == ["by-time"]


def test_log_group_when_its_retention_changes(stacks):
    """A log group keeps its logs for as long as the template says."""
    group = "Resources: {Logs: {Type: 'AWS::Logs::LogGroup', Properties: {LogGroupName: /chat%s}}}"
    logs = stacks.aws("logs")
    stacks.create("chat", group % ", RetentionInDays: 7")
    assert logs.describe_log_groups()["logGroups"][0]["retentionInDays"] == 7
    stacks.update("chat", group % ", RetentionInDays: 14")
    assert logs.describe_log_groups()["logGroups"][0]["retentionInDays"] == 14
    stacks.update("chat", group % "")
    assert "retentionInDays" not in logs.describe_log_groups()["logGroups"][0]
    stacks.api.delete_stack(StackName="chat")
    assert logs.describe_log_groups()["logGroups"] == []


def test_queue_and_topic_when_changed(stacks):
    """Queues and topics take new settings in place."""
    template = """
    Resources:
      Queue: {Type: 'AWS::SQS::Queue', Properties: {VisibilityTimeout: %s}}
      Topic:
        Type: AWS::SNS::Topic
        Properties: {DisplayName: '%s', Subscription: [{Protocol: sqs, Endpoint: !GetAtt Queue.Arn}]}
    """
    stacks.create("chat", template % (30, "one"))
    url, arn = stacks.physical_id("chat", "Queue"), stacks.physical_id("chat", "Topic")
    stacks.update("chat", template % (60, "two"))
    assert (stacks.physical_id("chat", "Queue"), stacks.physical_id("chat", "Topic")) == (url, arn)
    assert queue_attributes(stacks, url)["VisibilityTimeout"] == "60"
    topic = stacks.aws("sns").get_topic_attributes(TopicArn=arn)["Attributes"]
    assert topic["DisplayName"] == "two"
    listed = stacks.aws("sns").list_subscriptions_by_topic(TopicArn=arn)["Subscriptions"]
    assert [s["Protocol"] for s in listed] == ["sqs"]


def test_bucket_when_its_configuration_changes(stacks):
    """A bucket takes versioning and tags in place, and what the stage lacks is refused."""
    template = "Resources: {Bucket: {Type: 'AWS::S3::Bucket', Properties: {BucketName: chat-b%s}}}"
    stacks.create("chat", template % "")
    stacks.update("chat", template % ", VersioningConfiguration: {Status: Enabled}")
    versioning = stacks.aws("s3").get_bucket_versioning(Bucket="chat-b")
    assert versioning["Status"] == "Enabled"
    stacks.update("chat", template % ", MetricsConfigurations: [{Id: all}]")
    assert stacks.reason("chat", "Bucket", "UPDATE_FAILED") == (
        "The local stage does not support property MetricsConfigurations of AWS::S3::Bucket"
    )


def test_account_when_it_lets_apis_log(stacks):
    """A stage may log once the template gives the account a role for it."""
    template = """
    Resources:
      Account:
        Type: AWS::ApiGateway::Account
        Properties: {CloudWatchRoleArn: 'arn:aws:iam::123456789012:role/logs'}
      Api:
        Type: AWS::ApiGatewayV2::Api
        Properties: {Name: chat, ProtocolType: WEBSOCKET, RouteSelectionExpression: $default}
      Stage:
        Type: AWS::ApiGatewayV2::Stage
        DependsOn: Account
        Properties: {ApiId: !Ref Api, StageName: prod, DefaultRouteSettings: {LoggingLevel: INFO}}
    """
    assert stacks.create("chat", template)["StackStatus"] == "CREATE_COMPLETE"


def test_type_when_only_moto_knows_it(stacks):
    """A type that moto makes works in a stack as well."""
    rule = "Resources: {Rule: {Type: 'AWS::Events::Rule', Properties: {ScheduleExpression: rate(%s)}}}"
    stacks.create("chat", rule % "1 hour")
    events = stacks.aws("events")
    assert [r["ScheduleExpression"] for r in events.list_rules()["Rules"]] == ["rate(1 hour)"]
    stacks.api.delete_stack(StackName="chat")
    assert events.list_rules()["Rules"] == []


def test_type_when_moto_could_not_delete_it(stacks):
    """A type that could never be deleted again is refused from the start."""
    stacks.create("chat", "Resources: {Gateway: {Type: 'AWS::EC2::InternetGateway'}}")
    assert stacks.reason("chat", "Gateway", "CREATE_FAILED") == (
        "The local stage does not support resource type AWS::EC2::InternetGateway"
    )

"""The resource types of a chat: made, changed and deleted as the template says."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
from botocore.config import Config

from tests.stage.stacks import Stacks, refusal


@pytest.fixture
def stacks(aws) -> Stacks:
    """The stacks of the empty account."""
    return Stacks(aws)


def queue_attributes(stacks: Stacks, url: str) -> dict[str, str]:
    answer = stacks.aws("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
    return answer["Attributes"]


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
        "localstage does not support property MetricsConfigurations of AWS::S3::Bucket"
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


def test_alarm_and_secret_when_changed(stacks):
    """Alarms and secrets are made, changed in place and deleted."""
    template = """
    Resources:
      Alarm:
        Type: AWS::CloudWatch::Alarm
        Properties:
          Namespace: AWS/Lambda
          MetricName: Errors
          ComparisonOperator: GreaterThanThreshold
          EvaluationPeriods: 1
          Period: 60
          Statistic: Sum
          Threshold: %s
      Secret:
        Type: AWS::SecretsManager::Secret
        Properties:
          GenerateSecretString: {SecretStringTemplate: '{"user": "ann"}', GenerateStringKey: word}
    """
    stacks.create("chat", template % 1)
    secrets = stacks.aws("secretsmanager")
    word = secrets.get_secret_value(SecretId=stacks.physical_id("chat", "Secret"))["SecretString"]
    assert set(json.loads(word)) == {"user", "word"}
    stacks.update("chat", template % 2)
    alarms = stacks.aws("cloudwatch").describe_alarms()["MetricAlarms"]
    assert [alarm["Threshold"] for alarm in alarms] == [2.0]
    stacks.api.delete_stack(StackName="chat")
    assert secrets.list_secrets()["SecretList"] == []
    assert stacks.aws("cloudwatch").describe_alarms()["MetricAlarms"] == []


def test_type_when_only_moto_knows_it(stacks):
    """A type that moto makes works in a stack as well."""
    rule = "Resources: {Rule: {Type: 'AWS::Events::Rule', Properties: {ScheduleExpression: rate(%s)}}}"
    stacks.create("chat", rule % "1 hour")
    events = stacks.aws("events")
    assert [r["ScheduleExpression"] for r in events.list_rules()["Rules"]] == ["rate(1 hour)"]
    stacks.api.delete_stack(StackName="chat")
    assert events.list_rules()["Rules"] == []


def test_access_key_when_a_stack_makes_and_deletes_it(stacks, stage):
    """A key that a stack made signs calls as soon as the stack is there, and no more once the stack is deleted."""
    stacks.create(
        "chat",
        """
Resources:
  User: {Type: 'AWS::IAM::User', Properties: {UserName: anna}}
  Key: {Type: 'AWS::IAM::AccessKey', Properties: {UserName: !Ref User}}
Outputs: {Id: {Value: !Ref Key}, Secret: {Value: !GetAtt Key.SecretAccessKey}}
""",
    )
    outputs = stacks.outputs("chat")
    session = boto3.Session(outputs["Id"], outputs["Secret"], region_name="us-east-1")
    sts = session.client("sts", endpoint_url=stage.url, config=Config(proxies={}))
    assert sts.get_caller_identity()["Arn"].endswith(":user/anna")
    stacks.api.delete_stack(StackName="chat")
    assert refusal(sts.get_caller_identity)[0] == "InvalidClientTokenId"


USER = """
Resources:
  User:
    Type: AWS::IAM::User
    Properties:
      UserName: anna
      %s
"""
ALLOWED = """Policies:
        - {PolicyName: tables, PolicyDocument: {Statement: {Effect: Allow, Action: 'dynamodb:ListTables', Resource: '*'}}}
      ManagedPolicyArns: ['arn:aws:iam::aws:policy/ReadOnlyAccess']
      PermissionsBoundary: arn:aws:iam::aws:policy/ReadOnlyAccess
      Groups: [readers]
      Tags: [{Key: team, Value: chat}]"""


def test_user_when_its_policies_and_groups_change(stacks):
    """A user has the policies, the boundary, the groups and the tags of its template, and no others after an update."""
    iam = stacks.aws("iam")

    def belongings() -> dict[str, Any]:
        user = iam.get_user(UserName="anna")["User"]
        return {
            "inline": iam.list_user_policies(UserName="anna")["PolicyNames"],
            "attached": [p["PolicyName"] for p in iam.list_attached_user_policies(UserName="anna")["AttachedPolicies"]],
            "groups": [group["GroupName"] for group in iam.list_groups_for_user(UserName="anna")["Groups"]],
            "boundary": user.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn"),
            "tags": iam.list_user_tags(UserName="anna")["Tags"],
            "path": user["Path"],
        }

    iam.create_group(GroupName="readers")
    stacks.create("chat", USER % ALLOWED)
    assert stacks.stack("chat")["StackStatus"] == "CREATE_COMPLETE"
    assert belongings() == {
        "inline": ["tables"],
        "attached": ["ReadOnlyAccess"],
        "groups": ["readers"],
        "boundary": "arn:aws:iam::aws:policy/ReadOnlyAccess",
        "tags": [{"Key": "team", "Value": "chat"}],
        "path": "/",
    }
    stacks.update("chat", USER % "Path: /team/")
    nothing: dict[str, Any] = {key: [] for key in ("inline", "attached", "groups", "tags")}
    assert belongings() == {**nothing, "boundary": None, "path": "/team/"}
    stacks.api.delete_stack(StackName="chat")
    assert iam.list_users()["Users"] == []


def test_user_when_it_is_to_sign_in(stacks):
    """A password for the console is refused by name: there is no console."""
    stacks.create("chat", USER % "LoginProfile: {Password: secret}")
    assert stacks.reason("chat", "User", "CREATE_FAILED") == (
        "localstage does not support property LoginProfile of AWS::IAM::User"
    )


def test_type_when_moto_could_not_delete_it(stacks):
    """A type that could never be deleted again is refused from the start."""
    stacks.create("chat", "Resources: {Gateway: {Type: 'AWS::EC2::InternetGateway'}}")
    assert stacks.reason("chat", "Gateway", "CREATE_FAILED") == (
        "localstage does not support resource type AWS::EC2::InternetGateway"
    )


LIFECYCLE = """
Resources:
  Bucket:
    Type: AWS::S3::Bucket
    Properties:
      %s
"""
CLEAN_UP = """LifecycleConfiguration:
        Rules:
          - {Id: CleanupOldVersions, Status: Enabled, NoncurrentVersionExpiration: {NoncurrentDays: 30}}
          - {Id: AbortUploads, Status: Enabled, AbortIncompleteMultipartUpload: {DaysAfterInitiation: 1}}
          - {Status: Enabled, Prefix: logs/, ExpirationInDays: 7, TagFilters: [{Key: kind, Value: log}],
             Transitions: [{StorageClass: GLACIER, TransitionInDays: 3}]}"""


def test_bucket_when_it_has_a_lifecycle(stacks):
    """A bucket keeps its template's lifecycle rules in S3's own words, and loses them with the property."""
    stacks.create("files", LIFECYCLE % CLEAN_UP)
    s3, name = stacks.aws("s3"), stacks.physical_id("files", "Bucket")
    old, uploads, logs = s3.get_bucket_lifecycle_configuration(Bucket=name)["Rules"]
    assert (old["ID"], old["NoncurrentVersionExpiration"]) == ("CleanupOldVersions", {"NoncurrentDays": 30})
    assert uploads["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 1}
    assert logs["Filter"] == {"And": {"Prefix": "logs/", "Tags": [{"Key": "kind", "Value": "log"}]}}
    assert (logs["Expiration"], logs["Transitions"]) == ({"Days": 7}, [{"Days": 3, "StorageClass": "GLACIER"}])
    stacks.update("files", LIFECYCLE % "Tags: [{Key: a, Value: b}]")
    with pytest.raises(s3.exceptions.ClientError, match="NoSuchLifecycleConfiguration"):
        s3.get_bucket_lifecycle_configuration(Bucket=name)


def test_tags_when_they_change(stacks):
    """The stack's tags reach every resource of each kind, and follow an update: put, changed and removed."""
    template = """
    Resources:
      Alarm:
        Type: AWS::CloudWatch::Alarm
        Properties:
          {Namespace: a, MetricName: b, ComparisonOperator: LessThanThreshold, EvaluationPeriods: 1, Period: 60,
           Statistic: Sum, Threshold: 1}
      Api:
        Type: AWS::ApiGatewayV2::Api
        Properties: {Name: chat, ProtocolType: WEBSOCKET, RouteSelectionExpression: $request.body.a}
      Stage: {Type: AWS::ApiGatewayV2::Stage, Properties: {ApiId: !Ref Api, StageName: prod}}
      Group: {Type: AWS::Logs::LogGroup}
      Parameter: {Type: AWS::SSM::Parameter, Properties: {Name: p, Type: String, Value: a}}
      Queue: {Type: AWS::SQS::Queue}
      Role: {Type: AWS::IAM::Role, Properties: {AssumeRolePolicyDocument: {Statement: []}}}
      Secret: {Type: AWS::SecretsManager::Secret, Properties: {SecretString: a}}
      Table:
        Type: AWS::DynamoDB::Table
        Properties:
          BillingMode: PAY_PER_REQUEST
          AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
          KeySchema: [{AttributeName: id, KeyType: HASH}]
      Topic: {Type: AWS::SNS::Topic}
    Outputs:
      Alarm: {Value: !GetAtt Alarm.Arn}
      Group: {Value: !GetAtt Group.Arn}
      Table: {Value: !GetAtt Table.Arn}
    """

    def tags() -> dict[str, Any]:
        ids = {name: stacks.physical_id("chat", name) for name in ("Api", "Queue", "Role", "Secret", "Topic")}
        arns, api = stacks.outputs("chat"), f"arn:aws:apigateway:us-east-1::/apis/{ids['Api']}"
        found = {
            "Alarm": stacks.aws("cloudwatch").list_tags_for_resource(ResourceARN=arns["Alarm"])["Tags"],
            "Api": stacks.aws("apigatewayv2").get_tags(ResourceArn=api)["Tags"],
            "Stage": stacks.aws("apigatewayv2").get_tags(ResourceArn=f"{api}/stages/prod")["Tags"],
            "Group": stacks.aws("logs").list_tags_for_resource(resourceArn=arns["Group"].removesuffix(":*"))["tags"],
            "Parameter": stacks.aws("ssm").list_tags_for_resource(ResourceType="Parameter", ResourceId="p")["TagList"],
            "Queue": stacks.aws("sqs").list_queue_tags(QueueUrl=ids["Queue"]).get("Tags", {}),
            "Role": stacks.aws("iam").list_role_tags(RoleName=ids["Role"])["Tags"],
            "Secret": stacks.aws("secretsmanager").describe_secret(SecretId=ids["Secret"])["Tags"],
            "Table": stacks.aws("dynamodb").list_tags_of_resource(ResourceArn=arns["Table"])["Tags"],
            "Topic": stacks.aws("sns").list_tags_for_resource(ResourceArn=ids["Topic"])["Tags"],
        }
        return {
            name: {tag["Key"]: tag["Value"] for tag in pairs} if isinstance(pairs, list) else pairs
            for name, pairs in found.items()
        }

    made = stacks.create("chat", template, Tags=[{"Key": "kept", "Value": "one"}, {"Key": "gone", "Value": "x"}])
    assert made["StackStatus"] == "CREATE_COMPLETE", made["StackStatusReason"]
    assert {tuple(sorted(found)) for found in tags().values()} == {("gone", "kept")}
    stacks.update("chat", Tags=[{"Key": "kept", "Value": "two"}, {"Key": "new", "Value": "y"}])
    assert tags() == {name: {"kept": "two", "new": "y"} for name in tags()}

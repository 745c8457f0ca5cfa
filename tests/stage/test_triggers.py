"""What would invoke a function by itself, which the stage refuses by name. docs/differences.md."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from localstage import LocalStage
from tests.stage.stacks import Stacks
from tests.stage.target import StageTarget, create_function

Set = Callable[[StageTarget, str, str], Any]


@pytest.fixture(scope="module")
def target(stage: LocalStage) -> StageTarget:
    """localstage: AWS itself does all of this."""
    return StageTarget(stage)


@pytest.fixture(scope="module")
def function(target: StageTarget) -> str:
    return create_function(target, "def handler(event, context): return 1\n")


def filter_of_logs(target: StageTarget, name: str, function: str) -> None:
    logs = target.client("logs")
    logs.create_log_group(logGroupName=name)
    logs.put_subscription_filter(logGroupName=name, filterName="all", filterPattern="", destinationArn=function)


def notification_of_a_bucket(target: StageTarget, name: str, function: str) -> None:
    s3 = target.client("s3")
    s3.create_bucket(Bucket=name)
    s3.put_bucket_notification_configuration(
        Bucket=name,
        NotificationConfiguration={
            "LambdaFunctionConfigurations": [{"LambdaFunctionArn": function, "Events": ["s3:ObjectCreated:*"]}]
        },
    )


def target_of_a_rule(target: StageTarget, name: str, function: str) -> None:
    events = target.client("events")
    events.put_rule(Name=name, ScheduleExpression="rate(1 minute)")
    events.put_targets(Rule=name, Targets=[{"Id": "1", "Arn": function}])


def target_of_a_schedule(target: StageTarget, name: str, function: str) -> None:
    target.client("scheduler").create_schedule(
        Name=name,
        ScheduleExpression="rate(1 minute)",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": function, "RoleArn": "arn:aws:iam::123456789012:role/anybody"},
    )


def trigger_of_a_user_pool(target: StageTarget, name: str, function: str) -> None:
    target.client("cognito-idp").create_user_pool(PoolName=name, LambdaConfig={"UserMigration": function})


def rotation_of_a_secret(target: StageTarget, name: str, function: str) -> None:
    secrets = target.client("secretsmanager")
    secrets.create_secret(Name=name, SecretString="hush")
    secrets.rotate_secret(SecretId=name, RotationLambdaARN=function)


def subscription_of_a_topic(target: StageTarget, name: str, function: str) -> None:
    sns = target.client("sns")
    sns.subscribe(TopicArn=sns.create_topic(Name=name)["TopicArn"], Protocol="lambda", Endpoint=function)


def destination_of_a_function(target: StageTarget, name: str, function: str) -> None:
    target.client("lambda").put_function_event_invoke_config(
        FunctionName=function, DestinationConfig={"OnFailure": {"Destination": function}}
    )


def url_of_a_function(target: StageTarget, name: str, function: str) -> None:
    target.client("lambda").create_function_url_config(FunctionName=function, AuthType="NONE")


@pytest.mark.parametrize(
    ("set_up", "code"),
    [
        (filter_of_logs, "InvalidParameterException"),
        (notification_of_a_bucket, "InvalidArgument"),
        (target_of_a_rule, "ValidationException"),
        (target_of_a_schedule, "ValidationException"),
        (trigger_of_a_user_pool, "InvalidParameterException"),
        (rotation_of_a_secret, "InvalidRequestException"),
        (subscription_of_a_topic, "InvalidParameter"),
        (destination_of_a_function, "InvalidParameterValueException"),
        (url_of_a_function, "InvalidParameterValueException"),
    ],
)
def test_trigger_when_it_would_invoke_a_function(target: StageTarget, function: str, set_up: Set, code: str):
    """A trigger is refused where it is set up, in one sentence that names the function."""
    with pytest.raises(ClientError) as caught:
        set_up(target, f"test-{uuid.uuid4().hex[:12]}", function)
    error = caught.value.response["Error"]
    assert error["Code"] == code
    assert error["Message"].startswith("localstage ")
    assert function in error["Message"]


def test_service_when_no_function_is_involved(target: StageTarget):
    """The same services do the rest of their work."""
    name = f"test-{uuid.uuid4().hex[:12]}"
    queue = target.client("sqs").create_queue(QueueName=name)["QueueUrl"]
    arn = target.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"][
        "QueueArn"
    ]
    s3 = target.client("s3")
    s3.create_bucket(Bucket=name)
    s3.put_bucket_notification_configuration(
        Bucket=name,
        NotificationConfiguration={"QueueConfigurations": [{"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}]},
    )
    target.client("events").put_rule(Name=name, ScheduleExpression="rate(1 minute)")
    assert target.client("events").put_targets(Rule=name, Targets=[{"Id": "1", "Arn": arn}])["FailedEntryCount"] == 0
    assert target.client("cognito-idp").create_user_pool(PoolName=name)["UserPool"]["Name"] == name


@pytest.fixture
def stacks(aws) -> Iterator[Stacks]:
    """The stacks of the empty account."""
    return Stacks(aws)


FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:chat"


@pytest.mark.parametrize(
    ("kind", "properties", "named"),
    [
        (
            "AWS::Events::Rule",
            {"ScheduleExpression": "rate(1 minute)", "Targets": [{"Id": "1", "Arn": FUNCTION}]},
            FUNCTION,
        ),
        ("AWS::SNS::Topic", {"Subscription": [{"Protocol": "lambda", "Endpoint": FUNCTION}]}, FUNCTION),
        ("AWS::Cognito::UserPool", {"LambdaConfig": {"UserMigration": FUNCTION}}, FUNCTION),
        ("AWS::Lambda::Url", {"TargetFunctionArn": FUNCTION, "AuthType": "NONE"}, "AWS::Lambda::Url"),
        (
            "AWS::Lambda::EventSourceMapping",
            {"FunctionName": FUNCTION, "EventSourceArn": "arn:aws:kinesis:us-east-1:1:stream/s"},
            FUNCTION,
        ),
        (
            "AWS::Logs::SubscriptionFilter",
            {"LogGroupName": "x", "FilterPattern": "", "DestinationArn": FUNCTION},
            "AWS::Logs",
        ),
        (
            "AWS::S3::Bucket",
            {
                "NotificationConfiguration": {
                    "LambdaConfigurations": [{"Event": "s3:ObjectCreated:*", "Function": FUNCTION}]
                }
            },
            "NotificationConfiguration",
        ),
        (
            "AWS::Scheduler::Schedule",
            {
                "ScheduleExpression": "rate(1 minute)",
                "FlexibleTimeWindow": {"Mode": "OFF"},
                "Target": {"Arn": FUNCTION, "RoleArn": "arn:aws:iam::123456789012:role/x"},
            },
            "AWS::Scheduler",
        ),
    ],
)
def test_stack_when_it_has_a_trigger(stacks: Stacks, kind: str, properties: dict[str, Any], named: str):
    """A stack with a trigger fails at the trigger and says why, whichever service it is."""
    template = json.dumps({"Resources": {"Trigger": {"Type": kind, "Properties": properties}}})
    assert stacks.create("triggered", template)["StackStatus"] == "ROLLBACK_COMPLETE"
    reason = stacks.reason("triggered", "Trigger", "CREATE_FAILED")
    assert "localstage " in reason and named in reason, reason

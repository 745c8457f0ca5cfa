"""What would invoke a function by itself, and what the same calls may do."""

from __future__ import annotations

from typing import Any

import botocore.session
import pytest

from localstage.door.refusal import Refusal
from localstage.services import refused

FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:chat"
QUEUE = "arn:aws:sqs:us-east-1:123456789012:jobs"
STREAM = "arn:aws:dynamodb:us-east-1:123456789012:table/t/stream/2026-01-01T00:00:00.000"
UNIVERSAL = "arn:aws:scheduler:::aws-sdk:lambda:invoke"
Call = tuple[str, str, dict[str, Any]]
"""Service, operation and parameters."""


def refusal_of(call: Call) -> Refusal | None:
    service, operation, parameters = call
    return refused.refusal(f"{service}:{operation}", parameters)


def notification(**configurations: Any) -> dict[str, Any]:
    return {"Bucket": "files", "NotificationConfiguration": configurations}


@pytest.mark.parametrize(
    ("call", "code", "who"),
    [
        (
            ("logs", "PutSubscriptionFilter", {"logGroupName": "g", "filterName": "f", "destinationArn": FUNCTION}),
            "InvalidParameterException",
            "the filter f of g",
        ),
        (
            (
                "s3",
                "PutBucketNotificationConfiguration",
                notification(QueueConfigurations=[], LambdaFunctionConfigurations=[{"LambdaFunctionArn": FUNCTION}]),
            ),
            "InvalidArgument",
            "files",
        ),
        (
            ("s3", "PutBucketNotification", notification(CloudFunctionConfiguration={"CloudFunction": FUNCTION})),
            "InvalidArgument",
            "files",
        ),
        (
            ("events", "PutTargets", {"Rule": "r", "Targets": [{"Arn": QUEUE}, {"Arn": FUNCTION}]}),
            "ValidationException",
            "the rule r",
        ),
        (
            ("scheduler", "CreateSchedule", {"Name": "s", "Target": {"Arn": FUNCTION}}),
            "ValidationException",
            "the schedule s",
        ),
        (
            ("scheduler", "UpdateSchedule", {"Name": "s", "Target": {"Arn": FUNCTION}}),
            "ValidationException",
            "the schedule s",
        ),
        (
            ("cognito-idp", "CreateUserPool", {"PoolName": "p", "LambdaConfig": {"DefineAuthChallenge": FUNCTION}}),
            "InvalidParameterException",
            "the pool p",
        ),
        (
            (
                "cognito-idp",
                "UpdateUserPool",
                {"UserPoolId": "id", "LambdaConfig": {"CustomSMSSender": {"LambdaArn": FUNCTION}}},
            ),
            "InvalidParameterException",
            "the pool id",
        ),
        (
            ("secretsmanager", "RotateSecret", {"SecretId": "x", "RotationLambdaARN": FUNCTION}),
            "InvalidRequestException",
            "x",
        ),
        (("sns", "Subscribe", {"TopicArn": "t", "Protocol": "lambda", "Endpoint": FUNCTION}), "InvalidParameter", "t"),
    ],
    ids=lambda value: value[1] if isinstance(value, tuple) else "",
)
def test_call_when_it_would_invoke_a_function(call: Call, code: str, who: str):
    """The refusal has the service's code, and a sentence that says who cannot call which function."""
    found = refusal_of(call)
    assert found is not None and found.code == code
    assert found.message.startswith("localstage does not invoke functions from ")
    assert found.message.endswith(f"; {who} cannot call {FUNCTION}.")


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (
            ("lambda", "CreateEventSourceMapping", {"FunctionName": "f", "EventSourceArn": STREAM}),
            f"localstage has event source mappings of SQS queues only; {STREAM} cannot invoke f.",
        ),
        (
            ("lambda", "CreateEventSourceMapping", {"FunctionName": "f", "SelfManagedEventSource": {"Endpoints": {}}}),
            "localstage has event source mappings of SQS queues only; no source of its own can invoke f.",
        ),
        (
            (
                "lambda",
                "UpdateEventSourceMapping",
                {"FunctionName": "f", "FilterCriteria": {"Filters": [{"Pattern": "{}"}]}},
            ),
            "localstage filters no messages of queues: a mapping with FilterCriteria would invoke f with all.",
        ),
        (
            (
                "lambda",
                "CreateEventSourceMapping",
                {"FunctionName": "f", "ProvisionedPollerConfig": {"MinimumPollers": 2}},
            ),
            "localstage has no provisioned pollers; a mapping to f asks for them.",
        ),
        (
            ("lambda", "CreateFunctionUrlConfig", {"FunctionName": "f"}),
            "localstage has no function URLs; f can be invoked and can be integrated.",
        ),
        (
            (
                "lambda",
                "PutFunctionEventInvokeConfig",
                {"FunctionName": "f", "DestinationConfig": {"OnSuccess": {}, "OnFailure": {"Destination": QUEUE}}},
            ),
            "localstage has no destinations of asynchronous invocations; f asks for one.",
        ),
    ],
    ids=lambda value: value[1] if isinstance(value, tuple) else "",
)
def test_call_when_lambda_itself_would_invoke(call: Call, sentence: str):
    """What Lambda itself would invoke a function for, or after, is refused with its own sentence."""
    found = refusal_of(call)
    assert found is not None
    assert (found.code, found.message, found.status) == ("InvalidParameterValueException", sentence, 400)


@pytest.mark.parametrize(
    "call",
    [
        ("logs", "PutSubscriptionFilter", {"destinationArn": QUEUE}),
        ("lambda", "CreateEventSourceMapping", {"FunctionName": "f", "EventSourceArn": QUEUE, "FilterCriteria": {}}),
        ("logs", "DescribeLogGroups", {"destinationArn": FUNCTION}),
        ("s3", "PutBucketNotificationConfiguration", notification(QueueConfigurations=[{"QueueArn": QUEUE}])),
        ("s3", "PutBucketNotificationConfiguration", {"Bucket": "files"}),
        ("events", "PutTargets", {"Targets": [{"Arn": QUEUE, "Input": FUNCTION}]}),
        ("events", "PutTargets", {"Targets": "not a list"}),
        ("scheduler", "CreateSchedule", {"Target": {"Arn": QUEUE, "Input": FUNCTION}}),
        ("cognito-idp", "CreateUserPool", {"PoolName": "p", "LambdaConfig": {"PreSignUp": FUNCTION}}),
        ("cognito-idp", "CreateUserPool", {"PoolName": "p", "LambdaConfig": {}}),
        ("cognito-idp", "CreateUserPool", {"PoolName": "p"}),
        ("secretsmanager", "RotateSecret", {"SecretId": "x"}),
        ("sns", "Subscribe", {"Protocol": "sqs", "Endpoint": QUEUE}),
        ("lambda", "PutFunctionEventInvokeConfig", {"FunctionName": "f", "MaximumRetryAttempts": 0}),
        ("lambda", "Invoke", {"FunctionName": FUNCTION}),
    ],
    ids=lambda value: value[1],
)
def test_call_when_no_function_is_involved(call: Call):
    """The same calls go through when they name no function to invoke, and every other call does."""
    assert refusal_of(call) is None


def test_schedule_when_its_target_is_any_call():
    """EventBridge Scheduler's universal target is refused when the call is Lambda's Invoke."""
    assert refusal_of(("scheduler", "CreateSchedule", {"Name": "s", "Target": {"Arn": UNIVERSAL}})) is not None


@pytest.mark.parametrize(
    ("kind", "properties"), [("AWS::Events::Rule", {"Name": "r", "Targets": [{"Id": "1", "Arn": FUNCTION}]})]
)
def test_type_when_it_would_invoke_a_function(kind: str, properties: dict[str, Any]):
    """A type that is made without a call is refused with the sentence of the call."""
    found = refused.refusal(kind, properties)
    assert found is not None and FUNCTION in found.message
    assert refused.refusal("AWS::Events::Rule", {"Targets": [{"Id": "1", "Arn": QUEUE}]}) is None


def test_rows_when_compared_with_the_service_models():
    """Every call of the table is an operation of its service, with the parameters that its paths and sentence name."""
    session = botocore.session.Session()
    for row in refused._ROWS:
        for service, operation in (name.split(":") for name in row.names if not name.startswith("AWS::")):
            # Two are signed for one name, and one is signed for a longer one.
            models = {"apigateway": ("apigateway", "apigatewayv2"), "cloudcontrolapi": ("cloudcontrol",)}.get(
                service, (service,)
            )
            members = {
                member
                for model in models
                for member in session.get_service_model(model).operation_model(operation).input_shape.members
            }
            assert {path.split(".")[0] for path in row.paths} <= {*members, ""}, operation


@pytest.mark.parametrize(
    ("call", "code", "sentence"),
    [
        (
            ("lambda", "CreateFunction", {"FunctionName": "f", "Code": {"ImageUri": "x"}}),
            "InvalidParameterValueException",
            "localstage runs functions from zip packages only; f is a container image.",
        ),
        (
            ("lambda", "UpdateFunctionConfiguration", {"FunctionName": "f", "LoggingConfig": {"LogFormat": "JSON"}}),
            "InvalidParameterValueException",
            "localstage writes the logs of functions as text only; f asks for LogFormat JSON.",
        ),
        (
            ("lambda", "CreateFunction", {"FunctionName": "f", "DeadLetterConfig": {"TargetArn": QUEUE}}),
            "InvalidParameterValueException",
            "localstage has no dead-letter queues of functions; f asks for one.",
        ),
        (
            ("lambda", "UpdateAlias", {"Name": "live", "RoutingConfig": {"AdditionalVersionWeights": {"2": 0.5}}}),
            "InvalidParameterValueException",
            "localstage has no weighted aliases; live has weights.",
        ),
        (
            ("apigateway", "CreateDomainName", {"DomainName": "chat.example.com"}),
            "BadRequestException",
            "localstage serves no custom domain names: clients reach an API at its own address, not at "
            "chat.example.com",
        ),
        (
            ("cloudcontrolapi", "GetResource", {"TypeName": "AWS::Lambda::Url", "Identifier": "f"}),
            "ResourceNotFoundException",
            "Resource of type 'AWS::Lambda::Url' with identifier 'f' was not found: localstage has no function URLs.",
        ),
        (
            ("cloudformation", "CreateStackSet", {"StackSetName": "s"}),
            "ValidationError",
            "localstage does not support StackSets",
        ),
        (
            ("cloudformation", "SetStackPolicy", {"StackName": "s"}),
            "ValidationError",
            "localstage does not support stack policies",
        ),
    ],
    ids=lambda value: value[1] if isinstance(value, tuple) else "",
)
def test_call_when_it_asks_for_what_nothing_here_does(call: Call, code: str, sentence: str):
    """It is refused by name where it is set up."""
    found = refusal_of(call)
    assert found is not None and (found.code, found.message) == (code, sentence)


def test_function_when_it_asks_for_nothing_of_that():
    """A function in a zip package with a log in text passes, and so does an alias of one version."""
    plain = {"FunctionName": "f", "PackageType": "Zip", "LoggingConfig": {"LogFormat": "Text"}, "DeadLetterConfig": {}}
    assert refusal_of(("lambda", "CreateFunction", plain)) is None
    assert refusal_of(("lambda", "CreateAlias", {"Name": "live", "RoutingConfig": {}})) is None

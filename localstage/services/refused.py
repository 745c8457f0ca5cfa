"""What would invoke a function by itself: refused by name where it is set up, since nothing here would run it.

One table for all services. It is asked about each call as the door has read it,
with the parameters by the names of the API's shapes, and about the types of
CloudFormation that moto makes without a call, with their properties.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Refused:
    """The error that is answered instead of doing a call: the service's code for it, and one sentence."""

    code: str
    sentence: str


def refusal(service: str, operation: str, parameters: Mapping[str, Any]) -> Refused | None:
    """Why a call is refused, None if it is not; ``service`` as in the credential scope, such as ``cognito-idp``."""
    return _refusal(f"{service}:{operation}", parameters)


def refusal_of_type(type_name: str, properties: Mapping[str, Any]) -> Refused | None:
    """Why a resource of a stack is refused that moto would make without a call, None if it is not."""
    return _refusal(type_name, properties)


def names_a_function(value: Any) -> bool:
    """Whether an ARN is a function's, or the universal target that invokes one."""
    return isinstance(value, str) and ":lambda:" in value


@dataclass(frozen=True)
class _Row:
    calls: tuple[str, ...]
    """``{service}:{Operation}``, or the name of a type."""
    paths: tuple[str, ...]
    """Where the parameters say what to invoke: names with dots between; ``*`` is any name, "" the whole call."""
    code: str
    sentence: str
    """May name parameters, and ``{found}``: what the path led to."""
    means: Callable[[Any], bool] = names_a_function
    """Whether what the path led to is to be refused."""


def _invokes(what: str, who: str, function: str = "{found}") -> str:
    return f"The local stage does not invoke functions from {what}; {who} cannot call {function}."


_ROWS = (
    _Row(
        ("logs:PutSubscriptionFilter",),
        ("destinationArn",),
        "InvalidParameterException",
        _invokes("log groups", "the filter {filterName} of {logGroupName}"),
    ),
    _Row(
        ("s3:PutBucketNotificationConfiguration", "s3:PutBucketNotification"),
        (
            "NotificationConfiguration.LambdaFunctionConfigurations.LambdaFunctionArn",
            "NotificationConfiguration.CloudFunctionConfiguration.CloudFunction",
        ),
        "InvalidArgument",
        _invokes("buckets", "{Bucket}"),
    ),
    _Row(("events:PutTargets",), ("Targets.Arn",), "ValidationException", _invokes("rules", "the rule {Rule}")),
    _Row(("AWS::Events::Rule",), ("Targets.Arn",), "ValidationException", _invokes("rules", "the rule {Name}")),
    _Row(
        ("scheduler:CreateSchedule", "scheduler:UpdateSchedule"),
        ("Target.Arn",),
        "ValidationException",
        _invokes("schedules", "the schedule {Name}"),
    ),
    _Row(
        ("cognito-idp:CreateUserPool",),
        ("LambdaConfig.*", "LambdaConfig.*.LambdaArn"),
        "InvalidParameterException",
        _invokes("user pools", "the pool {PoolName}"),
    ),
    _Row(
        ("cognito-idp:UpdateUserPool",),
        ("LambdaConfig.*", "LambdaConfig.*.LambdaArn"),
        "InvalidParameterException",
        _invokes("user pools", "the pool {UserPoolId}"),
    ),
    _Row(
        ("secretsmanager:RotateSecret",),
        ("RotationLambdaARN",),
        "InvalidRequestException",
        _invokes("secrets", "{SecretId}"),
        bool,
    ),
    _Row(
        ("sns:Subscribe",),
        ("Protocol",),
        "InvalidParameter",
        _invokes("SNS topics", "{TopicArn}", "{Endpoint}"),
        "lambda".__eq__,
    ),
    _Row(
        ("lambda:CreateEventSourceMapping", "AWS::Lambda::EventSourceMapping"),
        ("",),
        "InvalidParameterValueException",
        "The local stage has no event source mappings; {EventSourceArn} cannot invoke {FunctionName}.",
        bool,
    ),
    _Row(
        ("lambda:CreateFunctionUrlConfig",),
        ("",),
        "InvalidParameterValueException",
        "The local stage has no function URLs; {FunctionName} can be invoked and can be integrated.",
        bool,
    ),
    _Row(
        ("lambda:PutFunctionEventInvokeConfig", "lambda:UpdateFunctionEventInvokeConfig"),
        ("DestinationConfig.OnSuccess.Destination", "DestinationConfig.OnFailure.Destination"),
        "InvalidParameterValueException",
        "The local stage has no destinations of asynchronous invocations; {FunctionName} asks for one.",
        bool,
    ),
)
_BY_CALL = {call: row for row in _ROWS for call in row.calls}


def _refusal(call: str, parameters: Mapping[str, Any]) -> Refused | None:
    row = _BY_CALL.get(call)
    if row is None:
        return None
    for path in row.paths:
        for found in _at(parameters, tuple(filter(None, path.split(".")))):
            if row.means(found):
                named = defaultdict(str, parameters, found=found)
                return Refused(row.code, row.sentence.format_map(named))
    return None


def _at(value: Any, path: tuple[str, ...]) -> Iterator[Any]:
    """What a path leads to; each member of a list is looked into."""
    if isinstance(value, list):
        for member in value:
            yield from _at(member, path)
    elif not path:
        yield value
    elif isinstance(value, Mapping):
        for name in value if path[0] == "*" else path[:1]:
            if name in value:
                yield from _at(value[name], path[1:])

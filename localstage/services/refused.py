"""What nothing here would do: refused by name where it is set up, and not silent when its time comes.

Above all what would invoke a function by itself. One table for all services. It is asked about each call before moto is given it,
whoever makes the call, and about the types of CloudFormation that moto makes
without a call.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from localstage.door.call import AwsCall
from localstage.door.refusal import Refusal


def refusal_of_call(call: AwsCall) -> Refusal | None:
    """The error that is answered instead of doing a call, None if it is not refused. Off the event loop."""
    if call.service not in _SERVICES:
        return None
    operation, parameters = (call.operation, call.parameters) if call.operation else call.of_no_service
    name = f"{call.service}:{operation}"
    return refusal(name, parameters) if name in _BY_NAME else None


def refusal(name: str, parameters: Mapping[str, Any]) -> Refusal | None:
    """The error for a call with these parameters, or for a resource of a stack with these properties.

    ``name`` is ``{service}:{Operation}``, the service as in the credential scope, or a type's.
    """
    for row in _BY_NAME.get(name, ()):
        for path in row.paths:
            for found in _at(parameters, tuple(filter(None, path.split(".")))):
                if row.means(found):
                    return Refusal(row.code, row.sentence.format_map(defaultdict(str, parameters, found=found)))
    return None


def names_a_function(value: Any) -> bool:
    """Whether an ARN is a function's, or the universal target that invokes one."""
    return isinstance(value, str) and ":lambda:" in value


@dataclass(frozen=True)
class _Row:
    names: tuple[str, ...]
    """Calls as ``{service}:{Operation}``, and types."""
    paths: tuple[str, ...]
    """Where the parameters say what to invoke: names with dots between; ``*`` is any name, "" the whole call."""
    code: str
    sentence: str
    """May name parameters, and ``{found}``: what the path led to."""
    means: Callable[[Any], bool] = names_a_function
    """Whether what the path led to is to be refused."""


def _invokes(what: str, who: str, function: str = "{found}") -> str:
    return f"localstage does not invoke functions from {what}; {who} cannot call {function}."


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
    *(
        _Row(
            ("cognito-idp:CreateUserPool", "cognito-idp:UpdateUserPool"),
            (f"LambdaConfig.{trigger}", f"LambdaConfig.{trigger}.LambdaArn"),
            "InvalidParameterException",
            _invokes(f"user pools as {trigger}", "the pool {PoolName}{UserPoolId}"),
        )
        for trigger in (
            *("CreateAuthChallenge", "CustomEmailSender", "CustomSMSSender", "DefineAuthChallenge"),
            *("InboundFederation", "UserMigration", "VerifyAuthChallengeResponse"),
        )
    ),
    _Row(
        ("cognito-idp:CreateUserPool", "cognito-idp:UpdateUserPool"),
        ("LambdaConfig.PreTokenGenerationConfig.LambdaVersion",),
        "InvalidParameterException",
        "localstage has the trigger PreTokenGeneration with events of the version V1_0 only; "
        "the pool {PoolName}{UserPoolId} asks for {found}.",
        "V1_0".__ne__,
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
        ("lambda:CreateEventSourceMapping",),
        ("EventSourceArn",),
        "InvalidParameterValueException",
        "localstage has event source mappings of SQS queues only; {EventSourceArn} cannot invoke {FunctionName}.",
        lambda arn: ":sqs:" not in str(arn),
    ),
    _Row(
        ("lambda:CreateEventSourceMapping",),
        ("SelfManagedEventSource",),
        "InvalidParameterValueException",
        "localstage has event source mappings of SQS queues only; no source of its own can invoke {FunctionName}.",
        bool,
    ),
    _Row(
        ("lambda:CreateEventSourceMapping", "lambda:UpdateEventSourceMapping"),
        ("FilterCriteria.Filters",),
        "InvalidParameterValueException",
        "localstage filters no messages of queues: a mapping with FilterCriteria would invoke {FunctionName} with all.",
        bool,
    ),
    _Row(
        ("lambda:CreateEventSourceMapping", "lambda:UpdateEventSourceMapping"),
        ("ProvisionedPollerConfig",),
        "InvalidParameterValueException",
        "localstage has no provisioned pollers; a mapping to {FunctionName} asks for them.",
        bool,
    ),
    _Row(
        ("lambda:CreateFunctionUrlConfig",),
        ("",),
        "InvalidParameterValueException",
        "localstage has no function URLs; {FunctionName} can be invoked and can be integrated.",
        bool,
    ),
    _Row(
        ("cloudcontrolapi:GetResource",),
        ("TypeName",),
        "ResourceNotFoundException",  # As no function has one. `sam list endpoints` asks about each, and reads this.
        "Resource of type '{TypeName}' with identifier '{Identifier}' was not found: localstage has no function URLs.",
        "AWS::Lambda::Url".__eq__,
    ),
    _Row(
        ("lambda:PutFunctionEventInvokeConfig", "lambda:UpdateFunctionEventInvokeConfig"),
        ("DestinationConfig.OnSuccess.Destination", "DestinationConfig.OnFailure.Destination"),
        "InvalidParameterValueException",
        "localstage has no destinations of asynchronous invocations; {FunctionName} asks for one.",
        bool,
    ),
    _Row(
        ("lambda:CreateFunction", "lambda:UpdateFunctionConfiguration"),
        ("DeadLetterConfig.TargetArn",),
        "InvalidParameterValueException",
        "localstage has no dead-letter queues of functions; {FunctionName} asks for one.",
        bool,
    ),
    _Row(
        ("lambda:CreateFunction", "lambda:UpdateFunctionConfiguration"),
        ("LoggingConfig.LogFormat",),
        "InvalidParameterValueException",
        "localstage writes the logs of functions as text only; {FunctionName} asks for LogFormat {found}.",
        "Text".__ne__,
    ),
    _Row(
        ("lambda:CreateFunction",),
        ("PackageType", "Code.ImageUri"),
        "InvalidParameterValueException",
        "localstage runs functions from zip packages only; {FunctionName} is a container image.",
        "Zip".__ne__,
    ),
    _Row(
        ("lambda:CreateAlias", "lambda:UpdateAlias"),
        ("RoutingConfig.AdditionalVersionWeights",),
        "InvalidParameterValueException",
        "localstage has no weighted aliases; {Name} has weights.",
        bool,
    ),
    _Row(
        ("apigateway:CreateDomainName",),
        ("DomainName", "domainName"),  # REST APIs, none of which is served, write it so.
        "BadRequestException",
        "localstage serves no custom domain names: clients reach an API at its own address, not at {found}",
        bool,
    ),
    _Row(
        ("cloudformation:CreateStackSet", "cloudformation:CreateStackInstances"),
        ("",),
        "ValidationError",
        "localstage does not support StackSets",
        bool,
    ),
    _Row(
        ("cloudformation:SetStackPolicy",), ("",), "ValidationError", "localstage does not support stack policies", bool
    ),
)
_BY_NAME = {name: [row for row in _ROWS if name in row.names] for known in _ROWS for name in known.names}
_SERVICES = {name.partition(":")[0] for name in _BY_NAME}


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

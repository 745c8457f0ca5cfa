"""Versions, aliases, layers, concurrency and retries of functions, through Lambda's API. FIDELITY section 9."""

from __future__ import annotations

import io
import json
import uuid
import zipfile

import pytest
from botocore.exceptions import ClientError

from tests.stage.target import DeployedApi, Target, add_route, allow_api_gateway, create_function, package
from tests.stage.waiting import eventually, messages_in

TELLING = """
def handler(event, context):
    return {"code": "CODE", "version": context.function_version, "arn": context.invoked_function_arn,
            "stream": context.log_stream_name}
"""


def invoke(target: Target, function: str, **options: object) -> dict:
    return json.loads(target.client("lambda").invoke(FunctionName=function, Payload=b"{}", **options)["Payload"].read())


@pytest.fixture(scope="module")
def versioned(target: Target) -> str:
    """A function with version 1 (code "old"), the alias "live" for it, and newer code since."""
    arn = create_function(target, TELLING.replace("CODE", "old"))
    lambda_ = target.client("lambda")
    assert lambda_.publish_version(FunctionName=arn)["Version"] == "1"
    lambda_.create_alias(FunctionName=arn, Name="live", FunctionVersion="1")
    lambda_.update_function_code(FunctionName=arn, ZipFile=package(TELLING.replace("CODE", "new")))
    lambda_.get_waiter("function_updated_v2").wait(FunctionName=arn)
    return arn


@pytest.mark.fidelity("9.1")
@pytest.mark.parametrize(
    ("qualifier", "code", "version"), [("1", "old", "1"), ("live", "old", "1"), ("$LATEST", "new", "$LATEST")]
)
def test_invoke_when_qualified(target: Target, versioned: str, qualifier: str, code: str, version: str):
    """A qualifier chooses the code; the context has its version and the ARN that was asked for."""
    told = invoke(target, versioned, Qualifier=qualifier)
    assert (told["code"], told["version"], told["arn"]) == (code, version, f"{versioned}:{qualifier}")
    assert f"/[{version}]" in told["stream"]


def test_invoke_when_the_name_is_written_in_every_way(target: Target, versioned: str):
    """A name, a partial ARN and an ARN mean the same function, each with or without a qualifier."""
    name, account = versioned.rpartition(":")[2], versioned.split(":")[4]
    for unqualified in (name, f"{account}:function:{name}", versioned):
        assert invoke(target, unqualified)["code"] == "new"
        assert invoke(target, f"{unqualified}:live")["code"] == "old"


@pytest.fixture(scope="module")
def of_an_alias(target: Target) -> tuple[str, str]:
    """The URL of an API whose $default route is an integration of an alias, and the alias; nobody may invoke it yet."""
    source = "def handler(event, context):\n    return {'statusCode': 200, 'body': context.invoked_function_arn}\n"
    arn = create_function(target, source)
    lambda_, gateway = target.client("lambda"), target.client("apigatewayv2")
    lambda_.publish_version(FunctionName=arn)
    alias = lambda_.create_alias(FunctionName=arn, Name="live", FunctionVersion="1")["AliasArn"]
    api_id = gateway.create_api(
        Name="alias", ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.action"
    )["ApiId"]
    add_route(target, api_id, "$default", alias, two_way=True)
    deployment = gateway.create_deployment(ApiId=api_id)["DeploymentId"]
    gateway.create_stage(ApiId=api_id, StageName="prod", DeploymentId=deployment)
    return DeployedApi(api_id, {}).url, alias


def answer(target: Target, url: str) -> str:
    """What the API at ``url`` answers to a message."""
    socket = target.connect(url)
    try:
        socket.send("hello")
        return socket.recv()
    finally:
        socket.close()


@pytest.mark.parametrize("in_the_name", [True, False], ids=["in its name", "beside its name"])
def test_route_when_its_integration_names_an_alias(target: Target, of_an_alias: tuple[str, str], in_the_name: bool):
    """An integration of an alias serves the alias's version if the alias's own policy allows it; not the function's."""
    url, alias = of_an_alias
    function, _, name = alias.rpartition(":")
    lambda_ = target.client("lambda")
    api_id = url.split("//")[1].split(".")[0]
    allow_api_gateway(target, function, api_id)
    assert json.loads(answer(target, url))["message"] == "Internal server error"
    where = {"FunctionName": alias} if in_the_name else {"FunctionName": function, "Qualifier": name}
    lambda_.add_permission(
        **where,
        StatementId=f"api-{api_id}",
        Action="lambda:InvokeFunction",
        Principal="apigateway.amazonaws.com",
        SourceArn=f"arn:aws:execute-api:us-east-1:{alias.split(':')[4]}:{api_id}/*",
    )
    assert answer(target, url) == alias
    lambda_.remove_permission(FunctionName=function, StatementId=f"api-{api_id}")
    assert answer(target, url) == alias
    statements = json.loads(lambda_.get_policy(**where)["Policy"])["Statement"]
    assert [statement["Resource"] for statement in statements] == [alias]
    lambda_.remove_permission(**where, StatementId=f"api-{api_id}")
    assert json.loads(answer(target, url))["message"] == "Internal server error"
    with pytest.raises(lambda_.exceptions.ResourceNotFoundException):
        lambda_.get_policy(**where)


def test_permission_when_it_is_for_the_newest_code(target: Target, versioned: str):
    """$LATEST has no policy of its own."""
    with pytest.raises(ClientError) as caught:
        target.client("lambda").add_permission(
            FunctionName=versioned,
            Qualifier="$LATEST",
            StatementId="newest",
            Action="lambda:InvokeFunction",
            Principal="apigateway.amazonaws.com",
        )
    assert caught.value.response["Error"] == {
        "Code": "InvalidParameterValueException",
        "Message": "We currently do not support adding policies for $LATEST.",
    }


def test_permission_when_its_id_is_taken(target: Target, versioned: str):
    """A statement's id is given once in each policy; another qualifier has a policy of its own."""
    lambda_ = target.client("lambda")
    permission = {"StatementId": "once", "Action": "lambda:InvokeFunction", "Principal": "apigateway.amazonaws.com"}
    lambda_.add_permission(FunctionName=versioned, **permission)
    with pytest.raises(lambda_.exceptions.ResourceConflictException) as caught:
        lambda_.add_permission(FunctionName=versioned, **permission)
    assert caught.value.response["Error"]["Message"] == (
        "The statement id (once) provided already exists. Please provide a new statement id, "
        "or remove the existing statement."
    )
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 409
    lambda_.add_permission(FunctionName=versioned, Qualifier="1", **permission)
    lambda_.remove_permission(FunctionName=versioned, StatementId="once")
    lambda_.add_permission(FunctionName=versioned, **permission)


def layer(target: Target, files: dict[str, str]) -> str:
    """Publishes a layer; returns the ARN of its version."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return target.client("lambda").publish_layer_version(
        LayerName=f"test-{uuid.uuid4().hex[:12]}", Content={"ZipFile": buffer.getvalue()}
    )["LayerVersionArn"]


def test_layers_when_a_function_has_two(target: Target):
    """Both layers are importable and readable below /opt; of equal files the later layer's counts."""
    first = layer(target, {"python/mine.py": "name = 'first'", "python/only.py": "name = 'only'"})
    second = layer(target, {"python/mine.py": "name = 'second'"})
    source = "import mine, only\ndef handler(event, context):\n    return [mine.name, only.name]\n"
    arn = create_function(target, source, Layers=[first, second])
    assert invoke(target, arn) == ["second", "only"]


def test_invoke_when_the_reserved_concurrency_is_zero(target: Target):
    """A function with no concurrency is throttled, by its caller's error and in time for an event."""
    arn = create_function(target, "def handler(event, context):\n    print('it ran')\n")
    lambda_, logs = target.client("lambda"), target.client("logs")
    lambda_.put_function_concurrency(FunctionName=arn, ReservedConcurrentExecutions=0)
    with pytest.raises(lambda_.exceptions.TooManyRequestsException) as caught:
        lambda_.invoke(FunctionName=arn)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 429
    assert lambda_.invoke(FunctionName=arn, InvocationType="Event")["StatusCode"] == 202
    lambda_.delete_function_concurrency(FunctionName=arn)
    eventually(lambda: messages_in(logs, arn), lambda found: "it ran\n" in found, "the throttled event to be served")


def refusal(call, **arguments: object) -> str:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return caught.value.response["Error"]["Message"]


@pytest.mark.fidelity("9.12")
@pytest.mark.stays_here("localstage refuses by name what works on AWS")
def test_triggers_when_configured(target: Target, versioned: str):
    """What would invoke a function in a way that the stage does not serve is refused by name."""
    lambda_, sqs, sns = (target.client(name) for name in ("lambda", "sqs", "sns"))
    queue = sqs.create_queue(QueueName=f"test-{uuid.uuid4().hex[:8]}")["QueueUrl"]
    queue_arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    topic = sns.create_topic(Name=f"test-{uuid.uuid4().hex[:8]}")["TopicArn"]
    stream = queue_arn.replace(":sqs:", ":kinesis:")
    assert refusal(lambda_.create_event_source_mapping, EventSourceArn=stream, FunctionName=versioned) == (
        f"localstage has event source mappings of SQS queues only; {stream} cannot invoke {versioned}."
    )
    assert "does not invoke functions from SNS topics" in refusal(
        sns.subscribe, TopicArn=topic, Protocol="lambda", Endpoint=versioned
    )
    assert "no destinations of asynchronous invocations" in refusal(
        lambda_.put_function_event_invoke_config,
        FunctionName=versioned,
        DestinationConfig={"OnFailure": {"Destination": queue_arn}},
    )
    assert "no dead-letter queues" in refusal(
        lambda_.update_function_configuration, FunctionName=versioned, DeadLetterConfig={"TargetArn": queue_arn}
    )
    assert "no weighted aliases" in refusal(
        lambda_.update_alias,
        FunctionName=versioned,
        Name="live",
        RoutingConfig={"AdditionalVersionWeights": {"1": 0.5}},
    )


def test_retries_when_they_are_configured_twice(target: Target):
    """The newest configuration of a function's events counts."""
    arn = create_function(target, "")
    lambda_ = target.client("lambda")
    for attempts in (1, 0):
        lambda_.put_function_event_invoke_config(FunctionName=arn, MaximumRetryAttempts=attempts)
    assert lambda_.get_function_event_invoke_config(FunctionName=arn)["MaximumRetryAttempts"] == 0

"""Functions through Lambda's API: invoked, changed, refused, logged. FIDELITY section 9."""

from __future__ import annotations

import base64
import json
import uuid

import pytest
from botocore.exceptions import ClientError

from localstage import LocalStage
from tests.process.functions_workbench import is_running
from tests.stage.target import Target, create_function, package
from tests.stage.waiting import eventually, messages_in

COUNTING = """
import os

count = 0

def handler(event, context):
    global count
    count += 1
    print("serving", event)
    if event == "raise":
        raise KeyError("as wished")
    return {"count": count, "colour": os.environ.get("COLOUR"), "memory": context.memory_limit_in_mb,
            "arn": context.invoked_function_arn}
"""

INVOKING = """
import json, boto3

def handler(event, context):
    answer = boto3.client("lambda").invoke(FunctionName=event["name"], Payload=json.dumps("from another"))
    return json.load(answer["Payload"])
"""


@pytest.fixture(scope="module")
def counting(target: Target) -> str:
    return create_function(target, COUNTING, Environment={"Variables": {"COLOUR": "blue"}})


def invoke(target: Target, function: str, event: object, **options: object) -> dict:
    answer = target.client("lambda").invoke(FunctionName=function, Payload=json.dumps(event), **options)
    return {**answer, "Payload": json.loads(answer["Payload"].read() or "null")}


def test_invoke_when_synchronous(target: Target, counting: str):
    """A synchronous invocation returns the result; the environment is reused."""
    first = invoke(target, counting, "hello", LogType="Tail")
    assert first["StatusCode"] == 200 and "FunctionError" not in first
    # On a busy machine a second environment may have been started before the first one asked for more.
    second = eventually(
        lambda: invoke(target, counting, "hello"), lambda seen: seen["Payload"]["count"] > 1, "a reused environment"
    )
    assert second["StatusCode"] == 200
    assert (first["Payload"]["colour"], first["Payload"]["memory"], first["Payload"]["arn"]) == (
        "blue",
        "128",
        counting,
    )
    assert "serving hello" in base64.b64decode(first["LogResult"]).decode()


@pytest.mark.fidelity("9.3")
def test_invoke_when_the_function_raises(target: Target, counting: str):
    """An exception is status 200 with FunctionError and AWS's payload; the path reads /var/task."""
    answer = invoke(target, counting, "raise")
    assert (answer["StatusCode"], answer["FunctionError"]) == (200, "Unhandled")
    assert list(answer["Payload"]) == ["errorMessage", "errorType", "requestId", "stackTrace"]
    assert answer["Payload"]["errorType"] == "KeyError"
    assert '"/var/task/handler.py"' in answer["Payload"]["stackTrace"][0]


def test_invoke_when_asynchronous(target: Target, counting: str):
    """An Event invocation is accepted with 202 and runs."""
    mark = "asynchronous hello"
    assert invoke(target, counting, mark, InvocationType="Event")["StatusCode"] == 202
    eventually(
        lambda: messages_in(target.client("logs"), counting),
        lambda found: any(mark in message for message in found),
        "the function's output in its log",
    )


def test_invoke_when_a_function_invokes_another(target: Target, counting: str):
    """A function may invoke another synchronously; nothing waits for itself."""
    caller = create_function(target, INVOKING, Timeout=30)
    assert invoke(target, caller, {"name": counting})["Payload"]["arn"] == counting


def test_invoke_when_there_is_no_such_function(target: Target):
    """An unknown function is ResourceNotFoundException."""
    with pytest.raises(ClientError) as caught:
        invoke(target, "nobody-has-this-function", {})
    assert caught.value.response["Error"]["Code"] == "ResourceNotFoundException"


@pytest.mark.parametrize(
    "context",
    ["abc", "not base64", b"\xff\xfe", b"no JSON", b"[1]"],
    ids=["cut", "no base64", "no text", "no JSON", "no object"],
)
def test_invoke_when_the_client_context_is_malformed(target: Target, counting: str, context: str | bytes):
    """What is no base64 of a JSON object is refused in AWS's words."""
    header = context if isinstance(context, str) else base64.b64encode(context).decode()
    with pytest.raises(ClientError) as caught:
        invoke(target, counting, {}, ClientContext=header)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert caught.value.response["Error"] == {
        "Code": "InvalidRequestContentException",
        "Message": "Client context must be a valid Base64-encoded JSON object.",
    }


def test_invoke_when_it_has_a_client_context(target: Target):
    """The function finds the client context's fields in its context."""
    function = create_function(target, "def handler(event, context):\n    return context.client_context.custom\n")
    context = base64.b64encode(json.dumps({"custom": {"a": "ü"}}).encode()).decode()
    assert invoke(target, function, {}, ClientContext=context)["Payload"] == {"a": "ü"}


@pytest.mark.parametrize("payload", [b"{", b"NaN", b"[" * 100_000, b"\xff"], ids=["cut", "NaN", "deep", "no text"])
def test_invoke_when_the_payload_is_no_json(target: Target, counting: str, payload: bytes):
    """A payload that is not JSON is refused before the function runs."""
    with pytest.raises(ClientError) as caught:
        target.client("lambda").invoke(FunctionName=counting, Payload=payload)
    assert caught.value.response["Error"]["Code"] == "InvalidRequestContentException"
    assert caught.value.response["Error"]["Message"].startswith("Could not parse request body into json: ")


def test_update_when_code_and_configuration_change(target: Target):
    """New code and new variables are served by the next invocation."""
    function = create_function(target, COUNTING)
    lambda_ = target.client("lambda")
    assert invoke(target, function, 1)["Payload"]["colour"] is None
    lambda_.update_function_configuration(FunctionName=function, Environment={"Variables": {"COLOUR": "red"}})
    lambda_.get_waiter("function_updated_v2").wait(FunctionName=function)
    assert invoke(target, function, 1)["Payload"] == {"count": 1, "colour": "red", "memory": "128", "arn": function}
    lambda_.update_function_code(FunctionName=function, ZipFile=package("def handler(e, c):\n    return 'new'\n"))
    lambda_.get_waiter("function_updated_v2").wait(FunctionName=function)
    assert invoke(target, function, 1)["Payload"] == "new"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"Runtime": "ruby3.4"},
            "localstage runs Python functions (python3.x) and Node.js functions (nodejs18.x and later) only; "
            "refused asks for the runtime ruby3.4.",
        ),
        ({"Timeout": 901}, "Timeout must be from 1 to 900, not 901."),
        ({"MemorySize": 20480}, "MemorySize must be from 128 to 10240, not 20480."),
    ],
)
@pytest.mark.fidelity("9.12")
def test_create_when_the_stage_cannot_run_it(stage: LocalStage, target: Target, counting: str, change: dict, said: str):
    """What cannot run is refused at create_function in one sentence."""
    role = target.client("lambda").get_function_configuration(FunctionName=counting)["Role"]
    wanted = {
        "FunctionName": "refused",
        "Runtime": "python3.13",
        "Role": role,
        "Handler": "handler.handler",
        "Code": {"ZipFile": package("")},
        **change,
    }
    with pytest.raises(ClientError) as caught:
        target.client("lambda").create_function(**wanted)
    assert caught.value.response["Error"] == {"Code": "InvalidParameterValueException", "Message": said}


def test_environments_when_their_function_is_deleted(stage: LocalStage, target: Target):
    """The process of a deleted function is ended, and no other."""
    deleted, kept = (
        create_function(target, "import os\ndef handler(event, context):\n    return os.getpid()\n") for _ in range(2)
    )
    ended, running = (invoke(target, function, None)["Payload"] for function in (deleted, kept))
    assert is_running(ended) and is_running(running)
    target.client("lambda").delete_function(FunctionName=deleted)
    eventually(lambda: is_running(ended), lambda runs: not runs, "the deleted function's process to end")
    assert invoke(target, kept, None)["Payload"] == running


def test_update_when_the_package_is_not_there(target: Target, counting: str):
    """Code from a key that does not exist is refused, and the old code goes on serving."""
    bucket = f"packages-{uuid.uuid4().hex[:12]}"
    target.client("s3").create_bucket(Bucket=bucket)
    with pytest.raises(ClientError) as caught:
        target.client("lambda").update_function_code(FunctionName=counting, S3Bucket=bucket, S3Key="nothing.zip")
    assert caught.value.response["Error"]["Code"] == "InvalidParameterValueException"
    assert "NoSuchKey" in caught.value.response["Error"]["Message"]
    assert invoke(target, counting, "still here")["Payload"]["arn"] == counting
    target.client("s3").delete_bucket(Bucket=bucket)

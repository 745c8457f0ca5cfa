"""What a function sees and what its callers and its log see of it. FIDELITY section 9."""

from __future__ import annotations

import base64
import io
import json
import re
import zipfile

import pytest

from tests.stage.target import Target, create_function, new_name
from tests.stage.waiting import eventually, messages_in

UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}"


def run(target: Target, source: str, event: object = None, **configuration: object) -> dict:
    """Creates a function and invokes it once: its payload, error and log."""
    arn = create_function(target, source, **configuration)
    return invoked(target, arn, event)


def invoked(target: Target, arn: str, event: object = None) -> dict:
    answer = target.client("lambda").invoke(FunctionName=arn, Payload=json.dumps(event), LogType="Tail")
    return {
        "arn": arn,
        "payload": json.loads(answer["Payload"].read()),
        "error": answer.get("FunctionError"),
        "status": answer["StatusCode"],
        "log": base64.b64decode(answer["LogResult"]).decode(),
    }


def messages(target: Target, arn: str, last: str) -> list[str]:
    """All log messages of a function, as soon as the last of them is there."""
    return eventually(
        lambda: messages_in(target.client("logs"), arn),
        lambda found: bool(found) and found[-1].startswith(last),
        f"a message {last} of {arn}",
    )


@pytest.mark.fidelity("9.1", "9.8")
def test_context_when_a_function_has_defaults(target: Target):
    """The context has Lambda's fields in Lambda's types, with 3 seconds and 128 MB by default."""
    seen = run(
        target,
        """
def handler(event, c):
    return dict(name=c.function_name, version=c.function_version, arn=c.invoked_function_arn,
                memory=c.memory_limit_in_mb, id=c.aws_request_id, group=c.log_group_name, stream=c.log_stream_name,
                tenant=c.tenant_id, identity=c.identity.cognito_identity_id, client=c.client_context,
                left=c.get_remaining_time_in_millis())
""",
    )
    payload, name = seen["payload"], seen["arn"].rpartition(":")[2]
    assert (payload["name"], payload["version"], payload["arn"]) == (name, "$LATEST", seen["arn"])
    assert (payload["memory"], payload["group"]) == ("128", f"/aws/lambda/{name}")
    assert re.fullmatch(UUID, payload["id"])
    assert re.fullmatch(r"\d{4}/\d\d/\d\d/\[\$LATEST\][0-9a-f]{32}", payload["stream"])
    assert payload["tenant"] is payload["identity"] is payload["client"] is None
    assert type(payload["left"]) is int and 0 < payload["left"] <= 3000


@pytest.mark.fidelity("9.2")
def test_variables_when_a_function_has_its_own(target: Target):
    """Lambda's variables are there, and the function's own in full, with every character."""
    own = {"GREETING": "grüß dich 👋", "LARGE": "x" * 3500}
    seen = run(
        target, "import os\ndef handler(event, context):\n    return dict(os.environ)\n", Environment={"Variables": own}
    )["payload"]
    assert {key: seen[key] for key in own} == own
    assert (seen["_HANDLER"], seen["AWS_EXECUTION_ENV"], seen["TZ"]) == (
        "handler.handler",
        "AWS_Lambda_python3.13",
        ":UTC",
    )
    assert {
        "_X_AMZN_TRACE_ID",
        "AWS_REGION",
        "AWS_DEFAULT_REGION",
        "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
        "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_INITIALIZATION_TYPE",
        "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_LAMBDA_RUNTIME_API",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "LAMBDA_TASK_ROOT",
        "LAMBDA_RUNTIME_DIR",
        "LANG",
        "PATH",
        "LD_LIBRARY_PATH",
        "PYTHONPATH",
    } <= set(seen)


@pytest.mark.fidelity("9.4")
@pytest.mark.parametrize(
    ("source", "handler", "error_type", "message"),
    [
        (
            "import nowhere_to_be_found",
            "handler.handler",
            "Runtime.ImportModuleError",
            "Unable to import module 'handler': No module named 'nowhere_to_be_found'",
        ),
        ("", "handler.handler", "Runtime.HandlerNotFound", "Handler 'handler' missing on module 'handler'"),
        ("def handler(:", "handler.handler", "Runtime.UserCodeSyntaxError", "Syntax error in module 'handler'"),
        ("", "handler", "Runtime.MalformedHandlerName", "Bad handler 'handler'"),
        (
            "def handler(e, c): return {1, 2}",
            "handler.handler",
            "Runtime.MarshalError",
            "Unable to marshal response: Object of type set is not JSON serializable",
        ),
        (
            "async def handler(e, c): return 1",
            "handler.handler",
            "Runtime.MarshalError",
            "Unable to marshal response: Object of type coroutine is not JSON serializable",
        ),
    ],
)
def test_error_when_a_function_cannot_answer(target: Target, source: str, handler: str, error_type: str, message: str):
    """Each fault of a module, a handler or a result has its own type and message."""
    arn = create_function(target, source)
    lambda_ = target.client("lambda")
    lambda_.update_function_configuration(FunctionName=arn, Handler=handler)
    lambda_.get_waiter("function_updated_v2").wait(FunctionName=arn)
    seen = invoked(target, arn)
    assert (seen["status"], seen["error"], seen["payload"]["errorType"]) == (200, "Unhandled", error_type)
    assert seen["payload"]["errorMessage"].startswith(message)


def test_result_when_it_has_decimals_and_unicode(target: Target):
    """A Decimal is a number in the result, and any text comes through."""
    source = "from decimal import Decimal\ndef handler(e, c): return {'n': Decimal('1.50'), 't': e['t']}\n"
    assert run(target, source, {"t": "æøå 👋"})["payload"] == {"n": 1.5, "t": "æøå 👋"}


def test_handler_when_it_is_in_a_package(target: Target):
    """A handler may be written with slashes or dots to a module inside a package."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("app/__init__.py", "")
        archive.writestr("app/inner.py", "def handler(event, context):\n    return __name__\n")
    arn = create_function(target, "")
    lambda_ = target.client("lambda")
    lambda_.update_function_code(FunctionName=arn, ZipFile=buffer.getvalue())
    for handler in ("app/inner.handler", "app.inner.handler"):
        lambda_.update_function_configuration(FunctionName=arn, Handler=handler)
        lambda_.get_waiter("function_updated_v2").wait(FunctionName=arn)
        assert invoked(target, arn)["payload"] == "app.inner"


@pytest.mark.fidelity("9.3", "9.5", "9.6")
def test_log_when_a_function_raises(target: Target):
    """The log has the platform's lines in order, the logger's lines, and the error as one event."""
    seen = run(
        target,
        """
import logging
def handler(event, context):
    print("printed")
    logging.info("lost")
    logging.warning("warned")
    raise ValueError("as wished")
""",
    )
    log = messages(target, seen["arn"], "REPORT")
    request_id = seen["payload"]["requestId"]
    assert list(seen["payload"]) == ["errorMessage", "errorType", "requestId", "stackTrace"]
    assert seen["payload"]["stackTrace"] == [
        '  File "/var/task/handler.py", line 7, in handler\n    raise ValueError("as wished")\n'
    ]
    patterns = [
        r"INIT_START Runtime Version: python:3\.13\.v\d+\tRuntime Version ARN: "
        r"arn:aws:lambda:us-east-1::runtime:[0-9a-f]{64}\n",
        rf"START RequestId: {request_id} Version: \$LATEST\n",
        r"printed\n",
        rf"\[WARNING\]\t\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{{3}}Z\t{request_id}\twarned\n",
        r"\[ERROR\] ValueError: as wished\rTraceback \(most recent call last\):\r.*\n",
        rf"END RequestId: {request_id}\n",
        rf"REPORT RequestId: {request_id}\tDuration: [\d.]+ ms\tBilled Duration: \d+ ms\tMemory Size: 128 MB\t"
        r"(Max Memory Used: \d+ MB\t)?Init Duration: [\d.]+ ms\t.*\n",
    ]
    assert len(log) == len(patterns), log
    for message, pattern in zip(log, patterns, strict=True):
        assert re.fullmatch(pattern, message, re.DOTALL), message


@pytest.mark.fidelity("9.8")
def test_log_when_a_function_names_its_group(target: Target):
    """A function writes to the log group that it names, knows it, and writes to another after an update."""
    groups = [new_name() for _ in range(2)]
    logs, lambda_ = target.client("logs"), target.client("lambda")
    source = "def handler(event, context):\n    print('said')\n    return context.log_group_name\n"
    seen = run(target, source, LoggingConfig={"LogGroup": groups[0]})
    own = f"/aws/lambda/{seen['arn'].rpartition(':')[2]}"
    for group in groups:
        assert invoked(target, seen["arn"])["payload"] == group
        configuration = lambda_.get_function_configuration(FunctionName=seen["arn"])
        assert configuration["LoggingConfig"] == {"LogFormat": "Text", "LogGroup": group}
        eventually(
            lambda: [name["logGroupName"] for name in logs.describe_log_groups()["logGroups"]],
            lambda names, group=group: group in names and own not in names,
            f"the log group {group}",
        )
        lambda_.update_function_configuration(FunctionName=seen["arn"], LoggingConfig={"LogGroup": groups[1]})
        lambda_.get_waiter("function_updated_v2").wait(FunctionName=seen["arn"])
    with pytest.raises(lambda_.exceptions.InvalidParameterValueException) as refused:
        lambda_.update_function_configuration(FunctionName=seen["arn"], LoggingConfig={"LogFormat": "JSON"})
    assert "LogFormat JSON" in str(refused.value)


@pytest.mark.fidelity("9.7", "9.9")
def test_invoke_when_the_time_is_over(target: Target):
    """A time-out has its log line, its report and its payload; the next invocation begins anew."""
    arn = create_function(
        target,
        """
import threading
served = 0
def handler(event, context):
    global served
    served += 1
    if event == "hang":
        threading.Event().wait(30)
    return served
""",
        Timeout=1,
    )
    assert [invoked(target, arn)["payload"] for _ in range(2)] == [1, 2]
    seen = invoked(target, arn, "hang")
    request_id = re.search(UUID, seen["payload"]["errorMessage"])[0]
    assert seen["payload"] == {
        "errorType": "Sandbox.Timedout",
        "errorMessage": f"RequestId: {request_id} Error: Task timed out after 1.00 seconds",
    }
    assert re.search(rf"Z {request_id} Task timed out after 1\.00 seconds\n", seen["log"])
    assert re.search(r"Duration: 1000\.00 ms\t.*Status: timeout", seen["log"])
    assert invoked(target, arn)["payload"] == 1


@pytest.mark.fidelity("9.7", "9.8")
def test_invoke_when_a_function_with_defaults_hangs(target: Target):
    """A function that names no time-out and no memory has 3 seconds and 128 MB, and is ended after them."""
    seen = run(target, "import threading\ndef handler(event, context):\n    threading.Event().wait(30)\n")
    configuration = target.client("lambda").get_function_configuration(FunctionName=seen["arn"])
    assert (configuration["Timeout"], configuration["MemorySize"]) == (3, 128)
    assert seen["payload"]["errorMessage"].endswith("Task timed out after 3.00 seconds")
    assert "Memory Size: 128 MB" in seen["log"]


@pytest.mark.fidelity("9.10")
def test_invoke_when_the_init_takes_too_long(target: Target):
    """An init is ended after ten seconds and begun again inside the invocation, whose own limit holds then."""
    seen = run(
        target, "import threading\nthreading.Event().wait(30)\ndef handler(event, context):\n    return 1\n", Timeout=1
    )
    assert seen["payload"]["errorType"] == "Sandbox.Timedout"
    assert seen["payload"]["errorMessage"].endswith("Task timed out after 1.00 seconds")
    log = messages(target, seen["arn"], "REPORT")
    assert any(
        re.match(r"INIT_REPORT Init Duration: 1\d{4}\.\d\d ms\tPhase: init\tStatus: timeout", line) for line in log
    ), log


@pytest.mark.fidelity("9.11")
def test_runtime_when_a_function_looks_at_it(target: Target):
    """Lambda's own runtime client runs the handler, from the Runtime API that the environment names."""
    seen = run(
        target,
        """
import os, sys, urllib.request
def handler(event, context):
    address = f"http://{os.environ['AWS_LAMBDA_RUNTIME_API']}/2018-06-01/runtime/invocation/unknown/response"
    try:
        urllib.request.build_opener(urllib.request.ProxyHandler({})).open(address, data=b"{}", timeout=5)
    except urllib.error.HTTPError as refused:
        return ["awslambdaric" in sys.modules, 400 <= refused.code < 500]
""",
    )
    assert seen["payload"] == [True, True]


@pytest.mark.fidelity("9.9")
def test_temporary_directory_when_warm(target: Target):
    """What a function writes to its temporary directory is there for the next warm call."""
    arn = create_function(
        target,
        """
import os, tempfile
def handler(event, context):
    path = os.path.join(tempfile.gettempdir(), "note")
    found = os.path.exists(path)
    open(path, "w").close()
    return found
""",
    )
    assert [invoked(target, arn)["payload"] for _ in range(2)] == [False, True]


@pytest.mark.fidelity("9.8")
def test_payload_when_it_is_over_six_megabytes(target: Target):
    """An event over 6 MB is refused before the function runs, a result over 6 MB after."""
    arn = create_function(target, "def handler(event, context):\n    return 'x' * 6_300_000\n", Timeout=10)
    lambda_ = target.client("lambda")
    with pytest.raises(lambda_.exceptions.RequestTooLargeException):
        lambda_.invoke(FunctionName=arn, Payload=json.dumps("x" * 6_300_000))
    assert invoked(target, arn)["payload"]["errorType"] == "Function.ResponseSizeTooLarge"

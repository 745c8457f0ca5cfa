"""What a handler sees and what its caller gets, in real processes (FIDELITY section 9)."""

import asyncio
import json
import os
import re
import sys
from dataclasses import replace

import boto3
import botocore.loaders
import pytest

from localstage.functions.invocation import InvalidRuntime
from localstage.functions.runtimes import Python, Runtimes
from tests.moved_clock import StandingClock
from tests.process.functions_workbench import Workbench, function, with_workbench, workbench

COUNTING = """
import os
served = 0
def handler(event, context):
    global served
    served += 1
    return {"served": served, "pid": os.getpid(), "event": event}
"""

DESCRIBING = """
import os, sys, tempfile
def handler(event, context):
    client = context.client_context
    return {
        "context": {name: getattr(context, name) for name in (
            "function_name", "function_version", "invoked_function_arn", "memory_limit_in_mb", "aws_request_id",
            "log_group_name", "log_stream_name", "tenant_id")},
        "identity": [context.identity.cognito_identity_id, context.identity.cognito_identity_pool_id],
        "client": client and {"custom": client.custom, "title": client.client.app_title},
        "remaining": context.get_remaining_time_in_millis(),
        "environ": dict(os.environ), "path": sys.path, "cwd": os.getcwd(), "stdin": sys.stdin.read(),
        "temp": tempfile.gettempdir(), "argv": sys.argv[1:]}
"""


@pytest.mark.parametrize("native_client", [True, False])
@pytest.mark.fidelity("9.9", "9.11")
def test_environment_is_reused_when_it_is_warm(native_client):
    """Globals survive from one invocation to the next, with either Runtime API client."""

    async def reuse() -> None:
        runtimes = Runtimes({"python3.*": Python(native_client)})
        async with workbench(runtimes=runtimes, clock=StandingClock()) as bench:
            probe = function(COUNTING)
            answers = [await bench.value(probe, {"n": n, "text": "é\n"}) for n in range(3)]
            assert [answer["served"] for answer in answers] == [1, 2, 3]
            assert [answer["event"] for answer in answers] == [{"n": n, "text": "é\n"} for n in range(3)]
            assert len({answer["pid"] for answer in answers}) == 1
            assert bench.functions.environment_count == 1

    asyncio.run(reuse())


@pytest.mark.parametrize("native_client", [True, False])
@pytest.mark.fidelity("9.1")
def test_context_is_lambdas(native_client):
    """The context has Lambda's fields in Lambda's types."""

    async def describe() -> None:
        async with workbench(runtimes=Runtimes({"python3.*": Python(native_client)})) as bench:
            probe = function(DESCRIBING, name="describe", memory_mb=256, timeout_s=600)
            client_context = json.dumps({"custom": {"a": 1}, "client": {"app_title": "chat"}}, indent=1)
            qualified = replace(probe, invoked_arn=probe.arn + ":live")
            result = await bench.call(qualified, {}, client_context=client_context)
            seen = json.loads(result.payload)
            stream = seen["context"].pop("log_stream_name")
            assert re.fullmatch(r"\d{4}/\d\d/\d\d/\[\$LATEST\][0-9a-f]{32}", stream)
            assert f"/aws/lambda/describe {stream}" in bench.log.streams
            assert seen["context"] == {
                "function_name": "describe",
                "function_version": "$LATEST",
                "memory_limit_in_mb": "256",
                "invoked_function_arn": probe.arn + ":live",
                "aws_request_id": result.request_id,
                "log_group_name": "/aws/lambda/describe",
                "tenant_id": None,
            }
            assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", result.request_id)
            assert seen["identity"] == [None, None]
            assert seen["client"] == {"custom": {"a": 1}, "title": "chat"}
            assert isinstance(seen["remaining"], int) and 540_000 < seen["remaining"] <= 600_000

    asyncio.run(describe())


@with_workbench()
@pytest.mark.fidelity("9.2")
async def test_environment_variables_are_lambdas_and_nothing_else(bench: Workbench) -> None:
    """A handler sees Lambda's variables, the function's and the stage's, and none of the machine's."""
    bench.variables["AWS_ACCESS_KEY_ID"] = "ASIAEXAMPLE"
    os.environ["LEFT_BEHIND"] = "by the user"
    try:
        seen = await bench.value(function(DESCRIBING, environment={"TABLE": "Chat"}))
    finally:
        del os.environ["LEFT_BEHIND"]
    environ = seen["environ"]
    assert environ["TABLE"] == "Chat" and environ["AWS_ACCESS_KEY_ID"] == "ASIAEXAMPLE"
    assert re.fullmatch(r"Root=1-[0-9a-f]{8}-[0-9a-f]{24};.*", environ["_X_AMZN_TRACE_ID"])
    if sys.platform == "linux":
        assert set(environ) == {
            "TABLE",
            "AWS_ACCESS_KEY_ID",
            "_X_AMZN_TRACE_ID",
            "_HANDLER",
            "AWS_REGION",
            "AWS_DEFAULT_REGION",
            "AWS_EXECUTION_ENV",
            "AWS_LAMBDA_FUNCTION_NAME",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
            "AWS_LAMBDA_FUNCTION_VERSION",
            "AWS_LAMBDA_INITIALIZATION_TYPE",
            "AWS_LAMBDA_LOG_GROUP_NAME",
            "AWS_LAMBDA_LOG_STREAM_NAME",
            "AWS_LAMBDA_RUNTIME_API",
            "LAMBDA_TASK_ROOT",
            "LAMBDA_RUNTIME_DIR",
            "TZ",
            "LANG",
            "PATH",
            "LD_LIBRARY_PATH",
            "PYTHONPATH",
            "TMPDIR",
        }


@with_workbench()
async def test_place_of_a_function_is_lambdas(bench: Workbench) -> None:
    """The package is the working directory and first on the path; stdin is empty; the temporary directory is own."""
    seen = await bench.value(function(DESCRIBING))
    task_root = seen["environ"]["LAMBDA_TASK_ROOT"]
    assert seen["path"][0] == seen["cwd"] == task_root
    assert seen["path"][1] == "/var/runtime"
    assert not [
        entry
        for entry in seen["path"]
        if "site-packages" in entry or entry.endswith(os.path.join("localstage", "functions"))
    ]
    assert seen["stdin"] == "" and seen["argv"] == ["app.handler"]
    assert os.path.samefile(seen["temp"], seen["environ"]["TMPDIR"])
    assert os.path.realpath(seen["temp"]).startswith(os.path.realpath(bench.work_dir))


@with_workbench()
async def test_result_is_passed_on_as_the_runtime_wrote_it(bench: Workbench) -> None:
    """None, text beyond ASCII and Decimal arrive as Lambda's encoder writes them."""
    probe = function(
        "import decimal\n"
        "def handler(event, context):\n"
        "    return {'none': None, 'text': 'é', 'decimal': decimal.Decimal('1.50')}[event]"
    )
    payloads = [(await bench.call(probe, kind)).payload for kind in ("none", "text", "decimal")]
    assert payloads == [b"null", '"é"'.encode(), b"1.50"]


@with_workbench()
async def test_trace_id_is_in_the_environment_of_each_invocation(bench: Workbench) -> None:
    """The handler sees a tracing header that is not sampled, and another one at each invocation."""
    seen = [(await bench.value(function(DESCRIBING)))["environ"]["_X_AMZN_TRACE_ID"] for _ in range(2)]
    assert all(re.fullmatch("Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=0", one) for one in seen)
    assert len(set(seen)) == 2


@with_workbench()
async def test_layers_are_importable_after_the_package(bench: Workbench) -> None:
    """A layer's python directory is on the path; a later layer overwrites an earlier one."""
    from tests.process.functions_workbench import zipped

    layers = (
        zipped({"python/shared.py": "name = 'first'", "python/app.py": "def handler(e, c): return 'layer'"}),
        zipped({"python/shared.py": "name = 'second'"}),
    )
    probe = function("import shared\ndef handler(event, context): return shared.name", layer_zips=layers)
    assert await bench.value(probe) == "second"


@with_workbench()
async def test_package_of_this_python_is_missing_when_lambda_lacks_it(bench: Workbench) -> None:
    """boto3 is there as on Lambda; what only happens to be installed here is not."""
    probe = function(
        "import importlib\ndef handler(event, context):\n    return importlib.import_module(event).__name__"
    )
    assert await bench.value(probe, "botocore") == "botocore"
    refused = json.loads((await bench.call(probe, "aiohttp")).payload)
    assert (refused["errorType"], refused["errorMessage"]) == ("ModuleNotFoundError", "No module named 'aiohttp'")


@with_workbench()
async def test_files_of_botocore_when_a_function_reads_them(bench: Workbench) -> None:
    """They are plain dictionaries, which take less memory, with all that botocore itself reads; so are endpoints."""
    probe = function(
        "import boto3, botocore.session\n"
        "def handler(event, context):\n"
        "    read = botocore.session.get_session().get_data('endpoints')\n"
        "    session = boto3.Session('id', 'key', region_name='eu-north-1')\n"
        "    urls = [session.client(name).meta.endpoint_url for name in ('sqs', 'iot', 'iam')]\n"
        "    return [type(read['partitions'][0]).__name__, read, urls, session.get_available_regions('iot', 'aws-cn')]"
    )
    kind, read, urls, regions = await bench.value(probe)
    # A loader of its own: what this process's clients share, botocore has written into.
    assert kind == "dict" and read == botocore.loaders.create_loader().load_data("endpoints")
    session = boto3.Session("id", "key", region_name="eu-north-1")
    assert urls == [session.client(name).meta.endpoint_url for name in ("sqs", "iot", "iam")]
    assert regions == session.get_available_regions("iot", "aws-cn") != []


@with_workbench()
@pytest.mark.fidelity("9.12")
async def test_runtime_that_is_not_known_is_refused_by_name(bench: Workbench) -> None:
    """A function of another runtime is refused with Lambda's code, and nothing starts."""
    with pytest.raises(InvalidRuntime, match="ruby3.4") as refused:
        await bench.call(function("", runtime="ruby3.4"))
    assert (refused.value.status, refused.value.code) == (502, "InvalidRuntimeException")
    assert bench.functions.environment_count == 0

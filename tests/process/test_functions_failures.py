"""Whatever goes wrong in a function is an answer, and the next invocation works (FIDELITY section 9)."""

import asyncio
import json
import os
import signal
import sys

import pytest

from localstage.functions.invocation import InvalidZipFile
from tests.moved_clock import StandingClock
from tests.process.functions_workbench import Workbench, function, is_running, until, with_workbench

FAILING = """
import os, sys, threading
served = 0
def handler(event, context):
    global served
    served += 1
    match event:
        case "raise": raise ValueError("wrong in " + __file__)
        case "exit": os._exit(1)
        case "sys.exit": sys.exit()
        case "kill": os.kill(os.getpid(), 9)
        case "sleep": threading.Event().wait(30)
        case "set": return {1}
        case "large": return "x" * 6_291_560
    return served
"""


@with_workbench(clock=StandingClock())
@pytest.mark.fidelity("9.3")
async def test_exception_is_the_payload_of_the_result(bench: Workbench) -> None:
    """An exception gives Lambda's four keys in order, with Lambda's directories, and the environment lives on."""
    probe = function(FAILING)
    result = await bench.call(probe, "raise")
    payload = json.loads(result.payload)
    assert result.function_error == "Unhandled"
    assert list(payload) == ["errorMessage", "errorType", "requestId", "stackTrace"]
    assert payload["errorMessage"] == "wrong in /var/task/app.py"
    assert payload["errorType"] == "ValueError" and payload["requestId"] == result.request_id
    assert payload["stackTrace"] == [
        '  File "/var/task/app.py", line 8, in handler\n    case "raise": raise ValueError("wrong in " + __file__)\n'
    ]
    assert await bench.value(probe) == 2


@with_workbench()
@pytest.mark.fidelity("9.4")
async def test_result_that_is_no_json_is_a_marshal_error(bench: Workbench) -> None:
    """A result that cannot be written as JSON is Runtime.MarshalError."""
    payload = json.loads((await bench.call(function(FAILING), "set")).payload)
    assert payload["errorType"] == "Runtime.MarshalError"
    assert payload["errorMessage"] == "Unable to marshal response: Object of type set is not JSON serializable"


@with_workbench()
@pytest.mark.fidelity("9.8")
async def test_result_over_six_megabytes_is_refused(bench: Workbench) -> None:
    """A result over Lambda's limit is an error of its own, and the next invocation works."""
    probe = function(FAILING, timeout_s=20)
    result = await bench.call(probe, "large")
    assert (result.function_error, json.loads(result.payload)["errorType"]) == (
        "Unhandled",
        "Function.ResponseSizeTooLarge",
    )
    assert await bench.value(probe) == 1


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ("exit", "Runtime exited with error: exit status 1"),
        ("sys.exit", "Runtime exited without providing a reason"),
        pytest.param(
            "kill",
            "Runtime exited with error: signal: killed",
            marks=pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals"),
        ),
    ],
)
@pytest.mark.fidelity("9.9")
def test_process_that_ends_during_an_invocation_is_an_exit_error(event, reason):
    """A process that dies answers at once with Runtime.ExitError, and the next invocation starts afresh."""

    @with_workbench()
    async def die(bench: Workbench) -> None:
        probe = function(FAILING, timeout_s=30)
        assert await bench.value(probe) == 1
        result = await bench.call(probe, event)
        assert result.function_error == "Unhandled"
        assert json.loads(result.payload) == {
            "errorType": "Runtime.ExitError",
            "errorMessage": f"RequestId: {result.request_id} Error: {reason}",
        }
        assert result.log_tail.splitlines()[1:3] == [
            f"RequestId: {result.request_id} Error: {reason}",
            "Runtime.ExitError",
        ]
        assert "Status: error\tError Type: Runtime.ExitError" in result.log_tail
        assert await bench.value(probe) == 1

    die()


@with_workbench()
@pytest.mark.fidelity("9.7")
async def test_invocation_over_its_time_limit_is_ended(bench: Workbench) -> None:
    """At the limit the process is killed, the payload and the log say so, the next invocation starts afresh."""
    probe = function(FAILING, timeout_s=1)
    assert await bench.value(probe) == 1
    began = asyncio.get_running_loop().time()
    result = await bench.call(probe, "sleep")
    assert 0.9 < asyncio.get_running_loop().time() - began < 30  # The handler would sleep for so long.
    message = f"RequestId: {result.request_id} Error: Task timed out after 1.00 seconds"
    assert json.loads(result.payload) == {"errorType": "Sandbox.Timedout", "errorMessage": message}
    _start, timed_out, end, report = result.log_tail.splitlines()
    assert timed_out.endswith(f"Z {result.request_id} Task timed out after 1.00 seconds")
    assert end == f"END RequestId: {result.request_id}"
    assert "\tDuration: 1000.00 ms\t" in report and report.endswith("\tStatus: timeout")
    assert await bench.value(probe) == 1


@pytest.mark.parametrize(
    ("code", "facts", "error_type", "message"),
    [
        ("import nowhere", {}, "Runtime.ImportModuleError", "Unable to import module 'app': No module named 'nowhere'"),
        (
            "def handler(:",
            {},
            "Runtime.UserCodeSyntaxError",
            "Syntax error in module 'app': invalid syntax (app.py, line 1)",
        ),
        ("x = 1", {}, "Runtime.HandlerNotFound", "Handler 'handler' missing on module 'app'"),
        (
            "x = 1",
            {"handler": "app"},
            "Runtime.MalformedHandlerName",
            "Bad handler 'app': not enough values to unpack (expected 2, got 1)",
        ),
        (
            "x = 1",
            {"handler": "other.handler"},
            "Runtime.ImportModuleError",
            "Unable to import module 'other': No module named 'other'",
        ),
        ("raise KeyError('table')", {}, "KeyError", "'table'"),
    ],
)
@pytest.mark.fidelity("9.4")
def test_failed_init_is_the_result_of_the_invocation(code, facts, error_type, message):
    """An init that fails answers the invocation with awslambdaric's payload; the next one tries again."""

    @with_workbench()
    async def fail(bench: Workbench) -> None:
        probe = function(code, **facts)
        for attempt in (1, 2):
            result = await bench.call(probe)
            payload = json.loads(result.payload)
            assert result.function_error == "Unhandled"
            assert list(payload) == ["errorMessage", "errorType", "requestId", "stackTrace"]
            assert (payload["errorType"], payload["errorMessage"]) == (error_type, message)
            assert str(bench.work_dir) not in result.payload.decode() + bench.log.text
            await until(lambda: bench.functions.environment_count == 0, "the failed environment to be gone")
            assert len(bench.log.streams) == attempt
        assert f"Phase: init\tStatus: error\tError Type: {error_type}\n" in bench.log.text

    fail()


@with_workbench()
async def test_process_that_ends_during_init_is_an_exit_error(bench: Workbench) -> None:
    """A module that ends the process answers the invocation, and all who waited with it."""
    probe = function("import os\nos._exit(3)")
    results = await asyncio.gather(*(bench.call(probe) for _ in range(4)))
    for result in results:
        assert json.loads(result.payload)["errorMessage"] == (
            f"RequestId: {result.request_id} Error: Runtime exited with error: exit status 3"
        )


@with_workbench(init_timeout_s=0.3)
@pytest.mark.fidelity("9.10")
async def test_slow_init_is_begun_again_with_the_functions_limit(bench: Workbench) -> None:
    """An init over its limit is ended and begun again, then it may take the function's own time."""
    door = bench.work_dir / "door"
    probe = function(
        "import os, threading\n"
        f"while not os.path.exists({str(door)!r}): threading.Event().wait(0.01)\n"
        "def handler(event, context): return 'served'",
        timeout_s=60,
    )
    served = asyncio.ensure_future(bench.value(probe))
    await until(lambda: "Phase: init\tStatus: timeout\n" in bench.log.text, "the end of the first init")
    door.touch()
    assert await served == "served"


@with_workbench(init_timeout_s=0.3)
async def test_init_that_never_ends_is_a_timeout(bench: Workbench) -> None:
    """An init that also exceeds the function's limit answers with the time-out."""
    result = await bench.call(function("import threading\nthreading.Event().wait(60)", timeout_s=1))
    assert json.loads(result.payload) == {
        "errorType": "Sandbox.Timedout",
        "errorMessage": f"RequestId: {result.request_id} Error: Task timed out after 1.00 seconds",
    }
    assert bench.log.text.count("Status: timeout\n") == 3


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals")
def test_idle_environment_that_is_killed_is_replaced():
    """An environment that somebody kills while it waits fails nobody."""

    @with_workbench()
    async def kill(bench: Workbench) -> None:
        probe = function("import os\ndef handler(event, context): return os.getpid()")
        first = await bench.value(probe)
        os.kill(first, signal.SIGKILL)
        await until(lambda: bench.functions.environment_count == 0, "the killed environment to be noticed")
        assert await bench.value(probe) != first

    kill()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals")
def test_invocations_are_answered_when_their_environment_was_just_killed():
    """Between the death of a process and its noticing nothing is lost and nothing hangs."""

    @with_workbench()
    async def kill(bench: Workbench) -> None:
        probe = function("import os\ndef handler(event, context): return os.getpid()")
        for _ in range(10):
            pid = await bench.value(probe)
            os.kill(pid, signal.SIGKILL)
            for result in await asyncio.gather(*(bench.call(probe) for _ in range(3))):
                assert result.function_error is None or b"signal: killed" in result.payload
            await until(lambda: not is_running(pid), "the killed process to be gone")
            assert await bench.value(probe) != pid

    kill()


@with_workbench()
async def test_package_that_is_no_zip_is_refused(bench: Workbench) -> None:
    """A broken package is refused with Lambda's code, for every invocation that waits."""
    probe = function("", package=b"no zip at all")
    for refused in await asyncio.gather(*(bench.call(probe) for _ in range(2)), return_exceptions=True):
        assert isinstance(refused, InvalidZipFile) and refused.code == "InvalidZipFileException"
        assert "probe" in str(refused)


@with_workbench()
async def test_caller_that_gives_up_does_not_end_the_invocation(bench: Workbench) -> None:
    """Like API Gateway's time-out, a cancelled call leaves the function running to its end."""
    probe = function(
        "import os, threading\n"
        "def handler(event, context):\n"
        "    while not os.path.exists(event): threading.Event().wait(0.01)\n"
        "    print('came to its end')",
        timeout_s=60,
    )
    door = bench.work_dir / "door"
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(bench.functions.invoke(probe, json.dumps(str(door)).encode()), 0.2)
    door.touch()
    await until(lambda: "REPORT" in bench.log.text, "the end of the invocation")
    assert "came to its end\n" in bench.log.messages

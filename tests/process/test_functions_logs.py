"""What reaches the log of a function, and in which order (FIDELITY section 9)."""

import json
import re

import pytest

from tests.moved_clock import StandingClock
from tests.process.functions_workbench import Workbench, function, until, with_workbench

TALKING = """
import logging, os, subprocess, sys, threading
print("at import")
log = logging.getLogger()
def later(event):
    event.wait(20)
    print("after the response")
def handler(event, context):
    match event:
        case "print":
            print("out")
            print("err", file=sys.stderr)
            os.write(1, b"raw\\n")
            subprocess.run([sys.executable, "-c", "print('child')"])
            print("no newline", end="")
        case "log":
            log.info("lost")
            log.warning("two\\nlines")
            logging.basicConfig(level="INFO", format="ignored")
            log.setLevel("INFO")
            log.info("kept")
            context.log("by the context")
        case "much":
            for number in range(2000):
                print(number, "x" * 100)
        case "raise":
            raise RuntimeError("first\\nsecond")
        case "thread":
            done = threading.Event()
            threading.Thread(target=later, args=(done,)).start()
            threading.Timer(0.1, done.set).start()
"""


def lines_of(bench: Workbench, request_id: str) -> list[str]:
    """The messages between START and END of an invocation."""
    messages = bench.log.messages
    start = messages.index(f"START RequestId: {request_id} Version: $LATEST\n")
    return messages[start + 1 : messages.index(f"END RequestId: {request_id}\n")]


@with_workbench()
@pytest.mark.fidelity("9.6")
async def test_log_of_a_cold_invocation_is_in_lambdas_order(bench: Workbench) -> None:
    """Init, the import's output, START, the handler's output, END, REPORT."""
    result = await bench.call(function(TALKING, timeout_s=20), "print")
    messages = bench.log.messages
    assert messages[0].startswith("INIT_START Runtime Version: python:3.13.v")
    assert messages[1:-1] == [
        "at import\n",
        f"START RequestId: {result.request_id} Version: $LATEST\n",
        "out\n",
        "err\n",
        "raw\n",
        "child\n",
        "no newline\n",
        f"END RequestId: {result.request_id}\n",
    ]
    assert re.fullmatch(
        rf"REPORT RequestId: {result.request_id}\tDuration: \d+\.\d\d ms\tBilled Duration: \d+ ms\t"
        r"Memory Size: 128 MB\t(Max Memory Used: \d+ MB\t)?Init Duration: \d+\.\d\d ms\t\n",
        messages[-1],
    )
    assert result.log_tail == "".join(messages[2:])


@with_workbench(clock=StandingClock())
async def test_log_of_a_warm_invocation_has_no_init(bench: Workbench) -> None:
    """The second invocation shows neither INIT_START nor Init Duration, in the same stream."""
    probe = function(TALKING)
    await bench.call(probe)
    result = await bench.call(probe)
    assert [line.split(" ")[0] for line in result.log_tail.splitlines()] == ["START", "END", "REPORT"]
    assert "Init Duration" not in result.log_tail and result.measured.init_ms is None
    assert len(bench.log.streams) == 1


@with_workbench()
@pytest.mark.fidelity("9.5")
async def test_logger_is_set_up_as_on_lambda(bench: Workbench) -> None:
    """INFO is lost until setLevel, basicConfig does nothing, and a record of two lines is one event."""
    result = await bench.call(function(TALKING), "log")
    warning, kept, by_context = lines_of(bench, result.request_id)
    stamp = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
    assert re.fullmatch(rf"\[WARNING\]\t{stamp}\t{result.request_id}\ttwo\nlines\n", warning)
    assert re.fullmatch(rf"\[INFO\]\t{stamp}\t{result.request_id}\tkept\n", kept)
    assert by_context == "by the context\n"


@with_workbench()
async def test_all_output_is_logged_before_end_when_there_is_much(bench: Workbench) -> None:
    """Three times a pipe's capacity, written before the response, lies between START and END."""
    result = await bench.call(function(TALKING, timeout_s=20), "much")
    assert lines_of(bench, result.request_id) == [f"{number} {'x' * 100}\n" for number in range(2000)]
    assert len(result.log_tail.encode()) <= 4096 and result.log_tail.endswith("\t\n")


@with_workbench()
async def test_traceback_is_one_event_without_this_machines_directories(bench: Workbench) -> None:
    """An error is one event with carriage returns, and its paths are Lambda's."""
    result = await bench.call(function(TALKING), "raise")
    [event] = [message for message in bench.log.messages if message.startswith("[ERROR]")]
    assert event.startswith("[ERROR] RuntimeError: first\nsecond\rTraceback (most recent call last):\r")
    assert '\r\u00a0\u00a0File "/var/task/app.py", line ' in event
    assert str(bench.work_dir) not in bench.log.text
    assert json.loads(result.payload)["errorMessage"] == "first\nsecond"


@with_workbench()
async def test_output_after_the_response_reaches_the_log(bench: Workbench) -> None:
    """A background thread that prints later is heard."""
    await bench.call(function(TALKING), "thread")
    await until(lambda: "after the response\n" in bench.log.messages, "the thread's line")


@with_workbench()
async def test_invocation_ends_when_a_thread_goes_on_printing(bench: Workbench) -> None:
    """A background thread that prints without end holds up neither the result nor the next invocation."""
    probe = function(
        "import threading\n"
        "def chatter():\n"
        "    while True: print('x')\n"
        "def handler(event, context):\n"
        "    threading.Thread(target=chatter, daemon=True).start()\n"
        "    return 'done'",
        timeout_s=20,
    )
    for _ in range(2):
        result = await bench.call(probe)
        assert result.payload == b'"done"' and "\nREPORT " in result.log_tail


@with_workbench()
async def test_endless_printing_ends_at_the_time_limit(bench: Workbench) -> None:
    """A function that prints without end is slowed down, ended, and has not flooded the log."""
    result = await bench.call(function("def handler(event, context):\n    while True: print('x')", timeout_s=1))
    assert json.loads(result.payload)["errorType"] == "Sandbox.Timedout"
    assert 0 < bench.log.messages.count("x\n") < 100_000

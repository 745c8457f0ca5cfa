"""Invocations of type Event: accepted at once, tried three times, dropped at the end."""

import asyncio
import json

import pytest

from tests.process.functions_workbench import Workbench, function, until, with_workbench

FAILING_TWICE = """
def handler(event, context):
    with open(event["file"], "a") as log:
        log.write(context.aws_request_id + "\\n")
    with open(event["file"]) as log:
        attempts = len(log.readlines())
    if attempts <= event["failures"]:
        raise RuntimeError("attempt %d" % attempts)
    print("delivered at attempt", attempts)
"""


def payload_of(bench: Workbench, failures: int) -> bytes:
    """An event that makes the function fail so many times."""
    return b'{"file": "%s", "failures": %d}' % ((bench.work_dir / "attempts").as_posix().encode(), failures)


def attempts_of(bench: Workbench) -> list[str]:
    """The request id of each attempt."""
    path = bench.work_dir / "attempts"
    return path.read_text().split() if path.exists() else []


@with_workbench(event_retry_delays_s=(0.05, 0.05))
async def test_event_is_tried_again_after_a_function_error(bench: Workbench) -> None:
    """The third attempt delivers, and all three have the request id that was answered."""
    probe = function(FAILING_TWICE)
    request_id = await bench.functions.invoke_event(lambda: probe, payload_of(bench, failures=2))
    await until(lambda: "delivered at attempt 3\n" in bench.log.messages, "the third attempt")
    assert attempts_of(bench) == [request_id] * 3


@with_workbench(event_retry_delays_s=(0.01, 0.01))
@pytest.mark.fidelity("9.13")
async def test_event_is_dropped_after_the_third_attempt(bench: Workbench) -> None:
    """There is no fourth attempt: an event sent afterwards is the next thing that runs."""
    probe = function(FAILING_TWICE)
    await bench.functions.invoke_event(lambda: probe, payload_of(bench, failures=9))
    await until(lambda: bench.log.text.count("\nREPORT ") == 3, "three attempts")
    other = function("def handler(event, context): print('another')", name="other")
    await bench.functions.invoke_event(lambda: other, b"{}")
    await until(lambda: "another\n" in bench.log.messages, "the other event")
    assert len(attempts_of(bench)) == 3


@with_workbench(event_retry_delays_s=(0.01, 0.01))
@pytest.mark.fidelity("9.13")
async def test_event_is_tried_once_when_the_function_wants_no_retries(bench: Workbench) -> None:
    """A function's own number of retries counts, be it 0."""
    probe = function(FAILING_TWICE, event_retries=0)
    await bench.functions.invoke_event(lambda: probe, payload_of(bench, failures=9))
    await until(lambda: bench.log.text.count("\nREPORT ") == 1, "the only attempt")
    other = function("def handler(event, context): print('another')", name="other")
    await bench.functions.invoke_event(lambda: other, b"{}")
    await until(lambda: "another\n" in bench.log.messages, "the other event")
    assert len(attempts_of(bench)) == 1


@with_workbench(event_retry_delays_s=(30.0, 30.0))
async def test_event_is_accepted_at_once(bench: Workbench) -> None:
    """The caller does not wait for the function: it goes on while the function waits for what the caller does next."""
    probe = function(
        "import os, threading\n"
        "def handler(event, context):\n"
        "    while not os.path.exists(event['file']): threading.Event().wait(0.01)\n"
        "    print('found')\n"
    )
    file = bench.work_dir / "made-by-the-caller"
    await asyncio.wait_for(bench.functions.invoke_event(lambda: probe, json.dumps({"file": str(file)}).encode()), 60)
    file.touch()
    await until(lambda: "found\n" in bench.log.messages, "the function's end")


@with_workbench(event_retry_delays_s=(0.01, 0.01))
async def test_event_uses_the_code_of_the_moment_when_it_is_tried_again(bench: Workbench) -> None:
    """A retry asks for the definition anew; a function that is deleted meanwhile is not tried again."""
    definitions = iter(
        [
            function("def handler(event, context): raise ValueError"),
            function("def handler(event, context): print('mended')"),
        ]
    )
    await bench.functions.invoke_event(lambda: next(definitions), b"{}")
    await until(lambda: "mended\n" in bench.log.messages, "the mended code")
    asked = []
    gone = iter([function("def handler(event, context): raise ValueError", name="gone"), None])
    await bench.functions.invoke_event(lambda: asked.append(1) or next(gone), b"{}")
    await until(lambda: len(asked) == 2, "the second look")
    assert bench.log.text.count("[ERROR] ValueError") == 2


@with_workbench(event_retry_delays_s=(3600.0, 3600.0))
async def test_event_that_waits_for_its_retry_does_not_hold_up_the_stop(bench: Workbench) -> None:
    """Stopping drops what waits for a retry."""
    probe = function(FAILING_TWICE)
    await bench.functions.invoke_event(lambda: probe, payload_of(bench, failures=9))
    await until(lambda: "\nREPORT " in bench.log.text, "the first attempt")
    await asyncio.wait_for(bench.functions.stop(), 50)
    assert len(attempts_of(bench)) == 1

"""How many processes serve, which one, and with which code."""

import asyncio
import json

import pytest

from tests.moved_clock import StandingClock
from tests.process.functions_workbench import Workbench, function, until, with_workbench

# Answers as soon as `together` invocations run at the same time, or after 20 s.
MEETING = """
import os, threading, time
def handler(event, context):
    room = event["room"]
    open(os.path.join(room, context.aws_request_id), "w").close()
    end = time.monotonic() + 20
    while len(os.listdir(room)) < event["together"] and time.monotonic() < end:
        threading.Event().wait(0.005)
    return {"pid": os.getpid(), "met": len(os.listdir(room))}
"""
QUICK = "import os\ndef handler(event, context): return os.getpid()"


@with_workbench(max_environments=3)
async def test_invocations_in_flight_run_in_parallel_up_to_the_bound(bench: Workbench) -> None:
    """Three events in flight run in three processes at the same time."""
    room = bench.work_dir / "room"
    room.mkdir()
    probe = function(MEETING, timeout_s=30)
    answers = await asyncio.gather(*(bench.value(probe, {"room": str(room), "together": 3}) for _ in range(3)))
    assert len({answer["pid"] for answer in answers}) == 3
    assert {answer["met"] for answer in answers} == {3}
    assert bench.functions.environment_count == 3


@with_workbench(max_environments=4)
async def test_burst_of_five_hundred_is_served_by_few_processes(bench: Workbench) -> None:
    """Every invocation of a burst is answered, and never by more processes than allowed."""
    most = 0

    async def one(number: int) -> tuple[int, int]:
        nonlocal most
        probe = function("import os\ndef handler(event, context): return [event, os.getpid()]")
        echoed, pid = await bench.value(probe, number)
        most = max(most, bench.functions.environment_count)
        return echoed, pid

    answers = await asyncio.gather(*(one(number) for number in range(500)))
    assert [echoed for echoed, _ in answers] == list(range(500))
    assert len({pid for _, pid in answers}) <= 4 and most <= 4
    assert bench.log.text.count("\nREPORT ") == 500


@with_workbench(max_environments=4, clock=StandingClock())
async def test_quick_invocations_one_after_the_other_need_one_process(bench: Workbench) -> None:
    """A caller that waits for each answer never causes a second start."""
    probe = function(QUICK)
    assert len({await bench.value(probe) for _ in range(100)}) == 1


@with_workbench(max_environments=1)
async def test_function_that_invokes_another_does_not_wait_for_itself(bench: Workbench) -> None:
    """At the bound a second function still gets its one process, so the first can wait for it."""
    room = bench.work_dir / "room"
    room.mkdir()
    outer = asyncio.ensure_future(
        bench.value(function(MEETING, name="outer", timeout_s=30), {"room": str(room), "together": 2})
    )
    await until(lambda: len(list(room.iterdir())) == 1, "the outer function to run")
    inner = await bench.value(function(MEETING, name="inner", timeout_s=30), {"room": str(room), "together": 2})
    assert inner["met"] == (await outer)["met"] == 2


@with_workbench(max_environments=1)
async def test_idle_environment_makes_room_for_another_function(bench: Workbench) -> None:
    """At the bound an idle process of another function ends first."""
    for name in ("first", "second", "first"):
        await bench.value(function(QUICK, name=name))
        assert bench.functions.environment_count == 1


@with_workbench()
async def test_new_code_serves_the_next_invocation(bench: Workbench) -> None:
    """Code, configuration and environment variables take effect at once; the old process ends."""
    code = "import os\ndef handler(event, context): return [{!r}, os.environ.get('T'), context.memory_limit_in_mb]"
    assert await bench.value(function(code.format("old"))) == ["old", None, "128"]
    assert await bench.value(function(code.format("new"))) == ["new", None, "128"]
    assert await bench.value(function(code.format("new"), environment={"T": "x"})) == ["new", "x", "128"]
    larger = function(code.format("new"), environment={"T": "x"}, memory_mb=512)
    assert await bench.value(larger) == ["new", "x", "512"]
    await until(lambda: bench.functions.environment_count == 1, "the old environments to be gone")
    assert len(list((bench.work_dir / "packages").iterdir())) == 1


@with_workbench()
async def test_old_code_finishes_its_invocation_while_new_code_serves(bench: Workbench) -> None:
    """An update does not disturb what runs."""
    room = bench.work_dir / "room"
    room.mkdir()
    old = asyncio.ensure_future(bench.value(function(MEETING, timeout_s=30), {"room": str(room), "together": 2}))
    await until(lambda: len(list(room.iterdir())) == 1, "the old code to run")
    new = await bench.value(function(MEETING + "\n# new", timeout_s=30), {"room": str(room), "together": 2})
    assert (await old)["pid"] != new["pid"]
    await until(lambda: bench.functions.environment_count == 1, "the old environment to be gone")


@with_workbench(idle_environment_s=0.2)
async def test_idle_environment_ends_after_its_time(bench: Workbench) -> None:
    """A process that serves nothing for a while ends and its files go with it."""
    await bench.value(function(QUICK))
    await until(lambda: bench.functions.environment_count == 0, "the idle environment to end")
    assert list((bench.work_dir / "packages").iterdir()) == []
    assert list((bench.work_dir / "environments").iterdir()) == []


@with_workbench()
async def test_deleted_function_leaves_no_environment(bench: Workbench) -> None:
    """When a function is retired its process is gone; another function's stays."""
    gone, kept = function(QUICK, name="gone"), function(QUICK, name="gone-not")
    await bench.value(gone)
    pid = await bench.value(kept)
    bench.functions.retire(gone.arn)
    await until(lambda: bench.functions.environment_count == 1, "the deleted function's environment to end")
    assert await bench.value(kept) == pid
    assert await bench.value(gone) != pid


@with_workbench(max_environments=2)
async def test_failing_functions_do_not_hold_up_others(bench: Workbench) -> None:
    """A burst on a function that cannot start is answered, beside one that works."""
    broken, works = function("import nowhere", name="broken"), function(QUICK, name="works")
    failed, pids = await asyncio.gather(
        asyncio.gather(*(bench.call(broken) for _ in range(50))),
        asyncio.gather(*(bench.value(works) for _ in range(50))),
    )
    assert {json.loads(result.payload)["errorType"] for result in failed} == {"Runtime.ImportModuleError"}
    assert 1 <= len(set(pids)) <= 2


WAITING = """
import os, threading
def handler(event, context):
    while not os.path.exists(event):
        threading.Event().wait(0.005)
    return "served"
"""


@with_workbench(max_environments=1)
async def test_patience_when_an_invocation_waits_for_a_process(bench: Workbench) -> None:
    """How long a caller waits counts from when the function has a process for it, not from when it is asked."""
    door, never = bench.work_dir / "door", bench.work_dir / "never"
    held = asyncio.ensure_future(bench.call(function(WAITING, timeout_s=60), str(door)))
    await until(lambda: bench.functions.environment_count == 1, "the process")
    impatient = asyncio.ensure_future(bench.call(function(WAITING, timeout_s=60), str(never), within_s=0.05))
    done, _ = await asyncio.wait({impatient}, timeout=0.3)
    assert not done
    door.touch()
    assert (await held).payload == b'"served"'
    with pytest.raises(TimeoutError):
        await impatient


@with_workbench(max_environments=1)
async def test_patience_when_the_process_is_slow_to_start(bench: Workbench) -> None:
    """The start of a process that was begun for an invocation counts as its own time, as on Lambda."""
    slow = function("import threading; threading.Event().wait(20)\ndef handler(event, context): return None")
    with pytest.raises(TimeoutError):
        await bench.functions.invoke(slow, b"{}", within_s=0.05)
    assert bench.functions.environment_count == 1

"""Stopping, or being killed, leaves no process, thread or file."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from localstage.functions.invocation import StageStopping
from tests.process.functions_workbench import Workbench, function, is_running, until, with_workbench, workbench

# Starts two children, one of them on Linux in a session of its own, and says who they are; then it sleeps if asked to.
WITH_CHILD = """
import os, subprocess, sys, threading
def handler(event, context):
    child = [sys.executable, "-c", "import threading; threading.Event().wait(600)"]
    own, apart = (subprocess.Popen(child, start_new_session=new and sys.platform == "linux") for new in (False, True))
    with open(event["file"], "w") as file:
        file.write("%d %d %d" % (os.getpid(), own.pid, apart.pid))
    os.rename(event["file"], event["file"] + ".done")
    threading.Event().wait(event["sleep"])
"""

posix = pytest.mark.skipif(sys.platform == "win32", reason="process groups are POSIX's")


def test_stop_leaves_nothing():
    """After stop there is no process, no thread and no file, and what ran or waited has an answer."""

    async def stop() -> list[int]:
        async with workbench(max_environments=2) as bench:
            idle = await bench.value(function("import os\ndef handler(e, c): return os.getpid()", name="idle"))
            file = bench.work_dir / "pids"
            calls = [
                asyncio.ensure_future(bench.call(function(WITH_CHILD, timeout_s=60), {"file": str(file), "sleep": 60}))
                for _ in range(4)
            ]
            done = Path(f"{file}.done")
            await until(done.exists, "the handler to run")
            pids = [idle, *map(int, done.read_text().split())]
            await asyncio.wait_for(bench.functions.stop(), 50)
            results = await asyncio.gather(*calls, return_exceptions=True)
            assert [type(result) for result in results] == [StageStopping] * 4
            assert sorted(path.name for path in bench.work_dir.iterdir()) == ["pids.done"]
            assert bench.functions.environment_count == 0
            with pytest.raises(StageStopping):
                await bench.functions.invoke(function(""), b"{}")
            if sys.platform != "win32":
                await until(lambda: not any(map(is_running, pids)), "every process to be gone")
            return pids

    before = threading.active_count()
    asyncio.run(stop())
    assert threading.active_count() == before


def test_stop_is_quick_when_an_environment_starts():
    """An environment in the middle of its init is ended too."""

    async def stop() -> None:
        async with workbench() as bench:
            call = asyncio.ensure_future(bench.call(function("import threading\nthreading.Event().wait(60)")))
            await until(lambda: "INIT_START" in bench.log.text, "the init to begin")
            await asyncio.wait_for(bench.functions.stop(), 50)
            with pytest.raises(StageStopping):
                await call

    asyncio.run(stop())


@posix
def test_timed_out_function_takes_its_children_with_it():
    """What a handler started ends with the handler's environment."""

    @with_workbench()
    async def time_out(bench: Workbench) -> None:
        file = bench.work_dir / "pids"
        for timeout_s in (1, 5, 25):  # On a busy machine the handler may not come to its children in a second.
            await bench.call(function(WITH_CHILD, timeout_s=timeout_s), {"file": str(file), "sleep": 60})
            if Path(f"{file}.done").exists():
                break
        pids = [int(pid) for pid in Path(f"{file}.done").read_text().split()]
        await until(lambda: not any(map(is_running, pids)), "the handler and its children to be gone")

    time_out()


STAGE = """
import asyncio, sys
from tests.process.functions_workbench import function, workbench
async def main():
    async with workbench() as bench:
        await bench.call(function(sys.argv[1], timeout_s=600), {"file": sys.argv[2], "sleep": float(sys.argv[3])})
        print("served", flush=True)
        await asyncio.sleep(600)
asyncio.run(main())
"""


@posix
@pytest.mark.parametrize("sleep", [0, 600])
def test_killed_stage_leaves_no_process(sleep, tmp_path):
    """When the stage is killed outright, busy and idle environments end with everything they started."""
    file = tmp_path / "pids"
    done = Path(f"{file}.done")
    stage = subprocess.Popen(
        [sys.executable, "-c", STAGE, WITH_CHILD, str(file), str(sleep)],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )

    async def kill() -> list[int]:
        await until(done.exists, "the handler to run")
        pids = [int(pid) for pid in done.read_text().split()]
        if sleep == 0:
            assert await asyncio.to_thread(stage.stdout.readline) == b"served\n"
        assert all(map(is_running, pids))
        stage.send_signal(signal.SIGKILL)
        stage.wait(60)
        await until(lambda: not any(map(is_running, pids)), "the environment and its children to be gone")
        return pids

    try:
        assert len(asyncio.run(kill())) == 3
    finally:
        stage.kill()
        stage.communicate()


@posix
def test_interrupt_at_the_terminal_does_not_reach_an_environment():
    """A Ctrl-C goes to the stage's process group; environments are in groups of their own."""

    @with_workbench()
    async def compare(bench: Workbench) -> None:
        probe = function("import os\ndef handler(event, context): return [os.getpgrp(), os.getpid()]")
        group = await bench.value(probe)
        assert group[0] == group[1] != os.getpgrp()

    compare()

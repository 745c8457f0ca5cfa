"""Environments that are copies of a process which has imported boto3: nothing tells them from any other."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from localstage.functions.copies import may_be_copied
from localstage.functions.runtimes import EnvironmentFiles
from tests.process.functions_workbench import Workbench, function, is_running, until, with_workbench, zipped

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has copies")

# What a handler can see of its process, but for what differs from one process to the next.
PROBE = """
import ctypes, gc, os, signal, sys, time, threading
from importlib.util import find_spec

descriptors = sorted(os.listdir("/proc/self/fd"))
import boto3

def handler(event, context):
    own = ("AWS_LAMBDA_RUNTIME_API", "AWS_LAMBDA_LOG_", "AWS_LAMBDA_FUNCTION_NAME", "TMPDIR", "_X_AMZN_TRACE_ID")
    task = os.environ["LAMBDA_TASK_ROOT"]
    callbacks = [ctypes.CFUNCTYPE(ctypes.c_int)(lambda: 1) for _ in range(5000)]  # libffi may map a file of its own.
    seen = {name: os.environ[name].replace(task.rpartition("/")[0], "") for name in os.environ if not name.startswith(own)}
    return {
        "parent": os.getppid(),
        "variables": seen,
        "directory": os.getcwd() == task,
        "path": [entry.replace(task, "") for entry in sys.path],
        "finders": sorted(getattr(finder, "__name__", type(finder).__name__) for finder in sys.meta_path),
        "arguments": sys.argv,
        "alone": os.getsid(0) == os.getpgrp() == os.getpid(),
        "descriptors": len(descriptors),
        "callbacks": sum(callback() for callback in callbacks),
        "stdin": sys.stdin.read(),
        "streams": [(each.encoding, each.errors, each.line_buffering, each.isatty()) for each in (sys.stdout, sys.stderr)],
        "signals": [str(signal.getsignal(number)) for number in sorted(signal.valid_signals()) if number < 32],
        "blocked": [int(number) for number in signal.pthread_sigmask(signal.SIG_BLOCK, [])],
        "flags": list(sys.flags),
        "mask": os.umask(0o22),
        "threads": threading.active_count(),
        "found": [name for name in ("boto3", "moto", "aiohttp", "template", "awslambdaric") if find_spec(name)],
        "boto3": boto3.__file__,
        "collector": [gc.isenabled(), gc.get_threshold()],
        "zone": time.strftime("%Z"),
    }
"""
WHO = "import os, random\ndef handler(event, context): return [os.getpid(), os.getppid(), random.random()]"


async def copied(bench: Workbench, definition: Any) -> tuple[int, int, float]:
    """Calls the function under new names until its environment is a copy; gives what WHO returns."""
    for number in range(50):
        answer = await bench.value(function(WHO, name=f"{definition.name}-{number}"))
        if answer[1] != os.getpid():
            return tuple(answer)
    raise AssertionError("none of 50 environments was a copy")


@with_workbench(max_environments=2)
async def test_copy_when_it_looks_around(bench: Workbench) -> None:
    """All that a handler sees of a copy is what it sees of a process of its own."""
    first = await bench.value(function(PROBE, name="plain"))
    _, template, _ = await copied(bench, function(WHO))
    second = await bench.value(function(PROBE, name="copy"))
    assert b"template.py" in Path(f"/proc/{template}/cmdline").read_bytes()
    assert os.listdir(f"/proc/{template}/task") == [str(template)], "a process with threads must not be copied"
    assert first.pop("parent") != second.pop("parent") == template
    assert second == first


@with_workbench(max_environments=4)
async def test_copies_when_they_draw_lots(bench: Workbench) -> None:
    """Each copy has random numbers of its own."""
    await copied(bench, function(WHO, name="lots"))
    drawn = [await bench.value(function(WHO, name=f"drawer-{number}")) for number in range(3)]
    assert len({answer[2] for answer in drawn}) == 3 and len({answer[1] for answer in drawn}) == 1


@with_workbench(max_environments=3)
async def test_package_when_it_brings_its_own_boto3(bench: Workbench) -> None:
    """The function's own module wins over the one that the template has imported."""
    await copied(bench, function(WHO))
    code = {"app.py": "import boto3, six\ndef handler(event, context): return boto3.OWN", "boto3.py": "OWN = 'mine'"}
    assert await bench.value(function("", name="own", package=zipped(code))) == "mine"


@with_workbench(max_environments=3)
async def test_invocation_when_a_copy_ends(bench: Workbench) -> None:
    """A copy's exit status and its signal are in the result, as of any other environment."""
    await copied(bench, function(WHO))
    left = await bench.call(function("import os\ndef handler(event, context): os._exit(3)", name="left"))
    assert b"exit status 3" in left.payload
    code = f"import os\ndef handler(event, context): os.kill(os.getpid(), {signal.SIGSEGV:d})"
    shot = await bench.call(function(code, name="shot"))
    assert b"signal: segmentation fault" in shot.payload
    failed = await bench.call(function("import sys\nsys.exit(4)", name="failed"))
    assert failed.function_error


@with_workbench(max_environments=3)
async def test_functions_when_the_template_is_killed(bench: Workbench) -> None:
    """Its copies end with it, and the next invocations are served by processes of their own."""
    pid, template, _ = await copied(bench, function(WHO, name="bereft"))
    os.kill(template, signal.SIGKILL)
    await until(lambda: not is_running(pid), "the copy to end")
    answer = await bench.value(function(WHO, name="after"))
    assert answer[1] == os.getpid()


@with_workbench(max_environments=3)
async def test_copies_when_all_stops(bench: Workbench) -> None:
    """Neither the template nor a copy is left."""
    pid, template, _ = await copied(bench, function(WHO))
    invocation = asyncio.ensure_future(bench.call(function("def handler(e, c):\n  while True: pass", name="busy")))
    await until(lambda: bench.functions.environment_count > 1, "another environment")
    await bench.functions.stop()
    await asyncio.gather(invocation, return_exceptions=True)
    assert not is_running(pid) and not is_running(template)


@pytest.mark.parametrize(
    ("variables", "file", "allowed"),
    [
        ({"TABLE": "Chat"}, "app.py", True),
        ({"PYTHONHASHSEED": "1"}, "app.py", False),
        ({"LD_PRELOAD": "x"}, "app.py", False),
        ({}, "json.py", False),
        ({}, "botocore/__init__.py", False),
        ({}, "own.cpython-311.so", False),
        ({}, "lib/libown.so.1", False),
    ],
)
def test_copy_when_a_function_has_a_say(variables: dict[str, str], file: str, allowed: bool, tmp_path: Path) -> None:
    """A start is no copy where a variable, a module or a library of the function's works at the start."""
    (tmp_path / "task" / file).parent.mkdir(parents=True)
    (tmp_path / "task" / file).touch()
    files = EnvironmentFiles(str(tmp_path / "task"), str(tmp_path / "opt"), str(tmp_path))
    assert may_be_copied(variables, files, frozenset({"json", "botocore"})) is allowed

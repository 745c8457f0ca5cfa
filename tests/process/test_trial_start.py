"""The processes of trials: nothing of them is left, whatever becomes of the notebook's kernel."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from classroom.my_chat.trial import Trial
from tests.process.functions_workbench import is_running, until

PROGRAM = """
import json, os, sys, threading
from classroom.my_chat.trial import Trial

HANDLER = "import os\\ndef lambda_handler(event, context): return [os.getpid(), os.getppid(), os.environ.get('TABLE')]"
with Trial({"app.py": HANDLER}, "app", {"TABLE": "first"}) as first:
    answers = [first.connect("ann").result]
second = Trial({"app.py": HANDLER}, "app", {})
answers.append(second.connect("bob").result)
endless = Trial({"app.py": HANDLER + "\\nimport sys, time\\nwhile sys.path: time.sleep(0.01)"}, "app", {})
threading.Thread(target=endless.connect, args=["cai"], daemon=True).start()
print(json.dumps(answers), flush=True)
sys.stdin.read()
os._exit(0)
"""
WHO = {"app.py": "import os\ndef lambda_handler(event, context): return [os.getpid(), os.getppid()]"}


@pytest.mark.parametrize("ended", ["by itself", "by force"])
def test_trials_when_their_kernel_ends(ended: str, tmp_path: Path) -> None:
    """Each trial has a process and variables of its own; closed, or left behind busy, it ends and leaves no file."""
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    kernel = subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment,
        cwd=Path(__file__).parents[2],
    )
    assert kernel.stdout is not None and kernel.stdin is not None
    with kernel:
        first, second = json.loads(kernel.stdout.readline())
        assert first[0] != second[0] and (first[2], second[2]) == ("first", None)
        started = {first[0], second[0], second[1], *children(second[1])}
        assert len(started) > 3 or sys.platform != "linux"
        if ended == "by force":
            kernel.kill()
        kernel.stdin.close()
    asyncio.run(until(lambda: not any(map(is_running, started)), "the trials' processes to end"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has copies")
def test_trial_when_the_template_has_been_killed() -> None:
    """A trial that was made goes on, and the next one is made of another template."""
    with Trial(WHO, "app") as bereft:
        _, template = bereft.connect("ann").result
        assert os.listdir(f"/proc/{template}/task") == [str(template)], "a process with threads must not be copied"
        os.kill(template, signal.SIGKILL)
        with Trial(WHO, "app") as next_one:
            assert next_one.connect("bob").result[1] not in (template, os.getpid())
        assert bereft.connect("cai").result


def children(pid: int) -> set[int]:
    """The processes that this one has started and that have not ended."""
    try:
        return set(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))
    except OSError:
        return set()

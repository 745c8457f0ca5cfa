"""The processes of trials: none is left, whatever becomes of the notebook's kernel."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path

from tests.process.functions_workbench import is_running, until

PROGRAM = """
import json, os
from classroom.my_chat.trial import Trial

HANDLER = "import os\\ndef lambda_handler(event, context): return [os.getpid(), os.getppid(), os.environ.get('TABLE')]"
with Trial({"app.py": HANDLER}, "app", {"TABLE": "first"}) as first:
    answers = [first.connect("ann").result]
second = Trial({"app.py": HANDLER}, "app", {})
print(json.dumps([*answers, second.connect("bob").result]), flush=True)
os._exit(0)
"""


def test_trials_when_their_kernel_ends() -> None:
    """Each trial has a process and variables of its own; closed, or left behind by its kernel, it ends."""
    command = [sys.executable, "-c", PROGRAM]
    done = subprocess.run(command, text=True, capture_output=True, timeout=90, cwd=Path(__file__).parents[2])
    assert done.returncode == 0, done.stderr
    first, second = json.loads(done.stdout)
    assert first[0] != second[0] and (first[2], second[2]) == ("first", None)
    pids = {pid for answer in (first, second) for pid in answer[:2]}
    asyncio.run(until(lambda: not any(map(is_running, pids)), "the trials' processes to end"))

"""``sam`` as the lesson calls it: what becomes of its end. A script stands in for it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from classroom.account.stack import StackFailed
from classroom.labs.sam import run


def stand_in(folder: Path, script: str) -> list[str]:
    """The words that run a script of Python in the place of ``sam``."""
    path = folder / "sam.py"
    path.write_text(script)
    return [sys.executable, str(path), "deploy"]


def test_sam_when_it_deploys(tmp_path, capfd):
    """It gets the lesson's environment, sends no telemetry, and what it says stays out of the notebook."""
    words = stand_in(tmp_path, "import os, sys\nprint(sys.argv[1])\nassert os.environ['SAM_CLI_TELEMETRY'] == '0'")
    run(words, "lab-sam-chat")
    assert capfd.readouterr().out == ""


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("print('Uploading'); print('Error: no bucket', file=__import__('sys').stderr); exit(1)", "Error: no bucket"),
        ("print('Error: one'); print('see above'); exit(1)", "Error: one"),
        ("print('out of luck'); exit(1)", "out of luck"),
        ("exit(1)", "it said nothing"),
    ],
)
def test_sam_when_it_fails(tmp_path, script, said):
    """Its error is told in one sentence, without the rest of its output."""
    with pytest.raises(StackFailed) as raised:
        run(stand_in(tmp_path, script), "lab-sam-chat")
    assert str(raised.value) == f"sam ended with status 1: {said}"

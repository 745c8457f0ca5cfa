"""What the page about localstage tells people to type, typed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "localstage.md").read_text()


def run(command: list[str]) -> subprocess.CompletedProcess[str]:
    """Runs a command in an environment without AWS settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "LOCALSTAGE_"))}
    return subprocess.run(
        command, cwd=ROOT, env=kept, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=180
    )


def test_python_example_when_it_is_run():
    """The page's Python program runs as printed and shows an account without APIs."""
    program = re.search(r"```python\n(.*?)```", PAGE, re.DOTALL)[1]
    said = run([sys.executable, "-c", program])
    assert (said.returncode, said.stdout, said.stderr) == (0, "[]\n", "")


def test_run_example_when_the_command_sees_aws():
    """``localstage run --as-aws`` gives a program no endpoint, and its call still reaches the stage."""
    program = (
        "import boto3, os; assert 'AWS_ENDPOINT_URL' not in os.environ; "
        "print(boto3.client('dynamodb').list_tables()['TableNames'])"
    )
    said = run([sys.executable, "-m", "localstage", "run", "--as-aws", "--", sys.executable, "-c", program])
    assert (said.returncode, said.stdout) == (0, "[]\n"), said.stderr

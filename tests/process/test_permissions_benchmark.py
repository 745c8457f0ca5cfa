"""The benchmark of permissions runs, and its decisions cost far less than a call."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.weekly
def test_decision_when_measured():
    """A decision takes at most 0.3 ms in the median, with narrow policies and with wide ones."""
    run = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.permissions", "--count", "400"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    medians = [float(number) for number in re.findall(r"median ([\d.]+) ms", run.stdout)]
    assert len(medians) == 4 and max(medians) <= 0.3, run.stdout

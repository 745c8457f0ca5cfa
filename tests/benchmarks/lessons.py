"""How long each notebook runs, from a fresh kernel to its last cell, with a localstage of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.benchmarks.report import Report
from tests.benchmarks.rows import Row
from tests.benchmarks.subjects import NotMeasured

_ROOT = Path(__file__).resolve().parents[2]


def measure_notebooks(report: Report, subject: str, tell: Callable[[str], None]) -> None:
    """Runs every notebook once, one after the other; none is written over."""
    for path in sorted((_ROOT / "notebooks").glob("*.ipynb")):
        row = Row(f"notebook {path.stem}", "s", measure=None)
        tell(row.title)
        try:
            report.add(row, subject, {"value": _seconds(path)})
        except NotMeasured as error:
            report.could_not(subject, row, str(error))


def _seconds(path: Path) -> float:
    """How long one notebook takes. Raises NotMeasured."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        command = [sys.executable, "-m", "classroom.operations.notebooks", "run", path.stem, "--into", folder]
        began = time.perf_counter()
        done = subprocess.run(
            [*command, "--timeout", "300"],
            cwd=_ROOT,
            env={**os.environ, "CHAT_TARGET": "moto"},
            capture_output=True,
            text=True,
        )
        seconds = time.perf_counter() - began
    if done.returncode:
        raise NotMeasured((done.stderr.strip().splitlines() or [f"status {done.returncode}"])[-1])
    return seconds

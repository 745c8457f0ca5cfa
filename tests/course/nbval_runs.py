"""Running one committed notebook under nbval, strictly, in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
WITHIN_S = 60


def rehearsal(pace: float = 1.0) -> list[str]:
    """What is put before a command so that it works with AWS's host names, at AWS's pace, on a fresh stage."""
    return [sys.executable, "-m", "localstage", "run", "--as-aws", "--like-aws", "--pace", str(pace), "--"]


def number_of(notebook: Path) -> str:
    """The lesson's number as people say it: 0, 7, 7b."""
    return notebook.stem.split("-")[0].lstrip("0") or "0"


def clean_environment(work_dir: Path, **more: str) -> dict[str, str]:
    """This process's environment without a stage, a target or AWS settings; Jupyter's files go to ``work_dir``."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AWS_", "CHAT_", "JUPYTERHUB_", "LOCALSTAGE_", "PYTEST_"))
        and not name.lower().endswith("_proxy")
    }
    places = {
        name: str(work_dir / name.lower())
        for name in (
            "JUPYTER_RUNTIME_DIR",
            "JUPYTER_CONFIG_DIR",
            "JUPYTER_DATA_DIR",
            "IPYTHONDIR",
            "LOCALSTAGE_STATE_DIR",
        )
    }
    for place in places.values():
        Path(place).mkdir(parents=True, exist_ok=True)  # IPython would make one in the system's folder and leave it
    return {**kept, **places, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", **more}


def run_strictly(
    notebook: Path, environment: dict[str, str], before: list[str] | None = None, cell_within_s: float = WITHIN_S
) -> None:
    """Run a notebook and compare every output with the committed one; fails with nbval's report.

    ``before`` is put before the command, such as ``localstage run --as-aws --``. The whole may take
    three times as long as one cell.
    """
    command = [
        *(before or []),
        sys.executable,
        "-m",
        "pytest",
        "--nbval",
        "--nbval-current-env",
        "--nbval-cell-timeout",
        str(round(cell_within_s)),
        "-p",
        "no:cacheprovider",
        "-p",
        "no:xdist",
        "-q",
        "-x",
        "--color=no",
        str(notebook),
    ]
    try:
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=environment,
            text=True,
            timeout=3 * cell_within_s,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
    except subprocess.TimeoutExpired as expired:
        raise AssertionError(f"{notebook.name} did not end within {3 * cell_within_s:g} s:\n{expired.output}") from None
    assert "Error handling request" not in done.stdout, (
        f"the stage failed while {notebook.name} ran:\n{done.stdout[-8000:]}"
    )
    assert done.returncode == 0, f"{notebook.name} ended with status {done.returncode}:\n{done.stdout[-8000:]}"

"""localstage installed by itself, from its folder into an empty environment: few packages, and the example runs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MOST_PACKAGES = 60


def said_by(command: list[str | Path], folder: Path, **more: str) -> str:
    """What a command prints, without anything of this run in its environment."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith(("AWS_", "LOCALSTAGE", "PYTHON"))}
    state = {"LOCALSTAGE_STATE_DIR": str(folder / "state")}
    done = subprocess.run(
        [str(word) for word in command],
        cwd=folder,
        env={**kept, **state, **more},
        text=True,
        capture_output=True,
        timeout=900,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.weekly
def test_localstage_when_installed_alone(tmp_path: Path):
    """Its wheel brings neither Jupyter nor the classroom; serve, deploy, connect and the pytest plugin work."""
    said_by([sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", ROOT / "localstage", "-w", tmp_path], tmp_path)
    venv.create(tmp_path / "venv", with_pip=True)
    scripts = tmp_path / "venv" / "bin"
    said_by([scripts / "pip", "install", "-q", *tmp_path.glob("localstage-*.whl")], tmp_path)
    listed = said_by(
        [scripts / "pip", "list", "--format", "freeze", "--exclude", "pip", "--exclude", "setuptools"], tmp_path
    )
    names = [line.partition("==")[0].lower() for line in listed.split()]
    assert len(names) < MOST_PACKAGES, names
    assert "localstage" in names and not [name for name in names if "jupyter" in name or "ipy" in name]
    said_by(
        [
            scripts / "python",
            "-c",
            "import localstage; import importlib.util as u; assert not u.find_spec('classroom')",
        ],
        tmp_path,
    )
    project = Path(shutil.copytree(ROOT / "examples" / "chat", tmp_path / "chat"))
    talk = (
        "localstage deploy --no-follow chat && echo hello there | localstage connect --frames 1 --wait 60s"
        " && localstage logs --platform Chat && localstage status"
    )
    path = f"{scripts}{os.pathsep}{os.environ['PATH']}"
    shown = said_by([scripts / "localstage", "run", "--", "sh", "-c", talk], tmp_path, PATH=path)
    assert "CREATE_COMPLETE  AWS::CloudFormation::Stack" in shown and "\nhello there\n" in shown
    assert "START RequestId" in shown and "1 connections" not in shown
    said_by([scripts / "pip", "install", "-q", "pytest"], tmp_path)
    assert "2 passed" in said_by([scripts / "pytest", "-q", project], tmp_path)

"""Small projects that the real course.py sets up and starts: its own files, a package of one line, fake programs.

The fakes stand for pytest, JupyterLab, ``localstage run`` and ``python -m classroom``: they print what
they were given, so a test sees what course.py starts and with what.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.process.wheel_by_hand import write_wheel

ROOT = Path(__file__).resolve().parents[2]
WITHIN_S = 300

SAY = """
import json, os, sys
print("STARTED " + json.dumps([__name__, sys.argv[1:], os.environ.get("CHAT_TARGET"), os.environ.get("VIRTUAL_ENV")]))
sys.stdout.flush()
"""
_FAKES = {
    "pytest": SAY + "sys.exit(5)\n",
    "jupyterlab": SAY,
    "localstage": SAY + "sys.stdin.read()\n",
    "classroom": SAY + "sys.exit(int(os.environ.get('FAKE_STATUS', '0')))\n",
}


@dataclass(frozen=True)
class Project:
    """A folder with course.py in it, and a folder of wheels instead of a package index."""

    root: Path
    wheels: Path

    @property
    def python(self) -> Path:
        return self.root / ".venv" / "bin" / "python"

    def variables(self, **more: str) -> dict[str, str]:
        """An environment in which pip sees the wheels and nothing else."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PIP_", "CHAT_", "PYTHON", "COV_"))
        }
        return {**kept, "PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(self.wheels), **more}

    def course(self, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Runs course.py to its end."""
        return subprocess.run(
            [sys.executable, "course.py", *words],
            cwd=self.root,
            env=self.variables(**more),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=WITHIN_S,
        )

    def start_course(self, *words: str, **more: str) -> subprocess.Popen[str]:
        """Starts course.py; the caller ends it. Its standard input is a pipe."""
        return subprocess.Popen(
            [sys.executable, "course.py", *words],
            cwd=self.root,
            env=self.variables(**more),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def ask(self, code: str) -> str:
        """What a line of Python prints in the project's environment."""
        answer = subprocess.run([self.python, "-I", "-c", code], capture_output=True, text=True, timeout=WITHIN_S)
        assert answer.returncode == 0, answer.stderr
        return answer.stdout.strip()


def lay_project(folder: Path) -> Project:
    """A project that was never started, with one pinned package, ``greeting`` 1.0, and for tests ``judging`` 1.0."""
    project = Project(folder / "project", folder / "wheels")
    project.wheels.mkdir(parents=True)
    shutil.copytree(ROOT / "installation", project.root / "installation", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "course.py", project.root)
    (project.root / "requirements.txt").write_text("greeting==1.0\n")
    (project.root / "requirements-tests.txt").write_text("judging==1.0\n")
    write_wheel(project.wheels, "greeting", "1.0", {"greeting": "WORD = 'hello'\ndef main(): print(WORD)\n"})
    write_wheel(project.wheels, "judging", "1.0", {"judging": "WORD = 'well done'\ndef main(): print(WORD)\n"})
    for name, source in _FAKES.items():
        (project.root / f"{name}.py").write_text(source)
    return project


def copy_project(project: Project, folder: Path) -> Project:
    """The same project in another folder, its ``.venv`` included, as a learner would copy it.

    The 1,600 files of pip, which nobody writes into, are not copied but linked.
    """
    shutil.copytree(project.root, folder / "project", symlinks=True, copy_function=_copied)
    return Project(folder / "project", project.wheels)


def _copied(source: str, place: str) -> None:
    """Copy a file; one of the pip package gets another name instead."""
    (os.link if f"{os.sep}site-packages{os.sep}pip{os.sep}" in source else shutil.copy2)(source, place)

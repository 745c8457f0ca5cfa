"""The virtual environment ``.venv``: what state it is in, how it is made and mended.

Lives here: the directory itself. Does not know: pip (``pip_run.py``).

A file of ours in it, the sign, tells its state: absent means that somebody else
made it, ``{}`` that our work on it was not finished, and otherwise it holds the
path where it was made and, by requirement file, the digest of what is installed.
"""

from __future__ import annotations

import contextlib
import enum
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from installation import CannotGoOn

_SIGN = "course.json"
_NO_NEWS = {"@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False}}


class State(enum.Enum):
    """What has to be done with a ``.venv``."""

    READY = "nothing"
    ABSENT = "make it"
    OUTDATED = "install into it; what its owner put there stays"
    BROKEN = "make it again"


@dataclass(frozen=True)
class Environment:
    """The virtual environment of the project at ``root``; it need not exist yet."""

    root: Path

    @property
    def path(self) -> Path:
        return self.root / ".venv"

    @property
    def scripts(self) -> Path:
        return self.path / ("Scripts" if os.name == "nt" else "bin")

    @property
    def python(self) -> Path:
        return self.scripts / ("python.exe" if os.name == "nt" else "python")

    @property
    def site_packages(self) -> Path:
        if os.name == "nt":
            return self.path / "Lib" / "site-packages"
        return self.path / "lib" / f"python{_our_version()}" / "site-packages"

    def variables(self) -> dict[str, str]:
        """Our environment variables, as activating this in a shell would change them."""
        variables = dict(os.environ, VIRTUAL_ENV=str(self.path))
        variables["PATH"] = str(self.scripts) + os.pathsep + os.environ.get("PATH", os.defpath)
        for name in ("PYTHONHOME", "PYTHONPATH"):  # They would bring another Python's packages in.
            variables.pop(name, None)
        return variables

    def state(self, wanted: Mapping[str, str]) -> State:
        """What has to be done for the requirement files with these digests; other files' packages may be there, too.

        Raises CannotGoOn if there is something here that is no virtual environment.
        """
        if not self.path.is_dir():
            if os.path.lexists(self.path):
                raise CannotGoOn(f"{self.path} is not a directory: move it away and run this again.")
            return State.ABSENT
        if not any(self.path.iterdir()):
            return State.ABSENT
        sign = self.read_sign()
        if sign is None and not (self.path / "pyvenv.cfg").exists():
            raise CannotGoOn(
                f"{self.path} holds something that is no virtual environment: move it away and run this again."
            )
        if sign == {} or not self._works():
            return State.BROKEN
        return State.READY if sign and wanted.items() <= sign.items() else State.OUTDATED

    def _works(self) -> bool:
        """Whether the interpreter starts, is of our minor version and has pip."""
        ask = "import sys, pip; print('%d.%d' % sys.version_info[:2])"
        try:
            answer = subprocess.run([self.python, "-I", "-c", ask], stdin=subprocess.DEVNULL, capture_output=True)
        except OSError:
            return False
        return answer.returncode == 0 and answer.stdout.decode().strip() == _our_version()

    def read_sign(self) -> dict[str, str] | None:
        """The sign's content; ``{}`` also if it cannot be read, None if there is none."""
        try:
            return dict(json.loads((self.path / _SIGN).read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError):
            return {}

    def write_sign(self, facts: dict[str, str]) -> None:
        """Sets the sign's content; it changes at once or not at all."""
        draft = self.path / (_SIGN + ".new")
        draft.write_text(json.dumps(facts), encoding="utf-8")
        draft.replace(self.path / _SIGN)

    def distributions(self) -> set[str]:
        """The packages that are completely there, by name and version: pip writes a package's record last."""
        return {record.parent.name for record in self.site_packages.glob("*.dist-info/RECORD")}

    def make(self) -> None:
        """Makes it, without packages, in place of whatever is here. Raises CannotGoOn."""
        if importlib.util.find_spec("venv") is None or importlib.util.find_spec("ensurepip") is None:
            raise CannotGoOn(
                "this Python has no venv module: install it (Debian and Ubuntu: "
                f"apt install python{_our_version()}-venv) and run this again."
            )
        self.path.mkdir(exist_ok=True)
        for entry in self.path.iterdir():
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()
        self.write_sign({})
        base = getattr(sys, "_base_executable", None) or sys.executable  # We may be running in it.
        made = subprocess.run(
            [base, "-m", "venv", self.path],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
        )
        if made.returncode != 0:
            sys.stderr.write(made.stdout)
            raise CannotGoOn(f"Python's venv could not make {self.path}: its words are above.")

    def connect(self) -> None:
        """Makes our packages importable, puts ``localstage`` and ``aws`` on the path, mends what a move of the folder broke.

        Cheap enough for every start, so a moved or copied folder works at once, offline.
        """
        moved_from = (self.read_sign() or {}).get("path")
        if moved_from and moved_from != str(self.path):
            self._mend_scripts(os.fsencode(moved_from))
        _write(self.site_packages / "serverless_chat_course.pth", f"{self.root}\n")
        if os.name == "nt":
            self._command("localstage.cmd", '@"%~dp0python.exe" -m localstage %*\n')
        else:
            self._command("localstage", '#!/bin/sh\nexec "$(dirname "$0")/python" -m localstage "$@"\n')
        if not (self.site_packages / "awscli").is_dir():
            if os.name == "nt":
                self._command("aws.cmd", '@"%~dp0python.exe" -P -m installation.aws %*\n')
            else:
                self._command("aws", '#!/bin/sh\nexec "$(dirname "$0")/python" -P -m installation.aws "$@"\n')
        _write(self.path / "share" / "jupyter" / "lab" / "settings" / "overrides.json", json.dumps(_NO_NEWS))

    def _command(self, name: str, text: str) -> None:
        _write(self.scripts / name, text)
        (self.scripts / name).chmod(0o755)

    def _mend_scripts(self, moved_from: bytes) -> None:
        """Puts the present path where text scripts name the one where they were installed."""
        for script in self.scripts.iterdir():
            if script.is_symlink() or not script.is_file():
                continue
            content = script.read_bytes()
            if moved_from in content and b"\0" not in content:
                script.write_bytes(content.replace(moved_from, os.fsencode(self.path)))


@contextlib.contextmanager
def one_at_a_time(root: Path) -> Iterator[tuple[int, ...]]:
    """Lets one process of this project set up; others wait here.

    Yields the file descriptors that a child must inherit if the hold is to
    last until that child has ended, even when we are killed.
    """
    try:
        import fcntl
    except ImportError:  # Windows has no such lock.
        yield ()
        return
    with open(root / "course.py", "rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("Another course.py is setting up this folder; waiting for it to end.", flush=True)
            fcntl.flock(file, fcntl.LOCK_EX)
        except OSError:  # A file system without locks.
            yield ()
            return
        yield (file.fileno(),)


def _our_version() -> str:
    return f"{sys.version_info[0]}.{sys.version_info[1]}"


def _write(path: Path, text: str) -> None:
    """Writes a file, unless that is its text already."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")

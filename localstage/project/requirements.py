"""A function's ``requirements.txt``, installed beside its code as ``sam build`` does for Python.

What is installed is kept by the file's hash in the user's cache, so that a
deployment waits for pip only when the file has changed.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import platformdirs

from localstage.project.packaging import Built, CannotPackage, LocalCode, installed_once

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
# AWS: Lambda developer guide, "Runtime-included SDK versions": Python's runtimes have boto3 and what it needs.
_IN_THE_RUNTIME = {"boto3", "botocore", "s3transfer", "jmespath", "python-dateutil", "six", "urllib3", "awslambdaric"}


class Requirements:
    """Gives the folder with a function's requirements. ``say`` is told before pip starts."""

    def __init__(self, say: Callable[[str], None] = lambda sentence: None, cache: Path | None = None):
        self._say = say
        self._cache = cache or platformdirs.user_cache_path("localstage", appauthor=False) / "requirements"

    def build(self, code: LocalCode) -> Built | None:
        """The folder, None where nothing is required that the runtime lacks. Raises CannotPackage."""
        file = code.path / "requirements.txt"
        if not file.is_file():
            return None
        try:
            wanted = "\n".join(wanted_beside_the_runtime(file.read_text("utf-8")))
        except UnicodeDecodeError:
            raise CannotPackage(f"{file} is no text in UTF-8; PowerShell's > writes UTF-16.") from None
        if not wanted:
            return None
        key = hashlib.sha256(f"{sys.version_info[:2]} {sys.platform}\n{wanted}".encode()).hexdigest()[:32]

        def install(folder: Path) -> None:
            self._say(f"installing {file}")
            _install(file, wanted, folder)

        try:
            return Built(installed_once(self._cache, key, install))
        except OSError as error:
            raise CannotPackage(f"{file} cannot be installed: {error}") from None


def wanted_beside_the_runtime(text: str) -> list[str]:
    """The lines of a requirements file that Lambda's runtime does not satisfy.

    It would be fifteen megabytes more to upload after each change of code to take boto3 along.
    """
    lines = [re.sub(r"(^|\s)#.*", "", line).strip() for line in text.splitlines()]
    return [line for line in lines if line and not _is_in_the_runtime(line)]


def _is_in_the_runtime(line: str) -> bool:
    name = _NAME.match(line)
    return name is not None and name.group().lower().replace("_", "-") in _IN_THE_RUNTIME


def _install(file: Path, wanted: str, folder: Path) -> None:
    if find_spec("pip") is not None:
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"]
    elif uv := shutil.which("uv"):
        command = [uv, "pip", "install", "--quiet", "--python", sys.executable]
    else:
        raise CannotPackage(f"{file} cannot be installed: this Python has no pip; install pip or uv, or run sam build.")
    with tempfile.NamedTemporaryFile("w", suffix=".txt", dir=file.parent, prefix=".", encoding="utf-8") as lines:
        lines.write(wanted)  # Beside the file, since a line may name another file from there.
        lines.flush()
        arguments = ["--target", str(folder), "-r", lines.name]
        done = subprocess.run([*command, *arguments], cwd=file.parent, capture_output=True, text=True)
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.lower().startswith("error")] or [done.stderr.strip()]
        raise CannotPackage(f"{file} cannot be installed: {said[-1].removeprefix('ERROR: ')}")

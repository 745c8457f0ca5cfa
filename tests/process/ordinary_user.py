"""What tests that must not be root need: a user who is nobody special, and a program run as that user."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

import pytest

from tests.late import import_path

ROOT = Path(__file__).parents[2]
NOBODY = 65_534
IS_ROOT = hasattr(os, "getuid") and os.getuid() == 0


def as_ordinary_user(home: Path, command: list[str], **options: Any) -> subprocess.Popen[str]:
    """Starts a Python command line as nobody where we are root, else as ourselves; ``home`` becomes that user's.

    Nobody may not read root's own Python, so the system's takes its place if it is of the same version, with this
    one's packages. Skips the test where there is none.
    """
    home.mkdir(exist_ok=True)
    user: dict[str, Any] = {}
    python = sys.executable
    if IS_ROOT:
        os.chown(home, NOBODY, NOBODY)
        user = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
        python = twin_for_nobody(home / "python")
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "XDG_"))}
    variables |= {"HOME": str(home), "TMPDIR": str(home), "PYTHONPATH": import_path()}
    if user and not _imports(python, variables, user):
        pytest.skip("nobody may not read this checkout, or there is no system's Python of this version")
    options["env"] = {**variables, **options.get("env", {})}
    return subprocess.Popen(
        [python, *command],
        **{"cwd": home, "stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options,
        text=True,
        **user,
    )


def twin_for_nobody(folder: Path) -> str:
    """The system's Python in a virtual environment with the packages of this one, which nobody can run; its path."""
    packages = folder / "lib" / "python{}.{}".format(*sys.version_info) / "site-packages"
    packages.parent.mkdir(parents=True)
    packages.symlink_to(sysconfig.get_path("purelib"))
    (folder / "bin").mkdir()
    (folder / "bin" / "python").symlink_to("/usr/bin/python3")
    (folder / "pyvenv.cfg").write_text("home = /usr/bin\n")
    return str(folder / "bin" / "python")


def _imports(python: str, variables: dict[str, str], user: dict[str, Any]) -> bool:
    check = f"import sys, localstage, boto3, cryptography; assert sys.version_info[:2] == {sys.version_info[:2]}"
    try:
        return not subprocess.run([python, "-c", check], env=variables, capture_output=True, **user).returncode
    except OSError:
        return False

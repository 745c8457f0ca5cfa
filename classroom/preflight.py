"""Whether this machine can run the course: each fact with its fix.

Looks at Python, the pinned packages, the course's files and a loopback port.
It starts nothing and calls no AWS.
"""

from __future__ import annotations

import socket
import sys
from importlib import metadata

from .checks import check
from .stack import ROOT

OLDEST_PYTHON = (3, 11)
_AGAIN = "the README: `python3 course.py lab` installs what is missing"


def preflight() -> None:
    """Print one ``ok`` line for each fact, or raise ``CheckFailed`` with the first that is wrong and its fix."""
    version = ".".join(map(str, OLDEST_PYTHON))
    check(f"Python is {version} or newer", sys.version_info >= OLDEST_PYTHON, look=_AGAIN)
    check("the packages are installed", missing_packages(), [], look=_AGAIN)
    check("handlers and templates are here", missing_files(), [], look="the folder: clone the whole repository")
    check("a loopback port can be opened", _port_error(), "", look="your firewall or security software")


def missing_packages() -> list[str]:
    """The packages named in requirements.txt that are not installed; those with a marker are for other systems."""
    names = [line.split("==")[0].split("[")[0] for line in (ROOT / "requirements.txt").read_text("utf-8").splitlines()
             if "==" in line and ";" not in line and not line.startswith("#")]
    return [name for name in names if not _installed(name)]


def _installed(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def missing_files() -> list[str]:
    """The folders of the course that are not beside this package."""
    return [name for name in ("handlers/chat_handler.py", "cloudformation/chat.yaml") if not (ROOT / name).is_file()]


def _port_error() -> str:
    try:
        with socket.create_server(("127.0.0.1", 0)):
            return ""
    except OSError as error:
        return str(error)

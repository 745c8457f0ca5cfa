"""Whether this machine can run the course: each fact, and for each that is wrong what to do.

Looks at the system, Python, the pinned packages, the course's files, the disk
and a WebSocket on the loopback address. It leaves nothing running and calls no
AWS. The browser cannot be asked from here: ``BrowserCheck`` lets its person see.
On a hub the learner can install nothing, and JupyterLab may be of another
environment than this kernel: what is wrong there is told and stops nobody.
"""

from __future__ import annotations

import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import ipywidgets as widgets
from jupyter_core.paths import jupyter_path
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from classroom.account.stack import ROOT
from classroom.exercises.checks import CheckFailed
from classroom.labs.echo import EchoServer
from classroom.page import on_a_hub

OLDEST_PYTHON = (3, 11)
ROOM_BYTES = 200 * 1024 * 1024
"""What localstage and its functions may want in the folder for temporary files."""
WIDGETS = "@jupyter-widgets/jupyterlab-manager"
_AGAIN = "End JupyterLab and start it with: python3 course.py lab (with conda: conda env update -f environment.yml)."
_TELL = "The lesson goes on; if something fails later, tell whoever runs this hub: "


@dataclass(frozen=True)
class Fact:
    """Something that must hold: ``wrong`` gives "" when it does, else what is the case; ``fix`` says what to do.

    ``on_a_hub`` is said in place of the fix to learners on a hub, who cannot do it, and stops none of them.
    """

    what: str
    wrong: Callable[[], str]
    fix: str
    on_a_hub: str = ""


def preflight(facts: Iterable[Fact] | None = None, environ: Mapping[str, str] = os.environ) -> None:
    """Print one line for each fact, ``ok`` or what is wrong with its fix; raise ``CheckFailed`` if any must be mended."""
    wrong = 0
    for fact in FACTS if facts is None else facts:
        found = fact.wrong()
        if found and fact.on_a_hub and on_a_hub(environ):
            print(f"note: {fact.what}? {found}. {fact.on_a_hub}")
            continue
        print(f"not ok: {fact.what}. {found}. {fact.fix}" if found else f"ok: {fact.what}")
        wrong += bool(found)
    if wrong:
        raise CheckFailed(
            f"{wrong} of the lines above {'is' if wrong == 1 else 'are'} not ok. "
            "Do what each says, then restart the kernel and run this cell again."
        )


class BrowserCheck:
    """A button which shows that the browser draws widgets and that its clicks reach Python: make it the cell's result."""

    def __init__(self) -> None:
        self.button = widgets.Button(description="Click here", icon="hand-pointer-o")
        self.answer = widgets.HTML("Not clicked yet.")
        self.button.on_click(self._clicked)
        self.widget = widgets.HBox([self.button, self.answer])

    def _clicked(self, button: widgets.Button) -> None:
        self.answer.value = "<b>ok:</b> this browser shows widgets, and Python hears of your clicks"

    def __repr__(self) -> str:
        return (
            "A button belongs here, and this viewer shows none: "
            "open the notebook with `python3 course.py lab`, or in VS Code."
        )

    def _repr_mimebundle_(self, **kwargs: Any) -> dict:
        return {**self.widget._repr_mimebundle_(**kwargs), "text/plain": repr(self)}


def system_fault(platform: str = sys.platform) -> str:
    """ "" on Linux and macOS, WSL included, else the system's name."""
    return "" if platform in ("linux", "darwin") else f"This is {platform}"


def python_fault(version: Sequence[int] = sys.version_info[:3]) -> str:
    """ "" for a Python that is new enough, else which this is."""
    return "" if tuple(version[:2]) >= OLDEST_PYTHON else f"This is Python {version[0]}.{version[1]}"


def packages_fault(requirements: Path = ROOT / "requirements.txt") -> str:
    """The packages named in requirements.txt that are missing or of another version; markers mean other systems."""
    pins = [
        line.split("==")
        for line in requirements.read_text("utf-8").splitlines()
        if "==" in line and ";" not in line and not line.startswith("#")
    ]
    found = [(name, wanted.strip(), _installed(name.split("[")[0])) for name, wanted in pins]
    wrong = [
        f"{name} is {there} instead of {wanted}" if there else f"{name} is missing"
        for name, wanted, there in found
        if there != wanted
    ]
    return "; ".join(wrong[:3]) + (f"; and {len(wrong) - 3} more" if len(wrong) > 3 else "")


def widgets_fault(places: Sequence[str] | None = None) -> str:
    """ "" if JupyterLab's part of ipywidgets is in one of the folders where a JupyterLab started here looks."""
    folders = jupyter_path("labextensions") if places is None else places
    found = any((Path(folder) / WIDGETS).is_dir() for folder in folders)
    return "" if found else "JupyterLab's extension for widgets is not installed where this Python looks"


def files_fault(root: Path = ROOT) -> str:
    """The parts of the course that are not beside this package."""
    missing = [
        name
        for name in ("handlers/chat_handler.py", "cloudformation/chat.yaml", "html/index.html")
        if not (root / name).is_file()
    ]
    return f"Missing: {', '.join(missing)}" if missing else ""


def room_fault(free_bytes: int | None = None) -> str:
    """ "" if temporary files can be written and have room."""
    try:
        with tempfile.NamedTemporaryFile():
            free = shutil.disk_usage(tempfile.gettempdir()).free if free_bytes is None else free_bytes
    except OSError as error:
        return str(error)
    return "" if free >= ROOM_BYTES else f"Only {free // 1024 // 1024} MB are free in {tempfile.gettempdir()}"


def port_fault() -> str:
    """ "" if a server can listen on the loopback address."""
    try:
        with socket.create_server(("127.0.0.1", 0)):
            return ""
    except OSError as error:
        return str(error)


def websocket_fault() -> str:
    """ "" if a WebSocket on this machine carries a text there and back."""
    try:
        echo = EchoServer()
    except OSError as error:
        return str(error)
    try:
        with connect(f"ws://127.0.0.1:{echo.port}/", proxy=None, open_timeout=5, close_timeout=5) as client:
            client.send("hello")
            came_back = client.recv(timeout=5)
    except (OSError, WebSocketException) as error:
        return str(error) or type(error).__name__
    finally:
        echo.stop()
    return "" if came_back == "hello" else f"'hello' came back as {came_back!r}"


FACTS = (
    Fact(
        "this system can run the course",
        system_fault,
        "On Windows, install WSL (in a terminal: wsl --install) and start the course inside it.",
    ),
    Fact(
        "Python is 3.11 or newer",
        python_fault,
        "Install a newer one from python.org, then start with it: python3 course.py lab --fresh.",
    ),
    Fact(
        "the packages have the course's versions",
        packages_fault,
        _AGAIN,
        f"{_TELL}the course wants the versions of its environment.yml.",
    ),
    Fact(
        "JupyterLab can show the chat panel",
        widgets_fault,
        _AGAIN,
        "If the panels above are drawn, all is well: this hub keeps JupyterLab elsewhere. If not, tell whoever runs it.",
    ),
    Fact(
        "handlers, templates and the page are here",
        files_fault,
        "Get the whole repository, not single notebooks: git clone, or unpack its zip file.",
    ),
    Fact(
        "there is room for temporary files",
        room_fault,
        "Free some space, or set TMPDIR to a folder with room before you start JupyterLab.",
    ),
    Fact(
        "a loopback port can be opened",
        port_fault,
        "Let Python listen on 127.0.0.1 in your firewall or security software.",
    ),
    Fact(
        "a WebSocket works on this machine",
        websocket_fault,
        "Let Python talk to 127.0.0.1 in your firewall or security software; some of it stops WebSockets only.",
    ),
)


def _installed(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""

"""What each command of course.py starts once ``.venv`` is ready.

Bad input and a machine that lacks something end with one sentence on standard
error and exit status 2.
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import os
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from installation import CannotGoOn
from installation.progress import DISK_FULL
from installation.set_up import set_up
from installation.words import PREFIX, PREFIX_RULE, TARGETS, read_words

FIRST_NOTEBOOK = "notebooks/00-start-here.ipynb"
SAVED_NOTEBOOKS = "--ServerApp.contents_manager_class=classroom.operations.saved_notebooks.SavedNotebooks"
"""The option of Jupyter's server that shows a picture where a panel's kernel has ended."""
_ROOT = Path(__file__).resolve().parent.parent


def main(words: Sequence[str]) -> int:
    """Runs one command; returns its exit status, or 2 after one sentence on standard error."""
    options, more = read_words(words)
    signal.signal(signal.SIGTERM, _leave)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # A script's background job starts with it ignored.
    if os.name == "nt":
        print("On Windows the course is made for WSL; if something fails here, run it there.", flush=True)
    try:
        if options.command == "test":
            return _test(options, more)
        if options.command == "bench":
            return _bench(options, more)
        return {"lab": _lab, "live": _live, "clean": _clean, "progress": _progress}[options.command](options)
    except CannotGoOn as error:
        sentence, status = str(error), 2
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        sentence, status = DISK_FULL if full else f"{error}: mend this and run it again.", 2
    except KeyboardInterrupt:
        sentence, status = "stopped; the same command goes on from here.", 130
    sys.stderr.write(f"course.py: {sentence}\n")
    return status


def _lab(options: argparse.Namespace) -> int:
    """Opens JupyterLab: on moto with a localstage of its own, on live without."""
    target = _target(options)
    if options.port is not None:
        check_port(options.port)
    environment = set_up(_ROOT, options.fresh)
    lab = lab_command(environment.python, options.port, browser=not options.no_browser)
    command = lab if target == "live" else [str(environment.python), "-m", "localstage", "run", "--", *lab]
    print("JupyterLab is starting; Ctrl-C ends it.", flush=True)
    return become(command, {**environment.variables(), "CHAT_TARGET": target})


def _live(options: argparse.Namespace) -> int:
    """Looks whether a class can be held on AWS; then, unless ``--check`` asked for no more, opens the lab there."""
    names = _names(options)
    if options.port is not None:
        check_port(options.port)
    environment = set_up(_ROOT, options.fresh)
    command = [str(environment.python), "-m", "classroom", "check"]
    variables = {**environment.variables(), **names, "CHAT_TARGET": "live"}
    if options.check:
        return become(command, variables)
    status = subprocess.run(command, env=variables).returncode
    if status:
        return status
    os.environ.update(names, **({"CHAT_YES": "1"} if options.yes else {}))
    return _lab(options)


def _clean(options: argparse.Namespace) -> int:
    """Deletes what the course has made for one prefix on the target."""
    target, names = _target(options), _names(options)
    if target == "moto" and not (_ROOT / ".venv").exists():  # Packages would be installed only to find nothing.
        print("The course was never set up in this folder, and on moto nothing outlives localstage: 0 left.")
        return 0
    environment = set_up(_ROOT, options.fresh)
    command = [str(environment.python), "-m", "classroom", "clean", *(["--yes"] if options.yes else [])]
    return become(command, {**environment.variables(), **names, "CHAT_TARGET": target})


def _progress(options: argparse.Namespace) -> int:
    """Shows which exercises are done, the learner's own or a class's."""
    environment = set_up(_ROOT, options.fresh)
    words = [f"--{word}" for word in ("json", "junit") if getattr(options, word)]
    words += ["--class", os.path.abspath(options.folder)] if options.folder else []
    return become([str(environment.python), "-m", "classroom", "progress", *words], environment.variables())


def _target(options: argparse.Namespace) -> str:
    target = options.target or os.environ.get("CHAT_TARGET") or TARGETS[0]
    if target not in TARGETS:
        raise CannotGoOn(f"the target is {target!r}: choose moto or live (--target or CHAT_TARGET).")
    return target


def _names(options: argparse.Namespace) -> dict[str, str]:
    """The variables that say whose things are meant. Raises CannotGoOn where the terminal's own cannot be a prefix."""
    own = os.environ.get("CHAT_PREFIX", "").strip()
    if not options.prefix and own and not PREFIX.fullmatch(own):
        raise CannotGoOn(f"CHAT_PREFIX is {own!r}; {PREFIX_RULE}.")
    return {"CHAT_PREFIX": options.prefix} if options.prefix else {}


def _test(options: argparse.Namespace, more: list[str]) -> int:
    """Runs the whole test suite; ``more`` goes to pytest."""
    environment = set_up(_ROOT, options.fresh, tests=True)
    os.chdir(_ROOT)
    # Two processes more than cores, because lessons and browsers wait for most of their time.
    processes = (os.cpu_count() or 1) + 2
    pytest = [str(environment.python), "-m", "pytest", "-n", str(processes), "--dist", "loadscope"]
    quick = ["-p", "no:nbval"]  # Lessons run in processes of their own; nobody else needs it.
    variables = environment.variables()
    variables.pop("PYTHONDONTWRITEBYTECODE", None)  # or each of hundreds of processes would compile our modules anew
    return become(pytest + quick + more, variables)


def _bench(options: argparse.Namespace, more: list[str]) -> int:
    """Measures localstage; ``more`` goes to the benchmark, which writes its JSON where the command was given."""
    environment = set_up(_ROOT, options.fresh, tests=True)
    roots = [str(_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    variables = {**environment.variables(), "PYTHONPATH": os.pathsep.join(roots)}
    return become([str(environment.python), "-m", "tests.benchmarks", *more], variables)


def lab_command(python: Path, port: int | None, browser: bool) -> list[str]:
    """The command of JupyterLab at the first notebook; it listens on the loopback address and asks for a token."""
    command = [
        str(python),
        "-m",
        "jupyterlab",
        f"--ServerApp.root_dir={_ROOT}",
        "--ServerApp.answer_yes=True",
        "--ServerApp.log_level=WARN",
        "--LabApp.log_level=WARN",
        f"--LabApp.default_url=/lab/tree/{FIRST_NOTEBOOK}",
        SAVED_NOTEBOOKS,
    ]
    if port is not None:
        command += [f"--ServerApp.port={port}", "--ServerApp.port_retries=0"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:  # In a container; Jupyter refuses otherwise.
        command.append("--allow-root")
    if not browser:
        command.append("--no-browser")
    elif sys.platform.startswith("linux"):
        command.append(f"--ServerApp.browser={_outside_the_stage(python)}")
    return command


def beside_a_stage(python: Path, command: list[str]) -> list[str]:
    """A command with a localstage of its own, which serves the chat page."""
    own = os.environ.get("CHAT_FOLDER") or str(_ROOT / "my_chat")
    pages = ("--pages", str(_ROOT / "html"), "--more-pages", own)
    return [str(python), "-m", "localstage", "run", *pages, "--", *command]


def _outside_the_stage(python: Path) -> str:
    """A shell line that opens a page with our proxy, not localstage's: the browser may outlive it."""
    names = ("HTTPS_PROXY", "https_proxy", "SSL_CERT_FILE")
    removed = [word for name in names if name not in os.environ for word in ("-u", name)]
    kept = [f"{name}={os.environ[name]}" for name in names if name in os.environ]
    return shlex.join(["env", *removed, *kept, str(python), "-m", "webbrowser"]) + " %s"


def check_port(port: int) -> None:
    """Raises CannotGoOn if JupyterLab could not listen there."""
    with contextlib.closing(socket.socket()) as probe:
        if os.name == "posix":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            probe.listen()
        except OverflowError:
            raise CannotGoOn(f"{port} is no port: choose one from 1024 to 65535 with --port.") from None
        except OSError as error:
            why = "is in use" if error.errno == errno.EADDRINUSE else "cannot be used"
            raise CannotGoOn(f"port {port} {why}: choose another with --port.") from None


def become(command: list[str], variables: dict[str, str]) -> int:
    """Runs a command in our place: signals reach it and its exit status is ours."""
    sys.stdout.flush()
    if os.name == "posix":
        os.execve(command[0], command, variables)
    child = subprocess.Popen(command, env=variables)
    while True:
        try:
            return child.wait()
        except KeyboardInterrupt:
            continue  # Ctrl-C reached the command as well; it decides what that means.


def _leave(number: int, _frame: object) -> NoReturn:
    """Leaves the set-up in order on SIGTERM, with the status that a shell gives."""
    sys.exit(128 + number)

"""The command line of course.py: what each command starts once ``.venv`` is ready.

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

FIRST_NOTEBOOK = "notebooks/00-start-here.ipynb"
TARGETS = ("moto", "live")
_ROOT = Path(__file__).resolve().parent.parent


def main(words: Sequence[str]) -> int:
    """Runs one command; returns its exit status, or 2 after one sentence on standard error."""
    options, more = _read(words)
    signal.signal(signal.SIGTERM, _leave)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # A script's background job starts with it ignored.
    if os.name == "nt":
        print("On Windows the course is made for WSL; if something fails here, run it there.", flush=True)
    try:
        return _test(options, more) if options.command == "test" else _lab(options)
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
    """Opens JupyterLab: on moto with a local stage of its own, on live without."""
    target = options.target or os.environ.get("CHAT_TARGET") or TARGETS[0]
    if target not in TARGETS:
        raise CannotGoOn(f"the target is {target!r}: choose moto or live (--target or CHAT_TARGET).")
    if options.port is not None:
        check_port(options.port)
    environment = set_up(_ROOT, options.fresh)
    lab = lab_command(environment.python, options.port, browser=not options.no_browser)
    command = lab if target == "live" else [str(environment.python), "-m", "localstage", "run", "--", *lab]
    print("JupyterLab is starting; Ctrl-C ends it.", flush=True)
    return become(command, {**environment.variables(), "CHAT_TARGET": target})


def _test(options: argparse.Namespace, more: list[str]) -> int:
    """Runs the whole test suite, a process for each core; ``more`` goes to pytest."""
    environment = set_up(_ROOT, options.fresh)
    os.chdir(_ROOT)
    pytest = [str(environment.python), "-m", "pytest", "-n", str(os.cpu_count() or 1), "--dist", "loadscope"]
    return become(pytest + more, environment.variables())


def lab_command(python: Path, port: int | None, browser: bool) -> list[str]:
    """The command of JupyterLab at the first notebook; it listens on the loopback address and asks for a token."""
    command = [str(python), "-m", "jupyterlab", f"--ServerApp.root_dir={_ROOT}", "--ServerApp.answer_yes=True",
               "--ServerApp.log_level=WARN", "--LabApp.log_level=WARN",
               f"--LabApp.default_url=/lab/tree/{FIRST_NOTEBOOK}"]
    if port is not None:
        command += [f"--ServerApp.port={port}", "--ServerApp.port_retries=0"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:  # In a container; Jupyter refuses otherwise.
        command.append("--allow-root")
    if not browser:
        command.append("--no-browser")
    elif sys.platform.startswith("linux"):
        command.append(f"--ServerApp.browser={_outside_the_stage(python)}")
    return command


def _outside_the_stage(python: Path) -> str:
    """A shell line that opens a page with our proxy, not the stage's: the browser may outlive it."""
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


class _Words(argparse.ArgumentParser):
    """An argument parser that complains in one sentence."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"course.py: {message}; see: python3 course.py --help\n")


def _read(words: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    """The options and, for ``test``, what is meant for pytest."""
    parser = _Words(prog="course.py", description="Makes .venv, installs the course's packages, starts the course.")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    lab = commands.add_parser("lab", help="open the notebooks in JupyterLab, with a local stage", allow_abbrev=False)
    lab.add_argument("--no-browser", action="store_true", help="print the address instead of opening it")
    lab.add_argument("--port", type=int, help="JupyterLab's port (default: 8888, or the next free one)")
    lab.add_argument("--target", help="moto (a local stage) or live (AWS); default: CHAT_TARGET, else moto")
    test = commands.add_parser("test", help="run the whole test suite; other words go to pytest", allow_abbrev=False)
    for command in (lab, test):
        command.add_argument("--fresh", action="store_true", help="make .venv again from nothing")
    options, more = parser.parse_known_args(words)
    if more and options.command != "test":
        parser.error(f"unknown argument: {more[0]}")
    return options, more


def _leave(number: int, _frame: object) -> NoReturn:
    """Leaves the set-up in order on SIGTERM, with the status that a shell gives."""
    sys.exit(128 + number)

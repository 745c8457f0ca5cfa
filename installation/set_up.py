"""Bringing ``.venv`` to the state that the requirement files describe, with pip."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from installation import CannotGoOn
from installation.environment import Environment, State, one_at_a_time
from installation.pins import LEARNER, TESTS, Pins, read_pins
from installation.progress import Progress, reason_in

_LOG = "install.log"


def set_up(root: Path, fresh: bool = False, tests: bool = False) -> Environment:
    """Makes the environment ready and returns it; does nothing if it is. ``fresh`` makes it again in any case.

    With ``tests`` it also gets what the tests need; without, it keeps that if it
    has it. An environment that works is not touched before all that it needs is
    at hand. Raises CannotGoOn.
    """
    environment = Environment(root)
    pins = [read_pins(root, sys.platform, name) for name in ((LEARNER, TESTS) if tests else (LEARNER,))]
    digests = {each.file_name: each.digest for each in pins}
    with one_at_a_time(root) as hold:
        state = environment.state(digests)
        kept = environment.read_sign() or {}
        if state in (State.ABSENT, State.BROKEN) or fresh:
            print(f"Making .venv with Python {sys.version.split()[0]}", flush=True)
            environment.make()
            kept = {}
        if state is not State.READY or fresh:
            _install(environment, pins, hold)
        environment.connect()
        others = {name: digest for name, digest in kept.items() if name in (LEARNER, TESTS)}
        environment.write_sign({**others, **digests, "path": str(environment.path)})
        if tests and (state is not State.READY or fresh):
            _compile(environment)
    return environment


def _install(environment: Environment, pins: Sequence[Pins], hold: tuple[int, ...]) -> None:
    """Installs the pinned packages and shows how far it is. Raises CannotGoOn with the reason."""
    total = sum(len(each.requirements) for each in pins)
    print(f"Installing {total} packages (a minute or two the first time)", flush=True)
    log_path = environment.path / _LOG
    progress = Progress(total, sys.stdout, time.monotonic)
    said: list[str] = []
    before = environment.distributions()
    with open(log_path, "w", encoding="utf-8") as log, _pip(environment, pins, hold) as pip:
        for line in _lines_of(pip):
            if line:
                log.write(line)
                said.append(line)
                progress.see(line)
            if progress.phase == "installing":
                if environment.read_sign():
                    environment.write_sign({})  # From here on it is neither the old environment nor the new one.
                progress.unpacked = len(environment.distributions() - before)
            progress.show()
        failed = pip.wait() != 0
    progress.end("stopped" if failed else "installed")
    if failed:
        raise CannotGoOn(_complaint(said, log_path))


def _compile(environment: Environment) -> None:
    """Compiles all packages, a process for each core: the tests start hundreds of processes that write no bytecode."""
    print("Compiling them for the tests", flush=True)
    command: list[str | Path] = [environment.python, "-m", "compileall", "-q", "-j", "0", environment.site_packages]
    subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)  # Some hold templates of no Python.


def _complaint(said: list[str], log_path: Path) -> str:
    """One sentence if it is known why pip failed, otherwise also pip's last words."""
    reason = reason_in("".join(said))
    if reason is None:
        sys.stderr.write("".join("  " + line for line in said[-8:]))
        reason = "pip could not install the packages; mend what it says above and run this again."
    return f"{reason} (All that pip said: {log_path})"


@contextlib.contextmanager
def _pip(environment: Environment, pins: Sequence[Pins], hold: tuple[int, ...]) -> Iterator[subprocess.Popen[str]]:
    """pip at work. If the block is left early, pip is told to end and waited for.

    It looks up no dependencies, since the files are complete, and compiles nothing:
    Python does that when it first imports a module, and most are never imported.
    """
    command = [
        environment.python,
        "-m",
        "pip",
        "install",
        "--no-input",
        "--disable-pip-version-check",
        "--no-deps",
        "--no-compile",
        "--progress-bar",
        "off",
        *(word for each in pins for word in ("-r", environment.root / each.file_name)),
    ]
    variables = dict(environment.variables(), PIP_USER="0", PYTHONUNBUFFERED="1", PYTHONIOENCODING="utf-8")
    pip = subprocess.Popen(
        command,
        env=variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        pass_fds=hold,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    )
    try:
        yield pip
    finally:
        if pip.poll() is None:
            pip.send_signal(signal.SIGINT if os.name == "posix" else signal.SIGTERM)  # On SIGINT pip tidies up.
            try:
                pip.wait(10)
            except subprocess.TimeoutExpired:
                pip.kill()
                pip.wait()


def _lines_of(child: subprocess.Popen[str]) -> Iterator[str]:
    """The child's lines as they come, and ``""`` after each second without one, until its output ends."""
    lines: queue.Queue[str | None] = queue.Queue()
    output = child.stdout
    assert output is not None

    def read() -> None:
        for line in output:
            lines.put(line)
        lines.put(None)

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    while True:
        try:
            line = lines.get(timeout=1)
        except queue.Empty:
            line = ""
        if line is None:
            break
        yield line
    reader.join()
    output.close()

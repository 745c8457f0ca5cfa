"""``localstage run``: a fresh localstage, a command beside it, and nothing left of either."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from types import FrameType

from localstage.hints import hint_for
from localstage.launcher import LocalStage
from localstage.state import ask

_END_WITHIN_S = 10.0
_RIGHT_BEFORE_MS = 3000


class _Signalled(Exception):
    """A signal says that we are to end."""

    def __init__(self, number: int):
        super().__init__(f"signal {number}")
        self.number = number


def run_command(localstage: LocalStage, command: list[str], as_aws: bool) -> int:
    """Runs ``command`` with localstage; returns the exit status to end with.

    A command that ended by a signal gives 128 + its number, as shells do; one
    that cannot be started gives 127. Raises NotStarted.
    """
    # A group of its own lets us end what the command leaves behind; at a
    # terminal it must stay in ours, or it could not read the keyboard. There
    # Ctrl-C reaches it too, and it decides what that means, as under a shell.
    alone = os.name == "posix" and not sys.stdin.isatty()
    previous = {number: signal.signal(number, _raise) for number in _SIGNALS}
    previous[signal.SIGINT] = signal.signal(signal.SIGINT, _raise if alone else _leave_to_the_command)
    child: subprocess.Popen[bytes] | None = None
    try:
        with localstage:
            environment = localstage.environment(as_aws)
            program = shutil.which(command[0], path=environment.get("PATH"))
            if program is None:
                print(f"localstage: there is no command {command[0]!r}; check the name after '--'.", file=sys.stderr)
                return 127
            child = subprocess.Popen([program, *command[1:]], env=environment, start_new_session=alone)
            try:
                status = child.wait()
            finally:
                _end(child, alone)
            if status > 0:
                _say_likely_cause(localstage.url)
            return status if status >= 0 else 128 - status
    except _Signalled as signalled:
        return 128 + signalled.number
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _say_likely_cause(url: str) -> None:
    """Says on standard error why the call that was refused last may have been, if that was right before the end."""
    with suppress(OSError):
        found = [entry for entry in ask(url, "activity")["entries"] if entry["kind"] == "refusal"]
        if found and time.time() * 1000 - found[-1]["at_ms"] < _RIGHT_BEFORE_MS:
            hint = hint_for(found[-1]["error"])
            if hint is not None:
                print(f"localstage: refused last was {found[-1]['call']}. Likely cause: {hint}", file=sys.stderr)


_SIGNALS = (signal.SIGTERM, *((signal.SIGHUP,) if hasattr(signal, "SIGHUP") else ()))


def _raise(number: int, frame: FrameType | None) -> None:
    raise _Signalled(number)


def _leave_to_the_command(number: int, frame: FrameType | None) -> None:
    """Ctrl-C at a terminal: the command gets it as well."""


def _end(child: subprocess.Popen[bytes], alone: bool) -> None:
    """Ends the command if it still runs, and what it left running in its group."""
    if child.poll() is None:
        child.terminate()
        try:
            child.wait(_END_WITHIN_S)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
    if alone:
        with suppress(ProcessLookupError, PermissionError):  # Nothing was left.
            os.killpg(child.pid, signal.SIGKILL)

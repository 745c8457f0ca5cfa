"""Starting the process in which a trial runs a handler: on Linux a copy of one that has imported boto3 already.

An exercise's check makes up to a dozen trials; importing boto3 anew for each would cost the learner seconds.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import threading
from functools import cache
from pathlib import Path
from typing import IO, Protocol

from localstage.functions import copies

_ROOT = Path(__file__).resolve().parents[2]
_MODULE = "classroom.my_chat.trial_process"
_TEMPLATE = Path(copies.__file__).with_name("template.py")


class TrialProcess(Protocol):
    """What a trial uses of its process, be it a copy or one of its own."""

    stdin: IO[str] | None
    stdout: IO[str] | None

    def poll(self) -> int | None:
        """None while it runs."""

    def kill(self) -> None:
        """Ends it."""

    def wait(self) -> int:
        """Returns when it has ended."""


def start(variables: dict[str, str]) -> TrialProcess:
    """The process, which reads commands and writes answers; ``variables`` are the handler's."""
    environment = {**_environment(), **variables}
    for _ in range(2 if sys.platform == "linux" else 0):  # Somebody may have ended the template since the last trial.
        with contextlib.suppress(copies.NoCopy):
            return _template().copy(environment)
        _template.cache_clear()
    return subprocess.Popen(
        [sys.executable, "-m", _MODULE],
        cwd=_ROOT,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        encoding="utf-8",
    )


class _Copy:
    """A copy of the template; a descriptor stands for it, so that nobody else is ever ended."""

    def __init__(self, pidfd: int, stdin: int, stdout: int) -> None:
        self._pidfd = pidfd
        self.stdin: IO[str] | None = os.fdopen(stdin, "w", encoding="utf-8")
        self.stdout: IO[str] | None = os.fdopen(stdout, encoding="utf-8")

    def poll(self) -> int | None:
        return 0 if select.select([self._pidfd], [], [], 0)[0] else None

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)

    def wait(self) -> int:
        select.select([self._pidfd], [], [])
        return 0

    def __del__(self) -> None:
        os.close(self._pidfd)


class _Template(copies.TemplateProcess):
    """The process that copies are made of; it ends with this process, and its copies end with it."""

    def __init__(self) -> None:
        super().__init__([sys.executable, "-P", str(_TEMPLATE), _MODULE], _environment())
        self._lock = threading.Lock()

    def copy(self, environment: dict[str, str]) -> _Copy:
        """A copy. Raises NoCopy; the template and all its copies have ended then."""
        stdin, commands = os.pipe()
        answers, stdout = os.pipe()
        try:
            with self._lock:
                self.ask({"arguments": [], "directory": str(_ROOT), "environment": environment}, (stdin, stdout))
                told = self.receive()
                while told and not told.keys() & {"forked", "error"}:
                    told = self.receive()
                if "forked" not in told:
                    raise copies.NoCopy(told.get("error", "the template process has ended"))
                return _Copy(os.pidfd_open(told["forked"]), commands, answers)
        except BaseException as error:  # After an interrupt, too, the next answer would be another request's.
            for descriptor in (commands, answers):
                os.close(descriptor)
            self.close()
            if isinstance(error, OSError):
                raise copies.NoCopy(str(error)) from error
            raise
        finally:
            for descriptor in (stdin, stdout):
                os.close(descriptor)


@cache
def _template() -> _Template:
    return _Template()


def _environment() -> dict[str, str]:
    """The environment of the handler's process: nothing of this one's AWS, and no way out of the machine."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AWS_", "LOCALSTAGE_", "CHAT_")) and not name.lower().endswith("_proxy")
    }
    return {
        **kept,
        "PYTHONPATH": str(_ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "pretended",
        "AWS_SECRET_ACCESS_KEY": "pretended",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_MAX_ATTEMPTS": "1",  # or a throttled post would be repeated, with pauses
    }

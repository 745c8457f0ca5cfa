"""Starting the process in which a trial runs a handler: on Linux a copy of one that has imported boto3 already.

An exercise's check makes up to a dozen trials; importing boto3 anew for each would cost the learner seconds.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from functools import cache
from pathlib import Path
from typing import IO, Protocol

_ROOT = Path(__file__).resolve().parents[2]
_MODULE = "classroom.my_chat.trial_process"


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


def start(folder: str, module: str, variables: dict[str, str]) -> TrialProcess:
    """The process, which reads commands and writes answers; ``variables`` are the handler's."""
    environment = {**_environment(), **variables}
    if sys.platform == "linux":
        return _template().copy(folder, module, environment)
    return subprocess.Popen(
        [sys.executable, "-m", _MODULE, folder, module],
        cwd=_ROOT,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        encoding="utf-8",
    )


class _Copy:
    """A copy of the template; its descriptor ``pidfd`` stands for it, so that nobody else is ever ended."""

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


class _Template:
    """The process that copies are made of; it ends with this process."""

    def __init__(self) -> None:
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._lock = threading.Lock()
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-m", _MODULE, str(theirs.fileno())],
                cwd=_ROOT,
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=_environment(),
            )

    def copy(self, folder: str, module: str, environment: dict[str, str]) -> _Copy:
        stdin, commands = os.pipe()
        answers, stdout = os.pipe()
        request = json.dumps([folder, module, environment]).encode()
        with self._lock:
            socket.send_fds(self._socket, [request], [stdin, stdout])
            os.close(stdin)
            os.close(stdout)
            _, [pidfd], _, _ = socket.recv_fds(self._socket, 100, 1)
        return _Copy(pidfd, commands, answers)


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

"""Copies of a process that has imported what functions import: they start in a third of the time.

Lives here: the template process as the emulator sees it (template.py is what
runs in it), which functions may have a copy, and a copy as the child process
that it stands for. Linux only: elsewhere a forked process may not use all of
its system's libraries. Lives on one event loop.
"""

from __future__ import annotations

import array
import asyncio
import json
import os
import signal
import socket
import subprocess
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from localstage.functions.runtimes import EnvironmentFiles

_LARGEST_ANSWER = 65_536
_READ_AT_START = ("PYTHON", "LD_", "LC_", "LANG", "MALLOC_", "GLIBC_", "OPENSSL_", "BOTO_", "SSLKEYLOGFILE")
"""Beginnings of variables that Python, the system or boto3 reads only when it starts or is imported."""


class NoCopy(Exception):
    """The template process cannot make one: it has ended, or the system has no more processes."""


def may_be_copied(chosen: Mapping[str, str], files: EnvironmentFiles, modules: frozenset[str]) -> bool:
    """Whether a copy of a template with these modules is what a process of its own would be.

    It is not where a variable that the function has chosen works at the start
    only, where the package or a layer has a module by one of the names (its own
    boto3 would win), or a shared library (they are looked for along a path that
    is read at the start).
    """
    if any(name.startswith(_READ_AT_START) for name in chosen):
        return False
    task_root, layers = Path(files.task_root), Path(files.layers_root)
    if any(folder.is_dir() for folder in (task_root / "lib", layers / "lib")):
        return False
    importable = [task_root, layers / "python", *layers.glob("python/lib/*/site-packages")]
    names = [entry.name for folder in importable if folder.is_dir() for entry in folder.iterdir()]
    return not any(".so" in name or name.partition(".")[0] in modules for name in names)


class TemplateProcess:
    """One template process; ``begin`` starts it, and ``close`` must be called in the end.

    It is ``ready`` when it has told what it has imported: ``modules``.
    """

    def __init__(self) -> None:
        self.modules: frozenset[str] | None = None
        self._socket: socket.socket | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._asked: deque[asyncio.Future[int]] = deque()
        self._copies: dict[int, Callable[[int], None]] = {}
        self._early: dict[int, int] = {}

    @property
    def ready(self) -> bool:
        return self.modules is not None

    async def begin(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """Starts the process; its socket's number is appended to the command. Raises OSError."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            ours.setblocking(False)
            self._socket = ours
            self._process = await asyncio.create_subprocess_exec(
                *command,
                str(theirs.fileno()),
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=dict(environment),
                start_new_session=True,
            )
        asyncio.get_running_loop().add_reader(ours, self._receive)

    async def copy(self, request: Mapping[str, Any], descriptors: Sequence[int], on_exit: Callable[[int], None]) -> int:
        """Makes a copy and returns its process id; ``on_exit`` gets its return code once. Raises NoCopy.

        The descriptors, its stdin and stdout, stay the caller's, too.
        """
        if self._socket is None or not self.ready:
            raise NoCopy
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))]
        try:
            self._socket.sendmsg([json.dumps(request).encode()], rights)
        except OSError as error:
            raise NoCopy(str(error)) from None
        asked: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._asked.append(asked)
        pid = await asyncio.shield(asked)
        if pid in self._early:
            asyncio.get_running_loop().call_soon(on_exit, self._early.pop(pid))
        else:
            self._copies[pid] = on_exit
        return pid

    async def close(self) -> None:
        """Ends the process; returns when it is gone. Its copies must have ended."""
        self._gone()
        if self._process is not None:
            await self._process.wait()

    def _receive(self) -> None:
        assert self._socket is not None
        try:
            message = self._socket.recv(_LARGEST_ANSWER)
        except BlockingIOError:
            return
        except OSError:
            message = b""
        if not message:
            self._gone()
            return
        told = json.loads(message)
        if "modules" in told:
            self.modules = frozenset(told["modules"])
        elif "exited" in told:
            on_exit = self._copies.pop(told["exited"], None)
            if on_exit is None:
                self._early[told["exited"]] = told["returncode"]
            else:
                on_exit(told["returncode"])
        elif "forked" in told:
            self._answer(told["forked"])
        else:
            self._answer(NoCopy(told["error"]))

    def _answer(self, result: int | NoCopy) -> None:
        asked = self._asked.popleft()
        if isinstance(result, int):
            asked.set_result(result)
        else:
            asked.set_exception(result)

    def _gone(self) -> None:
        """The process has ended, or is to end: nobody tells any more how its copies end, so they end now."""
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()
        self._socket = self.modules = None
        while self._asked:
            self._answer(NoCopy("the template process has ended"))
        copies, self._copies = self._copies, {}
        for pid, on_exit in copies.items():
            with suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)
            on_exit(-signal.SIGKILL)

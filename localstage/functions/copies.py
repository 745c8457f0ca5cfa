"""Copies of a process that has imported what a program needs: they start in a third of the time.

Lives here: the template process (template.py is what runs in it) as those see
it who want copies, be it on an event loop or not, and which functions may have
one. Linux only: elsewhere a forked process may not use all of its system's
libraries.
"""

from __future__ import annotations

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
    """A started template process and the socket to it; ``close`` must be called in the end. Raises OSError.

    ``command`` ends with template.py and the name of its module. The process
    tells ``modules`` first, the names of all that it has imported.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self.socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [*command, str(theirs.fileno())],
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=dict(environment),
                start_new_session=True,
            )

    def ask(self, request: Mapping[str, Any], descriptors: Sequence[int]) -> None:
        """Asks for a copy; ``forked`` with its process id, or ``error``, follows, and ``exited`` in the end. Raises NoCopy.

        The request has its program's ``arguments``, a ``directory`` and an
        ``environment``. The descriptors, its stdin and stdout, stay the caller's, too.
        """
        try:
            socket.send_fds(self.socket, [json.dumps(request).encode()], list(descriptors))
        except OSError as error:
            raise NoCopy(str(error)) from None

    def receive(self) -> dict[str, Any]:
        """The next thing that the process tells, {} when it has ended. Raises BlockingIOError if the socket must not wait."""
        try:
            message = self.socket.recv(_LARGEST_ANSWER)
        except ConnectionError:
            message = b""
        return json.loads(message) if message else {}

    def close(self) -> None:
        """Ends the process and with it its copies; returns when it is gone."""
        self.socket.close()
        self._process.wait()


class Copies:
    """An event loop's template process and its copies; ``begin`` starts it, and ``close`` must be called in the end.

    It is ready when it has told what it has imported: ``modules``.
    """

    def __init__(self) -> None:
        self.modules: frozenset[str] | None = None
        self._template: TemplateProcess | None = None
        self._asked: deque[asyncio.Future[int]] = deque()
        self._copies: dict[int, Callable[[int], None]] = {}
        self._early: dict[int, int] = {}

    def begin(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """Starts the process. Raises OSError."""
        self._template = TemplateProcess(command, environment)
        self._template.socket.setblocking(False)
        asyncio.get_running_loop().add_reader(self._template.socket, self._receive)

    async def copy(self, request: Mapping[str, Any], descriptors: Sequence[int], on_exit: Callable[[int], None]) -> int:
        """Makes a copy and returns its process id; ``on_exit`` gets its return code once. Raises NoCopy.

        The arguments before ``on_exit`` are those of ``TemplateProcess.ask``.
        """
        if self._template is None or self.modules is None:
            raise NoCopy
        self._template.ask(request, descriptors)
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
        template = self._template
        self._gone()
        if template is not None:
            await asyncio.to_thread(template.close)

    def _receive(self) -> None:
        assert self._template is not None
        try:
            told = self._template.receive()
        except BlockingIOError:
            return
        if not told:
            ended = self._template
            self._gone()
            ended.close()
        elif "modules" in told:
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
        if self._template is not None:
            asyncio.get_running_loop().remove_reader(self._template.socket)
            self._template.socket.close()
        self._template = self.modules = None
        while self._asked:
            self._answer(NoCopy("the template process has ended"))
        copies, self._copies = self._copies, {}
        for pid, on_exit in copies.items():
            with suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)
            on_exit(-signal.SIGKILL)

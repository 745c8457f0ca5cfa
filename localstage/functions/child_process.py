"""One child process: its output as it comes, its exit as a future, its end with all its children.

Lives on one event loop. Does not know what runs in the process. Its stdin is a
pipe that nobody writes to: the child takes its closing for the end of this
process (see bootstrap.py), so a killed stage leaves no child behind.
"""

from __future__ import annotations

import asyncio
import math
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from localstage.functions.copies import Copies

_STDOUT = 1
_PIPE_BYTES = 256 * 1024
"""More than a pipe holds (64 KB on Linux)."""
_TURNS = 3
"""Turns of the event loop from what is in a pipe to what is received: the selector sees the pipe, its
reader runs and schedules the protocol's call, that call runs."""
_OUTPUT_PER_S = 20_000
_OUTPUT_AT_ONCE = 10_000
"""What a process may write all the time and at once, in lines or quarters of a KB. A process that
prints without end waits at its pipe then, and neither the stage nor its log is flooded."""


class ChildProcess(asyncio.SubprocessProtocol):
    """A started process; make it with ``start``, and ``close`` it in the end.

    ``exited`` becomes the return code, negative for a signal, when the process is gone.
    """

    def __init__(self, on_output: Callable[[bytes], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._on_output = on_output
        self._received = 0
        self._debt = 0.0
        self._debt_at = self._loop.time()
        self._resume: asyncio.TimerHandle | None = None
        self._transport: Any = None
        self.exited: asyncio.Future[int] = self._loop.create_future()

    @classmethod
    async def start(
        cls,
        command: Sequence[str],
        *,
        directory: Path,
        environment: Mapping[str, str],
        on_output: Callable[[bytes], None],
    ) -> ChildProcess:
        """Starts the command in a process group of its own. Raises OSError."""
        apart: dict[str, Any] = {"start_new_session": True}
        if sys.platform == "win32":
            apart = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
        _, child = await asyncio.get_running_loop().subprocess_exec(
            lambda: cls(on_output),
            *command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=directory,
            env=dict(environment),
            **apart,
        )
        return child

    @classmethod
    async def copied(
        cls, copies: Copies, request: Mapping[str, Any], on_output: Callable[[bytes], None]
    ) -> ChildProcess:
        """Starts a copy instead. Raises NoCopy, OSError."""
        child = cls(on_output)
        stdin, lifeline = os.pipe()
        output, stdout = os.pipe()
        try:
            transport = _CopysTransport(lifeline)
            child.connection_made(transport)
            reading = os.fdopen(output, "rb", 0)
            transport.output, _ = await child._loop.connect_read_pipe(lambda: _CopysOutput(child), reading)
            try:
                transport.pid = await copies.copy(request, (stdin, stdout), transport.ended(child))
            except BaseException:
                transport.close()
                raise
        finally:
            os.close(stdin)
            os.close(stdout)
        return child

    @property
    def pid(self) -> int:
        return int(self._transport.get_pid())

    @property
    def peak_memory_mb(self) -> int | None:
        """The most memory that the process has had resident, or None: not Linux, or the process is gone."""
        try:
            with open(f"/proc/{self.pid}/status", "rb") as status:
                found = status.read()
        except OSError:
            return None
        _, mark, rest = found.partition(b"VmHWM:")
        return math.ceil(int(rest.split(None, 1)[0]) / 1024) if mark else None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        self._received += len(data)
        self._on_output(data)
        now = self._loop.time()
        self._debt = max(0.0, self._debt - (now - self._debt_at) * _OUTPUT_PER_S)
        self._debt += data.count(b"\n") + len(data) / 256
        self._debt_at = now
        if self._debt > _OUTPUT_AT_ONCE:
            self._hold_back(self._debt / 2 / _OUTPUT_PER_S)

    def process_exited(self) -> None:
        returncode = self._transport.get_returncode()
        self._kill_group()
        if not self.exited.done():
            self.exited.set_result(returncode)

    def kill(self) -> None:
        """Ends the process and, on POSIX, every process of its group. Idempotent; ``exited`` follows."""
        if self.exited.done():
            return
        self._kill_group()
        if sys.platform == "win32":
            try:
                self._transport.kill()
            except ProcessLookupError:
                return  # it ended by itself

    async def drain(self) -> None:
        """Returns when all output that was written before the call has been passed on.

        What a process has written is in the pipe. Either a few turns of the
        event loop bring nothing more, or a pipe's worth has come since the call.
        """
        self._let_go()
        enough = self._received + _PIPE_BYTES
        before = -1
        while before < self._received < enough:
            before = self._received
            for _ in range(_TURNS):
                await asyncio.sleep(0)

    async def close(self) -> None:
        """Ends the process if it runs; returns when it is gone, its output read and its pipes are closed."""
        self.kill()
        await asyncio.shield(self.exited)
        await self.drain()
        if self._resume is not None:
            self._resume.cancel()
        self._transport.close()
        await asyncio.sleep(0)

    def _kill_group(self) -> None:
        if sys.platform == "win32":
            return
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            return  # nobody of the group is left (macOS says EPERM of a group of zombies)

    def _hold_back(self, pause_s: float) -> None:
        """Stops reading for a moment."""
        pipe = self._transport.get_pipe_transport(_STDOUT)
        if pipe is None or pipe.is_closing() or self._resume is not None or self.exited.done():
            return
        pipe.pause_reading()
        self._resume = self._loop.call_later(pause_s, self._let_go)

    def _let_go(self) -> None:
        if self._resume is None:
            return
        self._resume.cancel()
        self._resume = None
        pipe = self._transport.get_pipe_transport(_STDOUT)
        if pipe is not None and not pipe.is_closing():
            pipe.resume_reading()


class _CopysTransport(asyncio.SubprocessTransport):
    """What asyncio gives for a process that it has started itself: as much of it as ChildProcess uses."""

    def __init__(self, lifeline: int) -> None:
        super().__init__()
        self.pid = 0
        self.output: Any = None
        self._lifeline = lifeline
        self._returncode: int | None = None

    def ended(self, child: ChildProcess) -> Callable[[int], None]:
        """What takes the return code."""

        def take(returncode: int) -> None:
            self._returncode = returncode
            child.process_exited()

        return take

    def get_pid(self) -> int:
        return self.pid

    def get_returncode(self) -> int | None:
        return self._returncode

    def get_pipe_transport(self, fd: int) -> Any:
        return self.output if fd == _STDOUT else None

    def close(self) -> None:
        if self.output is not None and not self.output.is_closing():
            self.output.close()
            os.close(self._lifeline)


class _CopysOutput(asyncio.Protocol):
    """Passes a copy's output on."""

    def __init__(self, child: ChildProcess) -> None:
        self._child = child

    def data_received(self, data: bytes) -> None:
        self._child.pipe_data_received(_STDOUT, data)

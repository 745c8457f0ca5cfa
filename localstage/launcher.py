"""Starting localstage from Python: ready when the block begins, gone when it ends."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any, TextIO

from localstage.environment import Access, Changes, changes_for
from localstage.settings import Settings, arguments
from localstage.state import NOTE_NAME, READY, RunningEmulator, read_note
from localstage.work_dir import new_work_dir

if TYPE_CHECKING:
    import boto3

_STOP_WITHIN_S = 20.0


class NotStarted(Exception):
    """localstage's process ended before it was ready; the text says why."""


class LocalStage:
    """localstage in a process of its own.

    Use it as a context manager, or call ``start`` and ``stop`` (both may be
    called twice). ``changes`` are fields of ``Settings`` by name, such as
    ``like_aws=True``, ``pages="html"`` or ``idle_timeout_s=20``; any free port is
    taken unless one is named. ``options`` are further options of ``localstage
    serve``, such as ``("--idle-timeout", "20s")``. Raises TypeError for a change
    that no setting has as its name.
    """

    def __init__(self, settings: Settings | None = None, *, options: tuple[str, ...] = (), **changes: Any):
        self._settings = replace(settings or Settings(port=0), **changes)
        self._options = options
        self._process: subprocess.Popen[str] | None = None
        self._note: RunningEmulator | None = None
        self._readers: list[Thread] = []
        self._directory: Path | None = None

    def start(self) -> LocalStage:
        """Returns when it answers. Raises NotStarted."""
        if self._process is None:
            try:
                self._start()
            except BaseException:
                self.stop()
                raise
        return self

    def _start(self) -> None:
        self._directory = new_work_dir()
        command = [
            sys.executable,
            "-m",
            "localstage",
            "serve",
            *("--work-dir", str(self._directory), "--owned"),
            *arguments(self._settings),
            *self._options,
        ]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=os.name == "posix",
            env={**os.environ, "PYTHONPATH": _import_path()},
        )
        assert self._process.stdout is not None
        if not self._process.stdout.readline().startswith(READY):
            _, complaint = self._process.communicate()
            raise NotStarted((complaint.strip().splitlines() or ["localstage ended without a word"])[-1])
        note = self._directory / NOTE_NAME
        self._note = read_note(note)
        note.unlink()  # Each function is told of a file beside it, and the note has the administrator's keys.
        self._drain_later()

    def stop(self) -> None:
        """Ends it; returns when no process, port or file of it is left."""
        process = self._process
        if process is not None:
            assert process.stdin is not None
            process.stdin.close()
            try:
                process.wait(_STOP_WITHIN_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._forget()

    def __enter__(self) -> LocalStage:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """Its address, such as ``http://127.0.0.1:4580``."""
        return self._running().access.url

    @property
    def pages_url(self) -> str:
        """Where the pages are, with a slash at the end; empty when it serves none."""
        return self._running().access.pages_url

    @property
    def access(self) -> Access:
        """All that a program needs to reach it."""
        return self._running().access

    def session(self) -> boto3.Session:
        """A new boto3 session whose calls reach it, whatever profile, endpoint or proxy is set."""
        from localstage.sessions import StageSession  # boto3 takes a third of a second to import.

        return StageSession(self.access)

    def changes(self, as_aws: bool = False) -> Changes:
        """The changes to this process's environment that make programs reach it."""
        return changes_for(self._running().access, os.environ, as_aws)

    def environment(self, as_aws: bool = False) -> dict[str, str]:
        """A whole environment for a program: this process's, changed to reach it."""
        return self.changes(as_aws).applied_to(os.environ)

    def activate(self, as_aws: bool = False) -> None:
        """Changes this process's own environment; call it before the first boto3 client is made."""
        changes = self.changes(as_aws)
        for name in changes.removals:
            os.environ.pop(name, None)
        os.environ.update(changes.settings)

    def _running(self) -> RunningEmulator:
        if self._note is None:
            raise NotStarted("localstage is not running; call start() first")
        return self._note

    def _drain_later(self) -> None:
        """Reads what the process complains about, so that it never waits for a reader."""
        process = self._process
        assert process is not None
        for stream, sink in ((process.stdout, None), (process.stderr, sys.stderr)):
            reader = Thread(target=_copy, args=(stream, sink), daemon=True)
            reader.start()
            self._readers.append(reader)

    def _forget(self) -> None:
        if self._directory is not None:
            shutil.rmtree(self._directory, ignore_errors=True)
        for reader in self._readers:
            reader.join()
        self._readers.clear()
        if self._process is not None:
            for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
                if stream is not None and not stream.closed:
                    stream.close()
        self._process = self._note = self._directory = None


def _copy(stream: TextIO, sink: TextIO | None) -> None:
    for line in stream:
        if sink is not None:
            sink.write(line)


def _import_path() -> str:
    """Where this package is imported from, so that the child finds it as well."""
    here = str(Path(__file__).resolve().parent.parent)
    return os.pathsep.join([here] + [part for part in os.environ.get("PYTHONPATH", "").split(os.pathsep) if part])

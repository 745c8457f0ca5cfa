"""Starting a stage from Python: ready when the block begins, gone when it ends."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import TextIO

from localstage.environment import Changes, changes_for
from localstage.state import NOTE_NAME, RunningStage, read_note

_STOP_WITHIN_S = 20.0


class StageNotStarted(Exception):
    """The stage's process ended before it was ready; the text says why."""


@dataclass
class LocalStage:
    """A local stage in a process of its own.

    Use it as a context manager, or call ``start`` and ``stop`` (both may be
    called twice). ``port`` 0 takes any free port. ``options`` are further
    options of ``localstage serve``, such as ``("--idle-timeout", "20s")``.
    ``pages`` is a folder whose files it serves to a browser, at ``pages_url``;
    ``pages_for_any_host`` is for a stage behind a proxy with a name of its own.
    ``like_aws`` keeps AWS's pace: tables, functions, stacks and roles take their
    time, calls are throttled now and then; all its delays are ``pace`` times as long.
    With ``iam`` False no policies are evaluated; signatures are checked all the same.
    """

    port: int = 0
    region: str = "us-east-1"
    options: tuple[str, ...] = ()
    pages: str | Path | None = None
    pages_for_any_host: bool = False
    like_aws: bool = False
    pace: float = 1.0
    iam: bool = True
    _process: subprocess.Popen[str] | None = field(default=None, init=False, repr=False)
    _note: RunningStage | None = field(default=None, init=False, repr=False)
    _readers: list[Thread] = field(default_factory=list, init=False, repr=False)
    _directory: Path | None = field(default=None, init=False, repr=False)

    def start(self) -> LocalStage:
        """Returns when the stage answers. Raises StageNotStarted."""
        if self._process is None:
            try:
                self._start()
            except BaseException:
                self.stop()
                raise
        return self

    def _start(self) -> None:
        self._directory = Path(tempfile.mkdtemp(prefix="localstage-"))
        command = [
            sys.executable,
            "-m",
            "localstage",
            "serve",
            "--port",
            str(self.port),
            "--region",
            self.region,
            "--work-dir",
            str(self._directory),
            "--owned",
            *(("--pages", str(self.pages)) if self.pages else ()),
            *(("--pages-for-any-host",) if self.pages_for_any_host else ()),
            *(() if self.iam else ("--no-iam",)),
            *(("--like-aws", "--pace", str(self.pace)) if self.like_aws else ()),
            *self.options,
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
        if not self._process.stdout.readline().startswith("Local stage ready"):
            _, complaint = self._process.communicate()
            raise StageNotStarted((complaint.strip().splitlines() or ["the stage ended without a word"])[-1])
        self._note = read_note(self._directory / NOTE_NAME)
        self._drain_later()

    def stop(self) -> None:
        """Ends the stage; returns when no process, port or file of it is left."""
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
        """The stage's address, such as ``http://127.0.0.1:4580``."""
        return self._running().reach.url

    @property
    def pages_url(self) -> str:
        """Where the pages are, with a slash at the end; empty when the stage serves none."""
        return self._running().reach.pages_url

    def changes(self, as_aws: bool = False) -> Changes:
        """The changes to this process's environment that make programs reach the stage."""
        return changes_for(self._running().reach, os.environ, as_aws)

    def environment(self, as_aws: bool = False) -> dict[str, str]:
        """A whole environment for a program: this process's, changed to reach the stage."""
        return self.changes(as_aws).applied_to(os.environ)

    def activate(self, as_aws: bool = False) -> None:
        """Changes this process's own environment; call it before the first boto3 client is made."""
        changes = self.changes(as_aws)
        for name in changes.removals:
            os.environ.pop(name, None)
        os.environ.update(changes.settings)

    def _running(self) -> RunningStage:
        if self._note is None:
            raise StageNotStarted("the stage is not running; call start() first")
        return self._note

    def _drain_later(self) -> None:
        """Reads what the stage complains about, so that it never waits for a reader."""
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

"""The notes of running emulators: who may be signalled, and two that start and end at once."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path

import pytest
from click.testing import CliRunner

from localstage import cli, state
from localstage.commands import process
from localstage.environment import Access
from localstage.state import RunningEmulator, note_path, read_note, remove_note, running_emulators, write_note

ACCESS = Access("http://127.0.0.1:1", "us-east-1", "AKIA", "secret", "ca.pem", "config", "credentials")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the notes, which does not exist yet."""
    monkeypatch.setenv("LOCALSTAGE_STATE_DIR", str(tmp_path / "state"))
    return tmp_path / "state"


@pytest.fixture
def signalled(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """The signals that were sent; none arrives. Signal 0 only asks whether a process is there."""
    sent: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "kill", lambda pid, number: sent.append((pid, number)) if number else None)
    return sent


@pytest.mark.parametrize("pid", [0, -1, "1", 10**20, True, 1.5, None])
def test_stop_when_the_noted_pid_is_no_process(pid: object, folder: Path, signalled: list[tuple[int, int]]):
    """A pid that names no single process is one sentence, and nothing is signalled."""
    folder.mkdir()
    note_path(1).write_text(json.dumps({**asdict(RunningEmulator(1, 1, "work", ACCESS)), "pid": pid}))
    assert read_note(note_path(1)) is None
    done = CliRunner().invoke(cli.main, ["stop"])
    assert (done.exit_code, len(done.output.splitlines()), signalled) == (1, 1, [])


def test_stop_when_the_process_is_a_strangers(signalled: list[tuple[int, int]]):
    """A note that outlived its process names a pid that may be another's by now: nothing is signalled."""
    write_note(RunningEmulator(os.getpid(), 1, "work", ACCESS), note_path(1))
    done = CliRunner().invoke(cli.main, ["stop"])
    assert (done.exit_code, len(done.output.splitlines()), signalled) == (2, 1, [])
    assert "does not answer there as localstage" in done.output


@pytest.mark.parametrize("pid", [os.getpid() + 1, None], ids=["another", "none"])
def test_stop_when_another_answers_there(pid: object, signalled, monkeypatch: pytest.MonkeyPatch):
    """Where another process answers at the noted address, nothing is signalled."""
    write_note(RunningEmulator(os.getpid(), 1, "work", ACCESS), note_path(1))
    monkeypatch.setattr(process, "status_of", lambda emulator: {"pid": pid})
    assert CliRunner().invoke(cli.main, ["stop"]).exit_code == 2
    assert signalled == []


def test_note_when_another_one_ends_meanwhile(folder: Path, monkeypatch: pytest.MonkeyPatch):
    """The folder that another one removes between making and using it is made again."""
    opened, really_open = [], os.open

    def open_late(path: Path, *arguments: int) -> int:
        opened.append(path)
        if len(opened) == 1:
            remove_note(note_path(2))  # The other one's end: the folder is empty, so it goes.
            assert not folder.exists()
        return really_open(path, *arguments)

    monkeypatch.setattr(state.os, "open", open_late)
    note = RunningEmulator(os.getpid(), 1, "work", ACCESS)
    write_note(note, note_path(1))
    assert read_note(note_path(1)) == note


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")
def test_emulator_when_it_was_killed_and_nobody_has_noticed(folder: Path):
    """A process that has ended counts as ended before its parent asks for its status; its note goes."""
    child = os.posix_spawn("/bin/true", ["true"], {})
    os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
    write_note(RunningEmulator(child, 1, "work", ACCESS), note_path(1))
    try:
        assert running_emulators() == []
        assert not folder.exists()
    finally:
        os.waitpid(child, 0)

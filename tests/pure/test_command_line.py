"""What the command line says before anything runs: its help, and one sentence for what is wrong."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from localstage import cli, state
from localstage.environment import Access
from localstage.state import RunningEmulator, note_path, write_note


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No emulator is noted but those of the test, and each that is noted is taken to be alive."""
    monkeypatch.setattr(state, "_alive", lambda pid: True)
    monkeypatch.setenv("LOCALSTAGE_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.delenv("LOCALSTAGE_URL", raising=False)


def note(port: int) -> None:
    """A note of an emulator on a port: its process is this one."""
    access = Access(f"http://127.0.0.1:{port}", "us-east-1", "AKIA", "secret", "ca.pem", "config", "credentials")
    write_note(RunningEmulator(os.getpid(), port, "work", access), note_path(port))


def say(*words: str) -> Result:
    return CliRunner().invoke(cli.main, words, catch_exceptions=False)


def test_help_when_it_is_read():
    """Each command has one whole sentence, and there are five examples of commands that exist."""
    shown = say("--help").output
    assert "..." not in shown.replace("COMMAND [ARGS]...", "")
    examples = re.findall(r"^    (?:eval \"\$\()?localstage (\w+)", shown, re.MULTILINE)
    assert len(examples) == 5 and set(examples) <= set(cli.main.commands)


def test_version_when_asked_for():
    """--version names the program and a version."""
    assert re.fullmatch(r"localstage \d+\.\d+\.\d+\n", say("--version").output)


@pytest.mark.parametrize(("command", "least"), [("serve", 0), ("status", 1)])
@pytest.mark.parametrize("port", ["abc", "70000", "-1", "²"])
def test_port_when_it_is_none(command: str, least: int, port: str):
    """What is no port is named, and what would be one."""
    said = say(command, "--port", port)
    assert said.exit_code == 2
    assert f"'{port}' is no port; give a number from {least} to 65535." in said.stderr


def test_status_when_others_run():
    """A port without an emulator is not taken for none at all."""
    note(4580)
    note(4581)
    said = say("status", "--port", "4592")
    assert (said.exit_code, said.output) == (1, "localstage is not running on port 4592, but on ports 4580, 4581.\n")


def test_stop_when_none_runs():
    """Who wants it to end is not told how to start it."""
    said = say("stop")
    assert (said.exit_code, said.stderr) == (1, "localstage: It is not running. Nothing was ended.\n")


def test_env_when_several_run_and_the_terminal_has_one(monkeypatch: pytest.MonkeyPatch):
    """With several the terminal's own is meant; without one they are named."""
    note(4580)
    note(4581)
    assert say("env").stderr == "localstage: Several run (ports 4580, 4581); choose one with --port.\n"
    monkeypatch.setenv("LOCALSTAGE_URL", "http://127.0.0.1:4581")
    assert "export LOCALSTAGE_URL=http://127.0.0.1:4581\n" in say("env").output

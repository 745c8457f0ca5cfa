"""What the command line says before anything runs: its help, and one sentence for what is wrong."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import example, given
from hypothesis import strategies as st

from localstage import cli, serving, state
from localstage.commands import deploy, process
from localstage.commands.words import show
from localstage.environment import Access
from localstage.launcher import NotStarted
from localstage.state import RunningEmulator, note_path, write_note
from tests.fuzzing import invented, texts


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


OPTIONS = sorted({word for command in cli.main.commands.values() for one in command.params for word in one.opts})
VALUES = (
    *(
        "",
        "0",
        "-1",
        "1e9",
        "nan",
        "10m",
        "1x",
        "99999",
        "a=b",
        "=",
        ":",
        "a:b",
        "{}",
        "/dev/null",
        "/nonexistent/x",
        ".",
    ),
    *("ws://", "ws://[", "ws://127.0.0.1:9/", "ws://127.0.0.1:99999/", "http://127.0.0.1:9", "ws://127.0.0.1:9/%zz?é"),
    *("\0", "\ud800", "--", "-", "x" * 5_000),
)


class NeverStarts:
    """In the place of an emulator."""

    def __init__(self, *_: object, **__: object):
        raise NotStarted("localstage: not in this test")


@invented
@given(st.sampled_from([*cli.main.commands, ""]), st.lists(st.sampled_from([*OPTIONS, *VALUES]) | texts, max_size=6))
@example("connect", ["ws://[", "--frames", "1"])
@example("deploy", ["/dev/null"])
@example("deploy", ["."])
@example("logs", ["--port", "9"])
@example("env", ["\ud800"])
def test_command_when_its_words_are_invented(command: str, words: list[str]):
    """One sentence, or the command's own answer: never a traceback, and 0, 1 or 2 in the end."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(serving, "serve", lambda *_: 0)
        patch.setattr(process, "run_command", lambda *_: 0)
        patch.setattr(process, "LocalStage", lambda *_: None)
        patch.setattr(deploy, "LocalStage", NeverStarts)
        said = CliRunner().invoke(cli.main, [*([command] if command else []), *words])
    assert said.exception is None or isinstance(said.exception, SystemExit), (words, said.exception)
    assert said.exit_code in (0, 1, 2) and "Traceback" not in said.output
    if said.exit_code == 2 and "Usage:" not in said.output and not any("\n" in word for word in words):
        assert said.stderr.count("\n") == 1, said.stderr


@pytest.mark.parametrize("on_terminal", [True, False])
def test_output_when_strangers_have_written_it(
    on_terminal: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    """A terminal is not steered by a message: only colors pass, and end with it; a pipe gets every byte."""
    monkeypatch.setattr(sys.stdout, "isatty", lambda: on_terminal)
    monkeypatch.setattr("click.utils.should_strip_ansi", lambda *_: False)
    message = "a\x1b]52;c;cm0gLXJmIH4=\x07b\x1b[2Jc\rd\x9b1me\x1b[31mf\tg\nh"
    show(message)
    shown = "a\\x1b]52;c;cm0gLXJmIH4=\\x07b\\x1b[2Jc\\x0dd\\x9b1me\x1b[31mf\tg\nh\x1b[0m"
    assert capsys.readouterr().out == f"{shown if on_terminal else message}\n"

"""``python -m classroom`` and the notebooks' command: what they say where there is nothing to do, or it is not clear what."""

from __future__ import annotations

import socket
from pathlib import Path

import nbformat
import pytest
from click.testing import CliRunner, Result

from classroom.__main__ import main
from classroom.operations import notebooks

LATE = """
import sys, threading
sys.stdout.flush_timeout = sys.stderr.flush_timeout = 0.1
get_ipython().kernel.iopub_thread.schedule(lambda: threading.Event().wait(6))
"late"
"""
"""A cell whose output comes six seconds after its reply."""
REACHED = """
import ipykernel
ipykernel.get_connection_info(unpack=True)["transport"]
"""
"""A cell that shows how its kernel is reached."""


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal on moto in which no emulator is noted."""
    monkeypatch.setenv("LOCALSTAGE_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.delenv("LOCALSTAGE_URL", raising=False)
    monkeypatch.setenv("CHAT_TARGET", "moto")


def say(*words: str) -> Result:
    return CliRunner().invoke(main, words, catch_exceptions=False)


def test_clean_when_the_emulator_of_the_terminal_has_ended(monkeypatch: pytest.MonkeyPatch):
    """What LOCALSTAGE_URL names is gone with all that it held; no word of kernels."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    monkeypatch.setenv("LOCALSTAGE_URL", url)
    said = say("clean", "--yes")
    assert said.exit_code == 0
    assert said.output == f"The localstage of this terminal ({url}) has ended, and it kept nothing: 0 left.\n"


def test_check_when_the_input_is_wrong(monkeypatch: pytest.MonkeyPatch):
    """An error begins with the name of this program, which is not course.py."""
    monkeypatch.setenv("CHAT_PREFIX", "Anna_B")
    said = say("check")
    assert said.exit_code == 2
    assert said.stderr.startswith("classroom: CHAT_PREFIX is 'Anna_B'; it must be 1 to 20 lower-case letters")


def test_notebooks_when_no_lesson_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Without a lesson nothing is run or written; ``--all`` means all of them."""
    ran: list[str] = []
    monkeypatch.setattr(notebooks, "run", lambda path, **options: ran.append(path.name))
    monkeypatch.setenv("PYTHONPATH", "")  # The command changes both.
    monkeypatch.setenv("CHAT_FOLDER", "")
    with pytest.raises(SystemExit) as ended:
        notebooks.main(["run"])
    assert (ended.value.code, ran) == (2, [])
    assert "name lessons, such as 05, or say --all" in capsys.readouterr().err
    assert notebooks.main(["run", "--all"]) == 0
    assert ran == [path.name for path in notebooks.paths([])]


@pytest.mark.weekly  # nbclient would wait four seconds for an output.
def test_notebook_when_its_output_is_late(tmp_path: Path):
    """What a cell shows is written, however long after the cell's end a busy machine sends it."""
    path = tmp_path / "late.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(LATE)]), path)
    into = tmp_path / "ran"
    into.mkdir()
    notebooks.run(path, into=into)
    [cell] = nbformat.read(into / path.name, as_version=4).cells
    assert [output.data["text/plain"] for output in cell.outputs] == ["'late'"]


@pytest.mark.weekly  # It starts a kernel.
def test_notebook_when_many_start_at_once(tmp_path: Path):
    """Its kernel is reached over files, and not over ports that another can have taken while it started."""
    path, into = tmp_path / "ports.ipynb", tmp_path / "ran"
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(REACHED)]), path)
    into.mkdir()
    notebooks.run(path, into=into)
    [cell] = nbformat.read(into / path.name, as_version=4).cells
    assert [output.data["text/plain"] for output in cell.outputs] == ["'ipc'"]


def test_help_when_it_is_read():
    """Each command has one whole sentence."""
    assert "..." not in say("--help").output.replace("COMMAND [ARGS]...", "")

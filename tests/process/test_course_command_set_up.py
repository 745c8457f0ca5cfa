"""course.py makes ``.venv``, keeps it, and mends or makes it again when it is not what it should be."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys

import pytest

from installation import CannotGoOn
from installation.environment import Environment, State, one_at_a_time
from installation.pins import LEARNER, read_pins
from tests.process.course_projects import Project, copy_project, lay_project
from tests.process.wheel_by_hand import write_wheel


@pytest.fixture(scope="module")
def first_starts(tmp_path_factory):
    """A project after a learner's first start and the tests' first, what each said, and whether a learner had the tests'."""
    project = lay_project(tmp_path_factory.mktemp("made"))
    learners = project.course("lab", "--no-browser")
    had = project.ask("from importlib.util import find_spec; print(find_spec('judging') is not None)")
    return project, learners, had, project.course("test")


@pytest.fixture
def project(first_starts, tmp_path) -> Project:
    """A copy of a project that was started by a learner, and for the tests."""
    return copy_project(first_starts[0], tmp_path)


def state_of(project: Project) -> State:
    """The state of a project's ``.venv`` for a learner's pins."""
    return Environment(project.root).state({LEARNER: read_pins(project.root, sys.platform).digest})


def test_set_up_when_nothing_is_there(first_starts):
    """The first start says what it does, installs the pins, and starts the command."""
    project, said, _, _ = first_starts
    assert said.stdout.startswith("Making .venv with Python ") and "Installing 1 packages" in said.stdout
    assert "installed, 0:" in said.stdout and "STARTED" in said.stdout
    assert project.ask("import greeting, judging; print(greeting.WORD, judging.WORD)") == "hello well done"
    assert project.ask("import localstage").startswith("STARTED")
    assert state_of(project) is State.READY


def test_set_up_when_it_was_done(project):
    """A second start installs nothing: it works with no source of packages at all."""
    said = project.course("test", PIP_FIND_LINKS=os.devnull)
    assert said.stdout.startswith("STARTED") and said.stderr == ""


def test_set_up_when_a_learner_comes_first_and_the_tests_later(first_starts):
    """The lab installs a learner's packages only, the test command the others besides; then both find all that they need."""
    project, _, had_the_tests, tested = first_starts
    assert had_the_tests == "False"
    assert "Making .venv" not in tested.stdout and "Installing" in tested.stdout and "STARTED" in tested.stdout
    for words in (["lab", "--no-browser"], ["test"]):
        assert "Installing" not in project.course(*words, PIP_FIND_LINKS=os.devnull).stdout


def test_set_up_when_a_learner_has_tested_and_the_pins_changed(project):
    """The lab's set-up of other pins keeps what the tests need, and the test command knows that it is there."""
    write_wheel(project.wheels, "greeting", "2.0", {"greeting": "WORD = 'good day'\ndef main(): print(WORD)\n"})
    (project.root / "requirements.txt").write_text("greeting==2.0\n")
    assert "Installing 1 packages" in project.course("lab", "--no-browser").stdout
    assert project.course("test", PIP_FIND_LINKS=os.devnull).stdout.startswith("STARTED")


def test_aws_when_it_is_typed_for_the_first_time(project):
    """``aws`` installs the pinned AWS command line and then is it, or says why it cannot; later it installs nothing."""
    project.course("lab", "--no-browser")  # In its new folder.
    command = project.root / ".venv" / "bin" / "aws"
    with (project.root / "requirements-tests.txt").open("a") as pins:
        pins.write("awscli==1.0\n")
    said = [
        subprocess.run(
            [command, "s3", "ls"], env=project.variables(**more), capture_output=True, text=True, timeout=180
        )
        for more in ({}, {"PIP_FIND_LINKS": os.devnull})
    ]
    assert said[0].returncode == 2 and "aws: pip found no place that has the packages: " in said[0].stderr
    files = {
        "asked": "import sys\ndef main(): print('asked for', *sys.argv[1:])\n",
        "awscli/__init__": "",
        "awscli/__main__": "from asked import main\nmain()\n",
    }
    write_wheel(project.wheels, "awscli", "1.0", files)
    for words in ("Installing the AWS command line (about a minute, this once)\n", ""):
        done = subprocess.run(
            [command, "s3", "ls"], env=project.variables(), capture_output=True, text=True, timeout=180
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, "asked for s3 ls\n", words)


def test_set_up_when_the_folder_was_copied(project):
    """A copied folder works at once, offline: its scripts and imports are those of the new place."""
    said = project.course("test", PIP_FIND_LINKS=os.devnull)
    assert said.stdout.startswith("STARTED")
    script = project.root / ".venv" / "bin" / "greeting-command"
    assert script.read_text().startswith(f"#!{project.root}/.venv/bin/python")
    assert subprocess.run([script], capture_output=True, text=True).stdout == "hello\n"
    assert project.ask("import localstage; print(localstage.__file__)").endswith(f"{project.root}/localstage.py")


def test_set_up_when_the_pins_changed(project):
    """Changed pins are installed into what is there."""
    write_wheel(project.wheels, "greeting", "2.0", {"greeting": "WORD = 'good day'\ndef main(): print(WORD)\n"})
    (project.root / "requirements.txt").write_text("greeting==2.0\n")
    assert state_of(project) is State.OUTDATED
    said = project.course("test")
    assert "Making .venv" not in said.stdout and said.returncode == 5
    assert project.ask("import greeting; print(greeting.WORD)") == "good day"


def test_set_up_when_the_pins_changed_and_nothing_can_be_reached(project):
    """Without a source the change is refused in one sentence, and what was installed still works."""
    (project.root / "requirements.txt").write_text("greeting==3.0\n")
    said = project.course("test", PIP_FIND_LINKS=os.devnull)
    assert said.returncode == 2 and said.stderr.startswith("course.py: pip found no place that has the packages: ")
    assert said.stderr.count("\n") == 1
    assert project.ask("import greeting; print(greeting.WORD)") == "hello"
    (project.root / "requirements.txt").write_text("greeting==1.0\n")
    assert state_of(project) is State.READY


def test_set_up_when_there_is_no_network(project):
    """An index that cannot be reached gives one sentence that says what to do, and status 2."""
    (project.root / "requirements.txt").write_text("greeting==3.0\n")
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        index = f"http://127.0.0.1:{closed.getsockname()[1]}/simple"
        said = project.course(
            "lab", "--no-browser", PIP_NO_INDEX="", PIP_FIND_LINKS="", PIP_INDEX_URL=index, PIP_RETRIES="1"
        )
    assert said.returncode == 2 and "STARTED" not in said.stdout
    assert said.stderr.startswith("course.py: the package index cannot be reached: check the network")
    assert said.stderr.count("\n") == 1


def test_set_up_when_fresh_is_stopped_in_the_middle(project):
    """``--fresh`` makes what is ready again. SIGTERM while pip waits for an index ends pip too; the next start begins again."""
    (project.root / ".venv" / "leftover").write_text("")
    with socket.create_server(("127.0.0.1", 0)) as index:
        index.settimeout(180)
        url = f"http://127.0.0.1:{index.getsockname()[1]}/simple"
        with project.start_course("test", "--fresh", PIP_NO_INDEX="", PIP_FIND_LINKS="", PIP_INDEX_URL=url) as course:
            call, _ = index.accept()
            with call:
                call.settimeout(180)
                assert call.recv(1000).startswith(b"GET /simple/greeting/")
                course.send_signal(signal.SIGTERM)
                assert course.wait(180) == 128 + signal.SIGTERM
                assert call.recv(1000) == b""  # pip has closed its end: it is gone.
            said = course.stdout.read()
    assert "Making .venv" in said and "Installing 2 packages" in said  # A test's both files.
    assert not (project.root / ".venv" / "leftover").exists() and state_of(project) is State.BROKEN
    said = project.course("test").stdout
    assert "Making .venv" in said and "Installing 2 packages" in said and "STARTED" in said
    assert state_of(project) is State.READY


def test_set_up_when_pip_is_missing(project):
    """An environment without pip is broken, like one whose set-up was stopped: it will be made again."""
    for package in (project.root / ".venv").glob("lib/*/site-packages/pip"):
        package.rename(package.with_name("gone"))
    assert state_of(project) is State.BROKEN


def test_state_when_the_interpreter_is_another(project):
    """An interpreter of another minor version, or one that does not start, means that it is made again."""
    python = project.root / ".venv" / "bin" / "python"
    python.unlink()
    python.write_text("#!/bin/sh\necho 3.9\n")
    python.chmod(0o755)
    assert state_of(project) is State.BROKEN
    python.unlink()
    python.symlink_to(project.root / "nowhere")
    assert state_of(project) is State.BROKEN


def test_state_when_somebody_else_made_it(project):
    """A virtual environment without our sign is installed into, so what its owner put there stays."""
    (project.root / ".venv" / "course.json").unlink()
    own = next((project.root / ".venv").glob("lib/*/site-packages")) / "own.py"
    own.write_text("")
    assert state_of(project) is State.OUTDATED
    said = project.course("test")
    assert "Making .venv" not in said.stdout and "STARTED" in said.stdout
    assert own.exists() and state_of(project) is State.READY


def test_set_up_when_something_else_is_in_its_place(tmp_path):
    """A directory that is no virtual environment is refused and left as it is, ``--fresh`` or not."""
    project = lay_project(tmp_path)
    (project.root / ".venv").mkdir()
    (project.root / ".venv" / "thesis.txt").write_text("precious")
    for words in (["test"], ["test", "--fresh"]):
        said = project.course(*words)
        assert said.returncode == 2 and "holds something that is no virtual environment" in said.stderr
    assert (project.root / ".venv" / "thesis.txt").read_text() == "precious"


def test_make_when_venv_is_missing(tmp_path, monkeypatch):
    """A Python without ensurepip, as Debian's, is told which package to install; nothing is made."""
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "ensurepip" else object())
    with pytest.raises(CannotGoOn, match=r"apt install python3\.\d+-venv"):
        Environment(tmp_path).make()
    assert list(tmp_path.iterdir()) == []


def test_set_up_when_another_is_at_it(project):
    """A second course.py says that it waits, and goes on when the first has ended."""
    with one_at_a_time(project.root):
        course = project.start_course("test")
        assert course.stdout.readline() == "Another course.py is setting up this folder; waiting for it to end.\n"
        assert course.poll() is None
    said, _ = course.communicate(timeout=180)
    assert said.startswith("STARTED")

"""``localstage deploy --watch`` and ``connect`` in terminals of their own: started, used, changed and ended as people do."""

from __future__ import annotations

import os
import pty
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.late import import_path

ROOT = Path(__file__).resolve().parents[2]
WITHIN_S = 180


@pytest.fixture
def place(tmp_path: Path) -> dict[str, str]:
    """An environment in which all files of localstage land below the test's own folder, with a project in it."""
    (tmp_path / "tmp").mkdir()
    shutil.copytree(ROOT / "examples" / "chat", tmp_path / "project")
    kept = {name: text for name, text in os.environ.items() if not name.startswith(("AWS_", "LOCALSTAGE"))}
    places = {"TMPDIR": str(tmp_path / "tmp"), "LOCALSTAGE_STATE_DIR": str(tmp_path / "state")}
    return {**kept, **places, "PYTHONPATH": import_path(), "PYTHONUNBUFFERED": "1"}


@pytest.fixture
def watching(place: dict[str, str], tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """The project deployed by a command that watches it; ended if the test does not."""
    process = subprocess.Popen(
        [sys.executable, "-m", "localstage", "deploy", "--watch"],
        cwd=tmp_path / "project",
        env=place,
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    yield process
    if process.poll() is None:
        process.kill()
    process.communicate(timeout=WITHIN_S)


def said(process: subprocess.Popen[str], words: str) -> list[str]:
    """The lines up to the one that matches, which is the last."""
    lines = []
    for line in process.stdout:
        lines.append(line)
        if re.search(words, line):
            return lines
    raise AssertionError(f"{words!r} was not said: {''.join(lines)}")


def connect(place: dict[str, str], text: str) -> subprocess.CompletedProcess[str]:
    """What connect does with a line that is piped in."""
    command = [sys.executable, "-m", "localstage", "connect", "--frames", "1", "--wait", "150s"]
    return subprocess.run(command, env=place, input=f"{text}\n", text=True, capture_output=True, timeout=WITHIN_S)


def save(path: Path, text: str) -> None:
    """Puts a file in the place of another, whole: who watches it sees nothing half written."""
    whole = path.parents[1] / "saved"
    whole.write_text(text)
    whole.replace(path)


def test_deploy_when_it_watches(watching: subprocess.Popen[str], place: dict[str, str], tmp_path: Path):
    """Without a localstage it starts one; shows what is served; deploys what changes, after an error too; Ctrl-C ends all."""
    began = said(watching, "^Watching the template and its code")
    assert began[0] == "localstage is not running; one is started, which ends with this command.\n"
    assert any(line.startswith("  CREATE_COMPLETE  AWS::CloudFormation::Stack ") for line in began)
    assert connect(place, "as it was").stdout == "as it was\n"
    assert said(watching, r" \$default +200 ")
    code, template = tmp_path / "project" / "chat.py", tmp_path / "project" / "template.yaml"
    good = template.read_text()
    save(template, "Resources: [")
    said(watching, r"^Not deployed: template.yaml: Template format error: YAML not well-formed. \(line 1")
    save(template, good)
    said(watching, "^Deployed in ")
    save(code, code.read_text().replace("Data=body", "Data=body.upper()"))
    said(watching, "^Deployed in .*: new code for Chat.")
    assert connect(place, "changed").stdout == "CHANGED\n"
    watching.send_signal(signal.SIGINT)
    assert watching.wait(WITHIN_S) == 0
    assert not (tmp_path / "state").exists() and list((tmp_path / "tmp").iterdir()) == []


def test_deploy_when_it_cannot(place: dict[str, str], tmp_path: Path):
    """Without a template, and without a localstage that would keep what is deployed, there is one sentence."""

    def deploy(*words: str) -> tuple[int, str]:
        command = [sys.executable, "-m", "localstage", "deploy", *words]
        done = subprocess.run(
            command, cwd=tmp_path / "tmp", env=place, text=True, capture_output=True, timeout=WITHIN_S
        )
        return done.returncode, done.stderr

    nothing = (
        f"localstage: There is no template.yaml in {tmp_path / 'tmp'}; name the template: localstage deploy FILE\n"
    )
    assert deploy() == (2, nothing)
    assert deploy("gone.yaml") == (2, "localstage: There is no template gone.yaml.\n")
    status, sentence = deploy("../project", "--no-follow")
    assert status == 2 and sentence.startswith("localstage: It is not running. Start it with: localstage serve")
    assert (
        deploy("../project", "-p", "novalue")[1] == "localstage: 'novalue' is no parameter; write it as NAME=VALUE.\n"
    )


def test_connect_when_somebody_types(place: dict[str, str], watching: subprocess.Popen[str]):
    """At a terminal lines are sent as they are typed, and Ctrl-D closes the connection in order."""
    said(watching, "^Watching the template and its code")
    person, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "localstage", "connect", "--as", "alice"],
        env=place,
        stdin=terminal,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.close(terminal)
    assert re.fullmatch(r"Connected to ws://.*/prod\?name=alice\. Ctrl-D closes\.\n", process.stderr.readline())
    for line in ("one", "two"):
        os.write(person, f"{line}\n".encode())
        assert process.stdout.readline() == f"{line}\n"
    os.write(person, b"\x04")
    assert process.wait(WITHIN_S) == 0
    said(watching, r" \$disconnect +200 ")
    process.communicate()
    os.close(person)

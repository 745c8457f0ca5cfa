"""The pre-flight check: each fact that is wrong says what is the case and what to do."""

from __future__ import annotations

import socket

import pytest

from classroom import BrowserCheck, CheckFailed, preflight
from classroom.operations.preflight import (
    FACTS,
    ROOM_BYTES,
    WIDGETS,
    Fact,
    files_fault,
    packages_fault,
    port_fault,
    python_fault,
    room_fault,
    system_fault,
    widgets_fault,
)

HUB = {"JUPYTERHUB_SERVICE_PREFIX": "/user/ann/"}


def test_preflight_when_a_fact_is_wrong(capsys):
    """The other facts are still looked at, and the wrong one is printed with its fix before the cell fails."""
    facts = [
        Fact("one", lambda: "", "Nothing."),
        Fact("two", lambda: "It is three", "Make it two."),
        Fact("four", lambda: "", ""),
    ]
    with pytest.raises(CheckFailed, match=r"^1 of the lines above is not ok\. Do what each says"):
        preflight(facts)
    assert capsys.readouterr().out.splitlines() == ["ok: one", "not ok: two. It is three. Make it two.", "ok: four"]


def test_preflight_when_a_learner_on_a_hub_cannot_mend_it(capsys):
    """There it is a note for whoever runs the hub, and the lesson goes on; what the learner can mend still stops it."""
    theirs = Fact("one", lambda: "It is two", "Install one.", "Tell them.")
    preflight([theirs], HUB)
    assert capsys.readouterr().out == "note: one? It is two. Tell them.\n"
    with pytest.raises(CheckFailed):
        preflight([theirs], {})
    with pytest.raises(CheckFailed):
        preflight([theirs, Fact("three", lambda: "It is four", "Make it three.")], HUB)


def test_facts_when_their_fix_starts_the_lab():
    """Nobody on a hub is told to start JupyterLab or to install: such facts have other words there."""
    fixes = [fact for fact in FACTS if "course.py lab (with conda" in fact.fix]
    assert len(fixes) == 2 and all(fact.on_a_hub and "course.py" not in fact.on_a_hub for fact in fixes)


def test_preflight_when_read():
    """Each fact has a fix of its own: a sentence that tells what to do."""
    assert len({fact.what for fact in FACTS}) == len(FACTS) == 8
    for fact in FACTS:
        assert fact.fix.endswith(".") and len(fact.fix.split()) >= 8, fact


def test_system_and_python_when_they_do_not_fit():
    """Windows and an old Python are named; what the course is tested on is not."""
    assert [system_fault(name) for name in ("linux", "darwin", "win32")] == ["", "", "This is win32"]
    assert [python_fault(version) for version in ((3, 11, 0), (4, 0), (3, 10, 9))] == ["", "", "This is Python 3.10"]


def test_packages_when_they_differ_from_the_pins(tmp_path):
    """A package that is missing and one of another version are both named; other systems' are not."""
    pins = tmp_path / "requirements.txt"
    pins.write_text("# a==1\nboto3==0.0.1\nno-such-package==1.0\nother==2; sys_platform == 'win32'\n")
    fault = packages_fault(pins)
    assert fault.startswith("boto3 is ") and fault.endswith(" instead of 0.0.1; no-such-package is missing")
    assert packages_fault() == ""


def test_packages_when_many_are_missing(tmp_path):
    """Three are named and the others counted."""
    pins = tmp_path / "requirements.txt"
    pins.write_text("".join(f"no-such-{letter}==1\n" for letter in "abcde"))
    assert packages_fault(pins).count("missing") == 3 and packages_fault(pins).endswith("; and 2 more")


def test_files_and_widgets_when_they_are_not_there(tmp_path):
    """Missing files are named; a Python without JupyterLab's widgets is found out."""
    assert files_fault(tmp_path) == "Missing: handlers/chat_handler.py, cloudformation/chat.yaml, html/index.html"
    assert "not installed" in widgets_fault([str(tmp_path)])
    (tmp_path / "elsewhere" / WIDGETS).mkdir(parents=True)
    assert widgets_fault([str(tmp_path), str(tmp_path / "elsewhere")]) == ""
    assert (files_fault(), widgets_fault()) == ("", "")


def test_room_when_the_disk_is_full():
    """A full disk is told in megabytes."""
    assert room_fault(3 * 1024 * 1024).startswith("Only 3 MB are free in ")
    assert room_fault(ROOM_BYTES) == ""


def test_port_when_the_system_refuses(monkeypatch):
    """What the system says about a refused port is passed on."""

    def refuse(*arguments, **named):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(socket, "create_server", refuse)
    assert "Permission denied" in port_fault()


def test_browser_check_when_clicked():
    """The click changes the text beside the button; a saved notebook keeps a text that is the same on every run."""
    shown = BrowserCheck()
    assert shown.answer.value == "Not clicked yet." and "viewer shows none" in repr(shown)
    shown.button.click()
    assert "ok:" in shown.answer.value and shown._repr_mimebundle_()["text/plain"] == repr(shown)

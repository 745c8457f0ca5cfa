"""Progress: kept through everything, and shown for one learner or for thirty."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner

from classroom.__main__ import main
from classroom.exercises import registry
from classroom.exercises.predictions import Prediction
from classroom.exercises.progress import Record
from classroom.exercises.report import Report, class_reports, class_table
from classroom.my_chat.folder import Folder


@pytest.fixture
def record(tmp_path):
    return Record(Folder(tmp_path / "my_chat"), "ann")


def test_progress_when_things_are_done(record):
    """Passed exercises, misses and predictions are read back as they were written."""
    record.missed("4.1")
    record.passed("4.1")
    record.missed("4.2")
    record.predicted("4.a", "No")
    found = record.read()
    assert found.passed() == {"4.1"} and found.learner == "ann"
    assert (found.exercises["4.1"].misses, found.exercises["4.2"].since) == (1, 1)
    assert Report.of(found).predicted() == (1, 1)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"exercises": {"4.1": 3}}', '{"exercises": {"4.1": {"x": 1}}}'])
def test_progress_when_its_file_is_broken(record, tmp_path, text):
    """A file that cannot be read is put aside, not deleted, and a new one is begun."""
    path = tmp_path / "my_chat" / "progress.json"
    path.parent.mkdir()
    path.write_text(text)
    record.passed("4.1")
    assert record.read().passed() == {"4.1"}
    assert (path.parent / "progress.broken.json").read_text() == text


def test_prediction_when_an_answer_is_clicked(record):
    """The choice is kept and shown again; the text of the cell is the same before and after."""
    choices = ("Yes", "No")
    prediction = Prediction("4.a", "Does it?", choices, record)
    before = repr(prediction)
    prediction.radio.value = "No"
    again = Prediction("4.a", "Does it?", choices, record)
    assert record.read().predictions == {"4.a": "No"} and again.radio.value == "No"
    assert before == repr(again) == "Predict: Does it?\n  ( ) Yes\n  ( ) No"


def test_prediction_when_its_choices_have_changed(record):
    """A choice that is there no more is as if none had been made."""
    record.predicted("4.a", "Perhaps")
    assert Prediction("4.a", "Does it?", ("Yes", "No"), record).radio.value is None


def test_command_when_a_class_is_shown(tmp_path):
    """One line for each learner, from each of the three forms in which files are collected."""
    for place, done in (("ann", ["4.1", "4.2"]), ("ben/my_chat", []), ("cleo.json", ["4.1"])):
        record = Record(Folder(tmp_path / "one"), place.partition("/")[0])
        for number in done:
            record.passed(number)
        record.predicted("4.a", "Yes")
        source = tmp_path / "one" / "progress.json"
        target = tmp_path / "class" / (place if place.endswith(".json") else f"{place}/progress.json")
        target.parent.mkdir(parents=True, exist_ok=True)
        source.rename(target)
    (tmp_path / "class" / "notes.txt").write_text("no progress")
    assert [name for name, _ in class_reports(tmp_path / "class")] == ["ann", "ben", "cleo"]
    shown = CliRunner().invoke(main, ["progress", "--class", str(tmp_path / "class")])
    lines = [line.split() for line in shown.output.splitlines()]
    everything = len(registry.exercises())
    assert shown.exit_code == 0 and lines[0][0] == "learner"
    assert [(line[0], line[-2], line[-1]) for line in lines[1:]] == [
        ("ann", f"2/{everything}", "0/1"),
        ("ben", f"0/{everything}", "0/1"),
        ("cleo", f"1/{everything}", "0/1"),
    ]
    facts = json.loads(CliRunner().invoke(main, ["progress", "--class", str(tmp_path / "class"), "--json"]).output)
    assert [(one["learner"], one["done"]) for one in facts] == [("ann", ["4.1", "4.2"]), ("ben", []), ("cleo", ["4.1"])]
    junit = CliRunner().invoke(main, ["progress", "--class", str(tmp_path / "class"), "--junit"]).output
    suites = ElementTree.fromstring(junit)
    assert [suite.get("failures") for suite in suites] == [str(everything - count) for count in (2, 0, 1)]


def test_command_when_one_learner_asks(tmp_path, monkeypatch):
    """Without a class it is the learner's own folder, even one that does not exist yet."""
    monkeypatch.setenv("CHAT_FOLDER", str(tmp_path / "my_chat"))
    shown = CliRunner().invoke(main, ["progress"])
    assert shown.exit_code == 0 and shown.output.startswith(f"0 of {len(registry.exercises())} exercises are done.")
    assert not (tmp_path / "my_chat").exists()
    Record(Folder(), "ann").passed("4.1")
    assert "4.1 done" in CliRunner().invoke(main, ["progress"]).output


def test_report_when_a_lesson_has_a_letter(record):
    """Lessons 0b and 7b have lines of their own, in the course's order, for one learner and for a class."""
    record.passed("0b.1")
    report = Report.of(record.read())
    assert list(report.lessons())[:2] == ["0", "0b"] and "7b" in report.lessons()
    assert report.lessons()["0b"] == ["0b.1", "0b.2", "0b.3"]
    lines = repr(report).splitlines()
    assert next(line for line in lines if line.startswith("  lesson 0b: ")).count("done") == 1
    assert not any("done" in line for line in lines if line.startswith("  lesson 0: "))
    head, ann = class_table([("ann", report)]).splitlines()
    assert "lesson 0b" in head and ann.split()[2] == "1/3"


def test_command_when_a_class_has_no_files(tmp_path):
    """An empty folder says so; a missing one is bad input."""
    shown = CliRunner().invoke(main, ["progress", "--class", str(tmp_path)])
    assert (shown.exit_code, shown.output.strip()) == (0, "Nobody's progress is there.")
    assert CliRunner().invoke(main, ["progress", "--class", str(tmp_path / "missing")]).exit_code == 2

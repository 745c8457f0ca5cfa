"""What runs the lessons for other tests, nbval_runs.py, where a lesson does not do what it should."""

from __future__ import annotations

import os
import re
from pathlib import Path

import nbformat
import pytest

from tests.course import nbval_runs
from tests.course.nbval_runs import Lesson, clean_environment, run_strictly


def _end_at_once(*_: object) -> None:
    """What a lesson's process does here instead of opening the file of what it says."""
    os._exit(0)


def lesson_of(folder: Path, source: str, shown: str) -> Lesson:
    """A lesson of one cell, whose executed copy shows this text."""
    cell = nbformat.v4.new_code_cell(source, id="one")
    lesson = Lesson(folder / "shipped.ipynb", folder / "executed.ipynb", folder / "solutions.ipynb")
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), lesson.shipped)
    cell.outputs = [nbformat.v4.new_output("stream", text=shown)]
    cell.execution_count = 1
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), lesson.executed)
    return lesson


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """The folder in which a lesson runs."""
    folder = tmp_path / "run"
    folder.mkdir()
    return folder


def test_lesson_when_it_shows_something_else(tmp_path, place):
    """It fails, and the failure shows nbval's report: what the cell should have shown, and what it has."""
    lesson = lesson_of(tmp_path, "print('seen')", "expected\n")
    with pytest.raises(AssertionError, match="shipped ended with status 1:\n") as failed:
        run_strictly(lesson, place, clean_environment(tmp_path))
    report = str(failed.value)
    assert "expected" in report and "seen" in report and "1 failed" in report, report


def test_lesson_when_it_shows_what_it_should(tmp_path, place):
    """Nothing is raised."""
    run_strictly(lesson_of(tmp_path, "print('seen')", "seen\n"), place, clean_environment(tmp_path))


def test_lesson_when_its_process_ends_before_it(tmp_path, place, monkeypatch):
    """It fails, whatever the process's status, and one sentence says that the lesson had not begun."""
    monkeypatch.setattr(nbval_runs, "_become_nbval", _end_at_once)
    lesson = lesson_of(tmp_path, "print('seen')", "seen\n")
    said = "shipped ended with status 0:\nIts process had not begun the lesson; what kept it from that is among "
    with pytest.raises(AssertionError, match=re.escape(said)):
        run_strictly(lesson, place, clean_environment(tmp_path))

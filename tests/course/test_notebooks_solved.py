"""Exercises and their solutions as they are written; test_notebooks_on_moto.py runs both."""

from __future__ import annotations

import re

import nbformat
import pytest

from classroom.operations.notebooks import SOLUTIONS, executed_of
from tests.course.nbval_runs import NOTEBOOKS, number_of

MOST = {
    "4": 5,
    "5": 7,
    "6": 5,
    "7": 6,
    "7b": 6,
    "7c": 5,
    "8": 5,
    "10": 7,
}  # one for the template and each step of the broadcast, of the page; one for each bug
each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def tagged(notebook, tag: str) -> dict[str, nbformat.NotebookNode]:
    """The code cells with a tag, by the number in their ids: exercise-5-1 is 5-1."""
    return {cell.id.removeprefix(f"{tag}-"): cell for cell in notebook.cells if tag in cell.metadata.get("tags", ())}


def printed(cell) -> list[str]:
    """The lines that a cell printed."""
    return "".join(output.text for output in cell.outputs if output.output_type == "stream").splitlines()


@each_notebook
def test_exercises_as_shipped(path):
    """Two to four exercises, each with a hint, ten lines at most, and a check that says what is not yet right."""
    notebook = nbformat.read(executed_of(path), as_version=4)
    exercises, checks = tagged(notebook, "exercise"), tagged(notebook, "check")
    number = number_of(path)
    assert 2 <= len(exercises) <= MOST.get(number, 4) and exercises.keys() == checks.keys()
    assert list(exercises) == [f"{number}-{count}" for count in range(1, len(exercises) + 1)]
    for key, cell in exercises.items():
        assert len(cell.source.splitlines()) <= 10, cell.source
        asked = notebook.cells[notebook.cells.index(cell) - 1].source
        assert f"Exercise {key.replace('-', '.')}" in asked and "<summary>Hint</summary>" in asked, asked
        assert all("still empty" in line for line in printed(cell))
        assert re.match(r"not yet: .{20}", printed(checks[key])[-1]), printed(checks[key])


@each_notebook
def test_solutions_when_read(path):
    """The solutions answer each exercise of the lesson, in words and in code, and keep no output."""
    lesson, solutions = (nbformat.read(place, as_version=4) for place in (path, SOLUTIONS / path.name))
    answers = [cell for cell in solutions.cells if cell.cell_type == "code"]
    assert [cell.id for cell in answers] == [f"exercise-{key}" for key in tagged(lesson, "exercise")]
    for cell in answers:
        assert not cell.outputs and "exercise" in cell.metadata.tags
        before = solutions.cells[solutions.cells.index(cell) - 1]
        assert before.cell_type == "markdown" and len(before.source.split()) >= 8

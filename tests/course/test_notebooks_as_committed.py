"""Notebooks as they are committed: lessons clean, their copies executed, all tidy, in small cells."""

from __future__ import annotations

import re
from statistics import median, quantiles

import nbformat
import pytest

from classroom.operations.notebooks import EXECUTED, WIDGET_VIEW, executed_of, tidy
from tests.course.nbval_runs import NOTEBOOKS, ROOT, number_of

each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
SKIPPED = "nbval-skip"
ORDER = ["00", "00b", "01", "02", "03", "04", "05", "06", "07", "07a", "07b", "07c", "08", "08b", "09", "10", "99"]


def cells(path, kind):
    """The cells of one kind."""
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == kind]


def lines(cell) -> int:
    return len(cell.source.splitlines())


def test_notebooks_when_counted():
    """The lessons of the course are there, in order."""
    assert [path.stem.split("-")[0] for path in NOTEBOOKS] == ORDER


@each_notebook
def test_notebook_is_executed(path):
    """Every code cell that nbval runs has a count: without one its output would never be compared."""
    counts = [
        cell.execution_count
        for cell in cells(executed_of(path), "code")
        if SKIPPED not in cell.metadata.get("tags", ())
    ]
    assert counts == list(range(1, len(counts) + 1))


@pytest.mark.parametrize("executed", sorted(EXECUTED.glob("*.ipynb")), ids=lambda path: path.stem)
def test_lesson_when_it_has_an_executed_copy(executed):
    """The lesson has the same cells, and none of the outputs that would give away its answers."""
    lesson, copy = (nbformat.read(path, as_version=4) for path in (executed.parents[1] / executed.name, executed))
    assert [(cell.id, cell.source) for cell in lesson.cells] == [(cell.id, cell.source) for cell in copy.cells]
    code = [cell for cell in lesson.cells if cell.cell_type == "code"]
    assert all(cell.outputs == [] and cell.execution_count is None for cell in code)


@each_notebook
def test_notebook_is_tidy(path):
    """No widget state, no model id, no kernel of somebody's machine: tidying it again changes nothing."""
    notebook = nbformat.read(executed_of(path), as_version=4)
    before = nbformat.writes(notebook)
    assert "widgets" not in notebook.metadata and WIDGET_VIEW not in before
    tidy(notebook)
    assert nbformat.writes(notebook) == before


@each_notebook
def test_notebook_has_no_errors_and_names_no_machine(path):
    """No cell shows an error, standard error, a path of a machine, an address or an account."""
    path = executed_of(path)
    for cell in cells(path, "code"):
        for output in cell.outputs:
            assert output.output_type != "error" and output.get("name") != "stderr", cell.source
    found = re.findall(
        r"/home/\w+|/Users/\w+|/(?:tmp|work|root)/|127\.0\.0\.1:\d+|\b\d{12}\b|\w{10}\.execute-api", path.read_text()
    )
    assert found == []


@each_notebook
def test_notebook_cells_are_small(path):
    """Code: median at most 4 lines, nine of ten at most 12, none over 20, no line over 95 characters."""
    sizes = [lines(cell) for cell in cells(path, "code")]
    assert median(sizes) <= 4 and quantiles(sizes, n=10)[-1] <= 12 and max(sizes) <= 20, sizes
    assert max(len(line) for cell in cells(path, "code") for line in cell.source.splitlines()) <= 95


@each_notebook
def test_notebook_begins_alike(path):
    """One H1, the opening words, and a set-up cell that differs in the lesson's number only."""
    first = cells(path, "markdown")[0].source
    assert first.startswith(f"# {number_of(path)}. ") and ("You can then" in first or "You will" in first)
    assert "minutes" in first
    assert sum(cell.source.startswith("# ") for cell in cells(path, "markdown")) == 1
    set_up = [
        "import json, time",
        "import boto3",
        "from classroom import check, eventually, side_by_side, start",
        f"lesson = start({int(path.name[:2])})",
        "lesson",
    ]
    assert sum(cell.source.splitlines() == set_up for cell in cells(path, "code")) == 1


@each_notebook
def test_minutes_when_instructors_plan_with_them(path):
    """The instructors' table says of each lesson the minutes that the lesson itself says."""
    said = re.search(r"^About (\d+) minutes", cells(path, "markdown")[0].source, re.MULTILINE)
    row = re.search(
        rf"^\| {path.stem.split('-')[0]} [^|]*\| (\d+)", (ROOT / "INSTRUCTORS.md").read_text(), re.MULTILINE
    )
    assert said and row and row[1] == said[1]


@each_notebook
def test_notebook_speaks_plainly(path):
    """No exclamation marks, no "simply", no "just"."""
    for cell in cells(path, "markdown"):
        prose = re.sub(r"```.*?```|`[^`]*`|<!--.*?-->", "", cell.source, flags=re.DOTALL)
        assert not re.search(r"!(?!\[)|\bsimply\b|\bjust\b", prose, flags=re.IGNORECASE), cell.source


@each_notebook
def test_notebook_has_checks_and_a_chat(path):
    """Each lesson asserts something, and every lesson but the last has a chat panel in it."""
    code = "\n".join(cell.source for cell in cells(path, "code"))
    assert re.search(r"\b(check|eventually)\(", code)
    assert path.name.startswith("99") or re.search(r"lesson\.panels?\(", code)


@each_notebook
def test_links_between_notebooks_lead_somewhere(path):
    """Every relative link of a notebook names a file that exists."""
    for cell in cells(path, "markdown"):
        for target in re.findall(r"\]\(([^)#:]+)\)", cell.source):
            assert (path.parent / target).is_file(), target

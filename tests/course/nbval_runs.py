"""Running a lesson under nbval, strictly, in a process of its own.

What runs is a copy in a folder that looks like the project's ``notebooks/``: the
cells of the shipped notebook, each with the output that is expected of it and,
when the lesson is to be solved, its solutions.
"""

from __future__ import annotations

import importlib
import multiprocessing
import os
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import nbformat
from nbformat import NotebookNode

from classroom.operations.notebooks import SOLUTIONS, executed_of
from tests.late import import_path

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
BESIDE = ("handlers", "html", "cloudformation", "classroom")
"""Folders that lessons reach as ``../handlers`` and so on."""
WITHIN_S = 120
"""For one cell, on a machine that is busy with other things; it bounds a failure and measures nothing."""

_NBVAL = "tests.course.nbval_process"
_COPIES = multiprocessing.get_context("forkserver" if sys.platform == "linux" else "spawn")
"""On Linux a process that has imported what a lesson needs is there once, and each lesson runs in a copy of it."""
_COPIES.set_forkserver_preload([__name__, _NBVAL])


@dataclass(frozen=True)
class Lesson:
    """Where a lesson's parts are: what is shipped, the copy that holds the expected outputs, and the solutions."""

    shipped: Path
    executed: Path
    solutions: Path

    @property
    def name(self) -> str:
        return self.shipped.stem


LESSONS = [Lesson(path, executed_of(path), SOLUTIONS / path.name) for path in NOTEBOOKS]


def strict_copy(lesson: Lesson, folder: Path, *, solved: bool = False, again: bool = False, then: str = "") -> Path:
    """Write the notebook that nbval is to run into ``folder``, a project in small; gives its path.

    With ``solved``, each exercise's solution runs right after the check of the unsolved exercise, then the
    check again, whose lines must all say ok; the cells after it, and their outputs, stay as they are. With
    ``again``, all shipped cells run once more at the end, and the set-up cell keeps what is there; of those no
    output is compared. ``then`` is a last cell.
    """
    notebook = expected(lesson)
    shipped = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    if solved:
        solutions = nbformat.read(lesson.solutions, as_version=4).cells
        sources = {cell.id.removeprefix("exercise-"): cell.source for cell in solutions if cell.cell_type == "code"}
        notebook.cells = [cell for each in notebook.cells for cell in (each, *_solving(each, sources))]
        assert not sources, f"{lesson.name} has no check for the solutions {sorted(sources)}"
    if again:
        notebook.cells += map(_uncompared, ["import os; os.environ.pop('CHAT_FRESH', None)", *shipped])
    if then:
        notebook.cells.append(_uncompared(then))
    place = folder / "notebooks" / lesson.shipped.name
    place.parent.mkdir()
    for name in BESIDE:
        (folder / name).symlink_to(ROOT / name)
    nbformat.write(notebook, place)
    return place


def expected(lesson: Lesson) -> NotebookNode:
    """The shipped cells with the outputs and counts of the executed copy's cells of the same ids."""
    notebook = nbformat.read(lesson.shipped, as_version=4)
    executed = {cell.id: cell for cell in nbformat.read(lesson.executed, as_version=4).cells}
    for cell in notebook.cells:
        if cell.cell_type == "code":
            known = executed[cell.id]
            assert known.source == cell.source, f"the executed copy of {lesson.name} is of another cell:\n{cell.source}"
            cell.outputs, cell.execution_count = known.outputs, known.execution_count
    return notebook


def _solving(cell: NotebookNode, solutions: dict[str, str]) -> Iterator[NotebookNode]:
    """The cells that solve and check again what ``cell`` has checked; takes the solution out of ``solutions``."""
    if "check" not in cell.metadata.get("tags", ()):
        return
    for source in (
        solutions.pop(cell.id.removeprefix("check-")),
        f"%%capture _said\n{cell.source}",
        "assert _said.stdout and all(line.startswith('ok: ') for line in _said.stdout.splitlines()), _said.stdout",
    ):
        yield _uncompared(source)


def _uncompared(source: str) -> NotebookNode:
    """A cell that must not fail, whatever it shows."""
    return nbformat.v4.new_code_cell(source, metadata={"tags": ["nbval-ignore-output"]})


def copy_for_a_learner(course: Path) -> None:
    """What a learner clones, without the tests and the outputs."""
    for name in (*BESIDE, "installation", "localstage", "notebooks"):
        shutil.copytree(ROOT / name, course / name, ignore=shutil.ignore_patterns("__pycache__", "executed"))
    shutil.copy(ROOT / "requirements.txt", course)


def run_strictly(
    lesson: Lesson,
    folder: Path,
    environment: dict[str, str],
    *,
    solved: bool = False,
    again: bool = False,
    then: str = "",
    before: list[str] | None = None,
    cell_within_s: float = WITHIN_S,
) -> None:
    """Run a lesson in ``folder`` and compare every output with the expected one; fails with nbval's report.

    ``before`` is put before the command, such as ``localstage run --as-aws --``. The whole may take
    five times as long as one cell.
    """
    notebook = strict_copy(lesson, folder, solved=solved, again=again, then=then)
    words = [
        *("-p", "nbval.plugin", "--nbval", "--nbval-current-env"),
        *("--nbval-cell-timeout", str(round(cell_within_s))),
        *("-p", "no:cacheprovider", "--assert=plain", "-q", "-x", "--color=no"),
        *("--rootdir", str(folder), str(notebook)),
    ]
    variables = {**environment, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    said = folder / "said.txt"
    process = _COPIES.Process(target=_become_nbval, args=(before or [], words, folder, variables, said))
    process.start()
    process.join(5 * cell_within_s)
    if process.exitcode is None:
        process.kill()
        process.join()
        raise AssertionError(f"{lesson.name} did not end within {5 * cell_within_s:g} s:\n{_read(said)}")
    output = _read(said)
    assert "Error handling request" not in output, f"localstage failed in {lesson.name}:\n{output[-8000:]}"
    begun_and_passed = said.exists() and process.exitcode == 0
    assert begun_and_passed, f"{lesson.name} ended with status {process.exitcode}:\n{output[-8000:]}"


def _read(said: Path) -> str:
    """What a lesson's process has said; its first act is to open this file."""
    if said.exists():
        return said.read_text()
    return "Its process had not begun the lesson; what kept it from that is among what the tests have said themselves."


def _become_nbval(
    before: list[str], words: list[str], folder: Path, environment: dict[str, str], said: Path
) -> NoReturn:
    """Go on as nbval's process, or as the command before it, with this directory and these variables."""
    take_the_place(folder, environment, os.open(said, os.O_WRONLY | os.O_CREAT), (1, 2))
    if before:
        os.execvp(before[0], [*before, sys.executable, "-m", _NBVAL, *words])
    importlib.import_module(_NBVAL).main(words)
    raise AssertionError("nbval's process ends itself")


def take_the_place(folder: str | Path, environment: dict[str, str], stream: int, numbers: tuple[int, ...]) -> None:
    """Give this process the directory, variables and standard streams of the one that it becomes; ``stream`` is closed."""
    for number in numbers:
        os.dup2(stream, number)
    os.close(stream)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)


def rehearsal(pace: float = 1.0) -> list[str]:
    """What is put before a command so that it works with AWS's host names, at AWS's pace, on a fresh stage."""
    return [sys.executable, "-m", "localstage", "run", "--as-aws", "--like-aws", "--pace", str(pace), "--"]


def number_of(notebook: Path) -> str:
    """The lesson's number as people say it: 0, 0b, 7, 7b, 99."""
    return re.sub(r"^0(?=\d)", "", notebook.stem.split("-")[0])


def clean_environment(work_dir: Path, **more: str) -> dict[str, str]:
    """This process's environment without a stage, a target or AWS settings; Jupyter's files go to ``work_dir``."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AWS_", "CHAT_", "JUPYTERHUB_", "LOCALSTAGE_", "PYTEST_"))
        and not name.lower().endswith("_proxy")
    }
    places = {
        name: str(work_dir / name.lower())
        for name in (
            "JUPYTER_RUNTIME_DIR",
            "JUPYTER_CONFIG_DIR",
            "JUPYTER_DATA_DIR",
            "IPYTHONDIR",
            "LOCALSTAGE_STATE_DIR",
        )
    }
    for place in places.values():
        Path(place).mkdir(parents=True, exist_ok=True)  # IPython would make one in the system's folder and leave it
    places["CHAT_FOLDER"] = str(work_dir / "my_chat")
    return {**kept, **places, "PYTHONPATH": import_path(), **more}

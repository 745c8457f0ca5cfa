"""A class on one machine, as on a hub: everybody has a HOME and a copy of the course, and presses "Run All" at once.

Each runs the lesson as shipped, by the project's own runner out of that copy, in a
kernel that starts an emulator of its own; temporary files go where everybody's go.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from threading import Event

import nbformat
from nbformat import NotebookNode

from localstage import LocalStage
from tests.benchmarks.watch import memory_mb, tree
from tests.course.nbval_runs import LESSONS, Lesson, clean_environment, copy_for_a_learner, expected
from tests.fire.rows import Row

LEARNERS = 30
LESSON = "05-broadcast"
"""One in which functions answer over WebSockets, panels wait for them, and handlers are tried."""
CELL_WITHIN_S = 1800
"""It bounds a failure: "Run All" has no such limit."""
LOOK_EVERY_S = 5.0
MOST_MB_EACH = 375.0
"""Half of what INSTRUCTORS.md has a teacher plan for somebody with two open lessons."""


def thirty_learners(_: LocalStage) -> Row:
    """Everybody's cells end, and show what they show to somebody who is alone."""
    return run_all(next(lesson for lesson in LESSONS if lesson.name == LESSON), LEARNERS)


def run_all(lesson: Lesson, learners: int) -> Row:
    """Has so many learners run all cells of a lesson at the same moment."""
    with tempfile.TemporaryDirectory() as folder:
        desks = [_Desk(Path(folder), number, lesson) for number in range(learners)]
        began, used_s = time.monotonic(), _processor_s()
        for desk in desks:
            desk.begin()
        lessons_mb, most_mb = 0.0, 0.0
        while running := [desk.pid for desk in desks if desk.runs]:
            kernels = [pid for runner in running for pid in tree([runner])[1:2]]
            lessons_mb, most_mb = max(lessons_mb, memory_mb(kernels)), max(most_mb, memory_mb(running))
            Event().wait(LOOK_EVERY_S)
        last_s, each_s = time.monotonic() - began, (_processor_s() - used_s) / learners
        ran, failures, left = sum(desk.ran() for desk in desks), [desk.failure() for desk in desks], _left(Path(folder))
    cells = sum(cell.cell_type == "code" for cell in expected(lesson).cells) * learners
    wrong = [failure for failure in failures if failure]
    number = f"{ran:,} of {cells:,} cells after {last_s:.0f} s, {each_s:.0f} s of processor time each; "
    number += f"{len(wrong)} learners saw what nobody sees alone; {most_mb / 1000:.1f} GB at most, {lessons_mb / learners:.0f} MB "
    number += f"for each kernel with its emulator and functions; {len(left)} processes and files left"
    for complaint in (*wrong, *left):
        print(complaint, file=sys.stderr)
    held = ran == cells and not wrong and not left and lessons_mb / learners < MOST_MB_EACH
    return Row("load", f'{learners} learners press "Run All" in lesson {lesson.name} at once', held, number)


class _Desk:
    """One learner's place: a folder that is HOME, with a copy of the course, and the run of one lesson there."""

    def __init__(self, room: Path, number: int, lesson: Lesson):
        home = room / f"learner-{number}"
        self._name, self._course, self._ran, self._log = home.name, home / "course", home / "ran", home / "said"
        self._lesson = lesson
        self._process: subprocess.Popen[bytes] | None = None
        copy_for_a_learner(self._course)
        (room / "tmp").mkdir(exist_ok=True)
        places = {"HOME": str(home), "TMPDIR": str(room / "tmp"), "PYTHONPATH": str(self._course)}
        own = ("CHAT_FOLDER", "LOCALSTAGE_STATE_DIR", "PYTHONDONTWRITEBYTECODE")
        environment = clean_environment(home / "jupyter", CHAT_TARGET="moto")
        self._environment = {name: value for name, value in environment.items() if name not in own} | places

    def begin(self) -> None:
        """Presses "Run All"."""
        command = ["-m", "classroom.operations.notebooks", "run", self._lesson.name, "--into", str(self._ran)]
        with self._log.open("wb") as said:
            self._process = subprocess.Popen(
                [sys.executable, *command, "--timeout", str(CELL_WITHIN_S)],
                cwd=self._course,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
            )

    @property
    def pid(self) -> int:
        assert self._process is not None, "nothing has begun"
        return self._process.pid

    @property
    def runs(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def ran(self) -> int:
        """How many cells have come to their end without an error."""
        return sum(cell.get("execution_count") is not None and not _error(cell) for cell in self._cells())

    def failure(self) -> str:
        """What the run ended of, or the first cell that shows something else than to somebody who is alone; or ""."""
        if self._process is not None and self._process.returncode:
            return f"{self._name}: {self._log.read_text()[-2000:]}"
        for cell, alone in zip(self._cells(), expected(self._lesson).cells, strict=False):
            compared = cell.cell_type == "code" and "nbval-ignore-output" not in cell.metadata.get("tags", ())
            if _error(cell) or (compared and _shown(cell) != _shown(alone)):
                return f"{self._name}: {cell.source}\n{_error(cell) or _shown(cell)}\ninstead of\n{_shown(alone)}"
        return ""

    def _cells(self) -> list[NotebookNode]:
        path = self._ran / self._lesson.shipped.name
        return nbformat.read(path, as_version=4).cells if path.exists() else []


def _error(cell: NotebookNode) -> str:
    return next((f"{one.ename}: {one.evalue}" for one in cell.get("outputs", ()) if one.output_type == "error"), "")


def _shown(cell: NotebookNode) -> str:
    """The text below a cell, however many pieces it came in: what is printed goes on in the same line, as in JupyterLab."""
    shown = ""
    for one in cell.get("outputs", ()):
        if one.output_type == "stream":
            shown += one.text
        else:
            shown += one.get("data", {}).get("text/plain", "") + "\n"
    return shown


def _left(room: Path) -> list[str]:
    """Processes that know a place of this room, and files that an emulator has made."""
    left = [str(path) for path in (room / "tmp").iterdir()]
    left += [str(path) for path in room.glob("learner-*/.local/state/**/*") if path.is_file()]
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command, variables = (process / "cmdline").read_bytes(), (process / "environ").read_bytes()
        except OSError:
            continue  # It ended while we looked.
        if str(room).encode() in command + variables:
            left.append(command.replace(b"\0", b" ").decode(errors="replace"))
    return left


def _processor_s() -> float:
    """What all ended children, and theirs, have used."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime

"""A learner at a desk without AWS: a folder, the names of a notebook, and the checks of exercises.

Where an exercise asks DynamoDB, localstage's room of moto answers, in this process.
"""

from __future__ import annotations

import contextlib
import io
import re
import tempfile
import tomllib
from collections.abc import Collection
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import boto3
import nbformat
from moto import mock_aws

from classroom.exercises import registry, solutions
from classroom.exercises.cells import CellWatch
from classroom.exercises.exercise import Answer, judge
from classroom.exercises.progress import Record
from classroom.my_chat import writing
from classroom.my_chat.chat import MyChat
from classroom.my_chat.folder import Folder
from classroom.operations.notebooks import NOTEBOOKS
from localstage.services import dynamodb

WRONG_ANSWERS = Path(registry.__file__).parent / "wrong_answers"
CELLS_BEFORE = {
    1: (
        "01-create-tables",
        ("client", "create-messages", "wait", "put", "read-room", "same-second", "conditional-put"),
    ),
    99: ("99-clean-up", ("table-names", "make-tables", "tags-of")),
}
"""For the lessons whose exercises need AWS: the notebook, and the cells that define what an answer may use."""


def wrong_answers(numbers: Collection[str]) -> list[dict[str, Any]]:
    """The answers to these exercises that are known to be wrong, as they stand beside the exercises."""
    files = sorted(WRONG_ANSWERS.glob("*.toml"))
    return [
        wrong for path in files for wrong in tomllib.loads(path.read_text())["wrong"] if wrong["exercise"] in numbers
    ]


def name_of(wrong: dict[str, Any]) -> str:
    """How a wrong answer is called in a test's name."""
    return f"{wrong['exercise']} {wrong['mistake']}"


def changed(code: str, wrong: dict[str, Any]) -> str:
    """The cell that a wrong answer is: its own text, or the solution with parts replaced."""
    if "answer" in wrong:
        return wrong["answer"]
    for old, new in wrong["change"]:
        assert old in code, f"{wrong['mistake']}: the solution has no {old!r} any more"
        code = code.replace(old, new)
    return code


def expect_not_answered(desk: Desk, number: str) -> None:
    """Before the exercise's cell has run, the check says what to do first, in one line, and counts no miss."""
    printed = desk.check(number)
    assert re.fullmatch(r"not yet: .+\n", printed) and "rror" not in printed, printed
    assert desk.record.read().exercises == {}


def expect_solved(desk: Desk, number: str) -> None:
    """The solution passes, again and again, and nothing but ok lines is printed."""
    for _ in range(2):
        desk.run(solutions.solution(number).code)
        lines = desk.check(number).splitlines()
        assert lines[-1] == f"ok: exercise {number} is done" and all(line.startswith("ok: ") for line in lines), lines
    assert desk.record.read().passed() == {number}


def expect_refused(desk: Desk, wrong: dict[str, Any]) -> None:
    """A mistake that people make does not pass, and the line says what was found and where to look."""
    number = wrong["exercise"]
    desk.run(changed(solutions.solution(number).code, wrong))
    printed = desk.check(number)
    assert printed.splitlines()[-1].startswith("not yet: "), printed
    assert wrong["says"] in printed and number not in desk.record.read().passed(), printed


class Desk:
    """One learner's folder and notebook. ``names`` are what cells have defined."""

    def __init__(self, folder: Path, **names: Any):
        self.folder = Folder(folder)
        self.names: dict[str, Any] = names
        self.record = Record(self.folder)
        self.watch = CellWatch()
        self._account = contextlib.ExitStack()

    def __enter__(self) -> Desk:
        return self

    def __exit__(self, *exception: object) -> None:
        self._account.close()

    def run(self, cell: str) -> str:
        """Run a cell as a notebook does; what it printed."""
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            magic = re.match(r"%%(write|mend) (.*)\n", cell)
            if magic:
                getattr(writing, magic[1])(magic[2], cell[magic.end() :], self.folder)
            else:
                exec(compile(cell, "a cell", "exec"), self.names)
        return printed.getvalue()

    def solve_up_to(self, number: str) -> None:
        """Run the cells that the exercise builds on, and put into a new folder what the solutions before it have written."""
        lesson = registry.lesson_of(number)
        if lesson in CELLS_BEFORE:
            self._open_an_account()
            notebook, cells = CELLS_BEFORE[lesson]
            for cell in cells:
                self.run(_source(notebook, f"{lesson:02}-{cell}"))
        for name, text in _written_before(number).items():
            place = self.folder.path / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text, "utf-8")

    def lesson(self, number: str) -> Any:
        """What a judge is given as the exercise's lesson; here one that reaches no account."""
        chat = MyChat(None, registry.lesson_of(number), self.folder)  # type: ignore[arg-type]
        return SimpleNamespace(my_chat=chat, **vars(self.names.get("lesson", SimpleNamespace())))

    def check(self, number: str) -> str:
        """What ``lesson.check`` prints."""
        answer = Answer(registry.exercise_of(number), self.names, self.folder, self.lesson(number))
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            judge(answer, self.record, self.watch)
        return printed.getvalue()

    def _open_an_account(self) -> None:
        dynamodb.extend()
        self._account.enter_context(mock_aws())
        self._account.enter_context(patch.object(boto3, "DEFAULT_SESSION", _session()))
        tags = {"course": "serverless-chat", "owner": "lab"}
        self.names["lesson"] = SimpleNamespace(
            prefix="lab",
            name="lab-{}".format,
            tags=tags,
            tag_list=[{"Key": key, "Value": value} for key, value in tags.items()],
            waiting={"Delay": 1, "MaxAttempts": 5},
        )


@cache
def _session() -> boto3.Session:
    """One session for all desks: reading DynamoDB's model takes most of a test's time."""
    return boto3.Session("testing", "testing", region_name="us-east-1")


@cache
def _written_before(number: str) -> dict[str, str]:
    """The files of a folder after the solutions before an exercise, of its lesson or its file, that write one."""
    lesson, file = registry.lesson_of(number), registry.exercise_of(number).file
    of_the_lesson = [one for one in solutions.all_solutions() if registry.lesson_of(one.number) == lesson]
    files = {file, *(one.file for one in of_the_lesson if one.code.startswith("%%mend"))}
    with tempfile.TemporaryDirectory() as place, Desk(Path(place)) as desk:
        for one in solutions.all_solutions():
            if one.number == number:
                break
            if one.file and (one in of_the_lesson or one.file in files):
                desk.run(one.code)
        found = (path for path in Path(place).rglob("*") if path.is_file())
        return {str(path.relative_to(place)): path.read_text("utf-8") for path in found}


@cache
def _source(notebook: str, cell: str) -> str:
    """The source of one cell of a lesson."""
    cells = nbformat.read(NOTEBOOKS / f"{notebook}.ipynb", as_version=4).cells
    return next(one.source for one in cells if one.get("id") == cell)

"""A learner at a desk without AWS: a folder, the names of a notebook, and the checks of exercises.

Where an exercise asks DynamoDB, moto's answers, in this process.
"""

from __future__ import annotations

import contextlib
import io
import re
import tomllib
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

WRONG_ANSWERS = Path(registry.__file__).parent / "wrong_answers"
CELLS_BEFORE = {
    1: ("01-create-tables", ("client", "create-messages", "wait", "put", "read-room", "same-second", "conditional-put"))
}
"""For the lessons whose exercises need AWS: the notebook, and the cells that define what an answer may use."""


def wrong_answers() -> list[dict[str, Any]]:
    """All answers that are known to be wrong, as they stand beside the exercises."""
    return [
        wrong for path in sorted(WRONG_ANSWERS.glob("*.toml")) for wrong in tomllib.loads(path.read_text())["wrong"]
    ]


def changed(code: str, wrong: dict[str, Any]) -> str:
    """The cell that a wrong answer is: its own text, or the solution with parts replaced."""
    if "answer" in wrong:
        return wrong["answer"]
    for old, new in wrong["change"]:
        assert old in code, f"{wrong['mistake']}: the solution has no {old!r} any more"
        code = code.replace(old, new)
    return code


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
        """Run the cells that the exercise builds on, and all solutions of its lesson before it that write a file."""
        lesson = registry.lesson_of(number)
        if lesson in CELLS_BEFORE:
            self._open_an_account()
            notebook, cells = CELLS_BEFORE[lesson]
            for cell in cells:
                self.run(_source(notebook, f"{lesson:02}-{cell}"))
        for one in solutions.all_solutions():
            if one.number == number:
                return
            if one.file and registry.lesson_of(one.number) == lesson:
                self.run(one.code)

    def check(self, number: str) -> str:
        """What ``lesson.check`` prints."""
        chat = MyChat(None, registry.lesson_of(number), self.folder)  # type: ignore[arg-type]
        answer = Answer(
            registry.exercise_of(number), self.names, self.folder, SimpleNamespace(my_chat=chat, **self.names)
        )
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            judge(answer, self.record, self.watch)
        return printed.getvalue()

    def _open_an_account(self) -> None:
        self._account.enter_context(mock_aws())
        self._account.enter_context(patch.object(boto3, "DEFAULT_SESSION", _session()))
        own = {
            "name": "lab-{}".format,
            "tag_list": [{"Key": "course", "Value": "serverless-chat"}, {"Key": "owner", "Value": "lab"}],
            "waiting": {"Delay": 1, "MaxAttempts": 5},
        }
        self.names |= own | {"lesson": SimpleNamespace(**own)}


@cache
def _session() -> boto3.Session:
    """One session for all desks: reading DynamoDB's model takes most of a test's time."""
    return boto3.Session("testing", "testing", region_name="us-east-1")


@cache
def _source(notebook: str, cell: str) -> str:
    """The source of one cell of a lesson."""
    cells = nbformat.read(NOTEBOOKS / f"{notebook}.ipynb", as_version=4).cells
    return next(one.source for one in cells if one.get("id") == cell)

"""A learner at a desk without AWS: a folder, the names of a notebook, and the checks of exercises."""

from __future__ import annotations

import contextlib
import io
import re
import tomllib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from classroom.exercises import registry, solutions
from classroom.exercises.cells import CellWatch
from classroom.exercises.exercise import Answer, judge
from classroom.exercises.progress import Record
from classroom.my_chat import writing
from classroom.my_chat.chat import MyChat
from classroom.my_chat.folder import Folder

WRONG_ANSWERS = Path(registry.__file__).parent / "wrong_answers"


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
        """Run the solutions of all exercises of its lesson before this one that write a file."""
        lesson = registry.lesson_of(number)
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

"""The course's answers to the exercises, from ``notebooks/solutions/``: the one place where they are written.

A solution is a cell with the exercise's id, after a cell of reasoning. Those
that begin with ``%%write`` or ``%%mend`` make a file, so the course's version
of a learner's file follows from them. ``CHAT_SOLUTIONS=withheld`` keeps them
from being shown. Knows notebooks as JSON; runs nothing.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from classroom.errors import OneSentence
from classroom.my_chat.folder import given
from classroom.my_chat.mending import mended

SOLUTIONS = Path(__file__).resolve().parents[2] / "notebooks" / "solutions"
_MAGIC = re.compile(r"^%%(write|mend) (\S+).*\n")


class NoSolution(OneSentence, LookupError):
    """There is no solution to show."""


@dataclass(frozen=True)
class Solution:
    """One exercise's ``reasoning``, in Markdown, and ``code``, the cell as it can be run."""

    number: str
    reasoning: str
    code: str

    @property
    def file(self) -> str:
        """The file of ``my_chat/`` that the code writes or mends; "" if it is a cell of Python."""
        found = _MAGIC.match(self.code)
        return found[2] if found else ""

    def __repr__(self) -> str:
        return f"{self.reasoning}\n\n{self.code}"

    def _repr_markdown_(self) -> str:
        return f"{self.reasoning}\n\n```python\n{self.code}\n```"


def solution(number: str) -> Solution:
    """The solution of an exercise, to be shown. Raises ``NoSolution``."""
    if os.environ.get("CHAT_SOLUTIONS", "").strip().lower() == "withheld":
        raise NoSolution("Your instructor keeps the solutions back for now; ask them for a hint.")
    found = next((one for one in all_solutions() if one.number == number), None)
    if found is None:
        raise NoSolution(f"There is no exercise {number}.")
    return found


def course_text(name: str, exercise: str) -> str | None:
    """The course's version of a learner's file as an exercise leaves it; None if no solution so far writes it.

    A file that the course hands out is mended from how it was handed out.
    """
    text = given(name)
    written = False
    for one in all_solutions():
        found = _MAGIC.match(one.code)
        if found and found[2] == name:
            body = one.code[found.end() :] + "\n"
            text = body if found[1] == "write" or text is None else mended(name, text, body)
            written = True
        if one.number == exercise:
            return text if written else None
    return None


@cache
def all_solutions() -> tuple[Solution, ...]:
    """Every solution, in the course's order."""
    return tuple(one for path in sorted(SOLUTIONS.glob("*.ipynb")) for one in _solutions_in(path))


def _solutions_in(path: Path) -> list[Solution]:
    found, reasoning = [], ""
    for cell in json.loads(path.read_text("utf-8"))["cells"]:
        text = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            reasoning = text
        elif cell["id"].startswith("exercise-"):
            found.append(Solution(cell["id"].removeprefix("exercise-").replace("-", "."), reasoning, text))
    return found

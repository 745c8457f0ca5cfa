"""Exercises whose check looks at what the learner's cells made in the account: solved, unanswered, and wrong.

The lesson's own cells run first, up to the exercise, so that names and account are what a learner has there.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest

from classroom import Lesson
from classroom.exercises import registry
from tests.course.nbval_runs import LESSONS, number_of
from tests.process.exercise_desk import Desk, expect_not_answered, expect_refused, expect_solved, name_of, wrong_answers

IN_AN_ACCOUNT = sorted(number for number, one in registry.exercises().items() if one.account)


class AccountDesk(Desk):
    """A learner who has run all cells before an exercise, and whose lesson reaches an account."""

    def lesson(self, number: str) -> Lesson:
        return self.names["lesson"]

    def come_to(self, number: str, begun: dict[str, dict[str, Any]]) -> None:
        """Run the lesson's cells before the exercise, the exercises among them as they are shipped.

        ``begun`` keeps what a lesson's set-up cell has defined, because that cell takes longest.
        """
        [lesson] = [one for one in LESSONS if number_of(one.shipped) == number.partition(".")[0]]
        set_up, *cells = [one for one in nbformat.read(lesson.shipped, 4).cells if one.cell_type == "code"]
        if lesson.name not in begun:
            self.run(set_up.source)
            begun[lesson.name] = dict(self.names)
        self.names |= begun[lesson.name]
        self.lesson(number).my_chat.folder = self.folder
        for cell in cells:
            if cell.id == f"exercise-{number.replace('.', '-')}":
                return
            if "check" not in cell.metadata.get("tags", ()):
                self.run(cell.source)


@pytest.fixture(scope="module")
def begun(led_to_the_stage: Any) -> dict[str, dict[str, Any]]:
    """The lessons whose set-up cell has run in the account of the process's emulator."""
    return {}


@pytest.fixture
def desk(begun: dict[str, dict[str, Any]], tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[AccountDesk]:
    """A learner with an empty folder, before the test's exercise, whose panels are disconnected after it."""
    desk = AccountDesk(tmp_path / "my_chat")
    asked = request.node.callspec.params
    desk.come_to(asked["number"] if "number" in asked else asked["wrong"]["exercise"], begun)
    yield desk
    desk.names["lesson"].disconnect_all()


@pytest.mark.parametrize("number", IN_AN_ACCOUNT)
def test_check_in_an_account_when_nothing_is_answered(desk: AccountDesk, number: str) -> None:
    """Before the exercise's cell has run, the check says what to do first, in one line, and counts no miss."""
    expect_not_answered(desk, number)


@pytest.mark.parametrize("number", IN_AN_ACCOUNT)
def test_check_in_an_account_when_solved(desk: AccountDesk, number: str) -> None:
    """The solution passes, run again and again, and nothing but ok lines is printed."""
    expect_solved(desk, number)


@pytest.mark.parametrize("wrong", wrong_answers(IN_AN_ACCOUNT), ids=name_of)
def test_check_in_an_account_when_the_answer_is_wrong(desk: AccountDesk, wrong: dict[str, Any]) -> None:
    """A mistake that people make does not pass, and the line says what was found and where to look."""
    expect_refused(desk, wrong)

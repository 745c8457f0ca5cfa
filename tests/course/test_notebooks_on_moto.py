"""Every lesson on the target moto, in one kernel: strictly as shipped, solved, and once more as shipped."""

from __future__ import annotations

from pathlib import Path

import pytest

from classroom.account import steps, tables
from classroom.account.account import Account
from classroom.account.target import Target
from classroom.operations.cleanup import clean_up, find_ours
from localstage import LocalStage
from tests.course.account_picture import picture
from tests.course.nbval_runs import LESSONS, Lesson, clean_environment, number_of, run_strictly

BACKWARDS = [*reversed(LESSONS[:-1]), LESSONS[-1]]
"""The last lesson first, so that none finds what the one before it has left; cleaning up comes last."""
ALONE = "8"
"""The lesson whose kernel starts an emulator of its own; the others join their process's."""
ONCE = ("8", "8b", "10")
"""The lessons that are not run a second time."""
THEN = {"8b": "from tests.course.compared import expect_shown\nexpect_shown(rows, lesson.account)"}
"""By lesson, a cell that runs after all others: what must hold of values that its outputs do not show exactly."""
LEAVES = {"1": 2, "2": 3, "3": 4, "4": 5, "5": 6, "6": 7, "7": 8, "7a": 7, "7b": 7, "7c": 7}
"""By lesson, the lesson at whose beginning the account is as its cells leave it."""


@pytest.mark.parametrize("lesson", BACKWARDS, ids=lambda lesson: lesson.name)
def test_lesson_when_shipped_solved_and_run_again(
    lesson: Lesson, led_to_the_stage: LocalStage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """From any state each output is the committed one, each solution's check says ok, and all cells run again.

    The account is then as the next lesson finds it when it is opened first.
    """
    number, environment = number_of(lesson.shipped), clean_environment(tmp_path, CHAT_FRESH="1")
    if number != ALONE:
        environment = led_to_the_stage.changes().applied_to(environment)
    run_strictly(lesson, tmp_path, environment, solved=True, again=number not in ONCE, then=THEN.get(number, ""))
    monkeypatch.setenv("CHAT_FOLDER", environment["CHAT_FOLDER"])  # From here on this process goes on as the learner.
    account = Account(Target("moto", "lab", "us-east-1", "123456789012"))
    if number == "99":
        assert find_ours(account) == [] and tables.existing_tables(account) == set()
    if number in LEAVES:
        made_by_cells, ours = picture(account), {resource.name for resource in find_ours(account)}
        assert not any("practice" in name for name in ours), ours
        steps.set_up(account, LEAVES[number])
        assert picture(account) == made_by_cells
        clean_up(account)
        steps.set_up(account, LEAVES[number])
        assert picture(account) == made_by_cells

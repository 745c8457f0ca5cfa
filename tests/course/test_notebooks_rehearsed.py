"""Every lesson, strictly, on the target live, as a learner whom instructor.yaml restricts, with localstage as AWS.

There is no endpoint override: the same cells reach AWS's host names over TLS.
Tables, functions, stacks and roles take AWS's time there, calls are throttled
now and then: a cell without its waiter fails. One account serves all lessons,
several at a time, each under a prefix of its own and with its own learner's key:
a lesson that touches another learner's things, or needs more than the role
allows, fails. With longer delays: ``python -m tests.rehearsal --pace 2``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config

from localstage import LocalStage
from tests.course.instructed_learner import prepare
from tests.course.nbval_runs import LESSONS, Lesson, clean_environment, number_of, run_strictly
from tests.stage.target import StageTarget

AT_ONCE = 4
"""So many lessons at a time: they mostly wait."""
LONGEST = ("8b", "7b")
"""Those that begin before the others: they wait for minutes, and nothing else should wait for them."""


class Instructor(StageTarget):
    """The account's administrator, who tries a throttled call again."""

    def client(self, service: str, **options: Any) -> Any:
        config = Config(retries={"mode": "standard", "total_max_attempts": 10})
        return super().client(service, config=config, **options)


@pytest.fixture(scope="module")
def rehearsed(request: pytest.FixtureRequest, tmp_path_factory) -> Iterator[Callable[[Lesson], Future[None]]]:
    """The rehearsal of a lesson; those of all tests that were chosen are begun together."""
    chosen = [
        item.callspec.params["lesson"]
        for item in request.session.items
        if item.originalname == test_lesson_when_a_restricted_learner_runs_it_on_aws.__name__
    ]
    with LocalStage(like_aws=True) as stage, ThreadPoolExecutor(AT_ONCE) as pool:
        admin = Instructor(stage)

        def rehearse(lesson: Lesson, folder: Path) -> None:
            learner = prepare(admin, prefix_for(lesson))
            run_strictly(lesson, folder, learner.environment(clean_environment(folder)))

        chosen.sort(key=lambda lesson: number_of(lesson.shipped) not in LONGEST)
        runs = {lesson: pool.submit(rehearse, lesson, tmp_path_factory.mktemp(lesson.name)) for lesson in chosen}
        yield runs.__getitem__
        for run in runs.values():
            run.cancel()


def prefix_for(lesson: Lesson) -> str:
    """Ann, who cleans up in lesson 99, has a name with which all others begin: what she deletes must not be theirs."""
    return "ann" if lesson is LESSONS[-1] else f"ann{number_of(lesson.shipped)}"


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.name)
def test_lesson_when_a_restricted_learner_runs_it_on_aws(lesson: Lesson, rehearsed) -> None:
    """With no endpoint variable, a learner's key and AWS's pace the outputs are the committed ones."""
    rehearsed(lesson).result()

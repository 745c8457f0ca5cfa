"""The whole course as a learner whom instructor.yaml restricts: live, with policies enforced, in a prepared account."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.course.instructed_learner import Learner, prepared_account
from tests.course.nbval_runs import NOTEBOOKS, clean_environment, run_strictly


@pytest.fixture(scope="module")
def learner() -> Iterator[Learner]:
    with prepared_account("ann") as (_, learners):
        yield learners[0]


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_when_a_restricted_learner_runs_it(learner: Learner, notebook: Path, tmp_path: Path) -> None:
    """Each notebook needs nothing beyond the learner's role, and its outputs are the committed ones."""
    run_strictly(notebook, learner.environment(clean_environment(tmp_path)))

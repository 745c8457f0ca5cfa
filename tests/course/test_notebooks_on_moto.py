"""Every notebook, strictly, on a local stage that its own kernel starts."""

from __future__ import annotations

import time

import pytest

from tests.course.nbval_runs import NOTEBOOKS, WITHIN_S, clean_environment, run_strictly


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_on_moto(notebook, tmp_path):
    """The notebook runs from an empty account, every output is the committed one, in under a minute."""
    begun = time.monotonic()
    run_strictly(notebook, clean_environment(tmp_path))
    assert time.monotonic() - begun < WITHIN_S

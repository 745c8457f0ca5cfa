"""Every notebook, strictly, on a local stage that its own kernel starts."""

from __future__ import annotations

import os
import time

import pytest

from tests.course.nbval_runs import NOTEBOOKS, WITHIN_S, clean_environment, run_strictly


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_on_moto(notebook, tmp_path):
    """The notebook runs from an empty account, every output is the committed one, in under a minute."""
    begun = time.monotonic()
    run_strictly(notebook, clean_environment(tmp_path))
    assert time.monotonic() - begun < WITHIN_S * busy()


def busy() -> float:
    """How much longer things take because other work wants the processors, too; 1 on a machine with room."""
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    return max(1.0, load / (os.cpu_count() or 1))

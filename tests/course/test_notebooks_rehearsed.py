"""Every notebook, strictly, on the target live, with the local stage in AWS's place.

There is no endpoint override: the same cells reach AWS's host names over TLS.
"""

from __future__ import annotations

import pytest

from tests.course.nbval_runs import NOTEBOOKS, REHEARSE, clean_environment, run_strictly


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_rehearsed(notebook, tmp_path):
    """With CHAT_TARGET=live and no endpoint variable the outputs are the committed ones."""
    run_strictly(notebook, clean_environment(tmp_path, CHAT_TARGET="live"), REHEARSE)

"""Every notebook, strictly, on the target live, with the local stage in AWS's place and at AWS's pace.

There is no endpoint override: the same cells reach AWS's host names over TLS.
Tables, functions, stacks and roles take their time there, calls are throttled
now and then: a cell without its waiter fails here. The same with longer delays:
``python -m tests.rehearsal --pace 2``.
"""

from __future__ import annotations

import pytest

from tests.course.nbval_runs import NOTEBOOKS, clean_environment, rehearsal, run_strictly


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_rehearsed(notebook, tmp_path):
    """With CHAT_TARGET=live, no endpoint variable and everything slow the outputs are the committed ones."""
    run_strictly(notebook, clean_environment(tmp_path, CHAT_TARGET="live"), rehearsal())

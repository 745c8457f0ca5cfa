"""Every notebook, strictly, on the target live, with the local stage in AWS's place and at AWS's pace.

There is no endpoint override: the same cells reach AWS's host names over TLS.
Tables, functions, stacks and roles take their time there, calls are throttled
now and then: a cell without its waiter fails here. The same with longer delays:
``python -m tests.rehearsal --pace 2``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.course.nbval_runs import NOTEBOOKS, WITHIN_S, clean_environment, rehearsal, run_strictly

AT_ONCE = 3
"""So many rehearsals at a time: they mostly wait."""


@pytest.fixture(scope="module")
def rehearsed(request, tmp_path_factory) -> Iterator[Callable[[Path], Future[None]]]:
    """The rehearsal of a notebook; those of all tests that were chosen are begun together."""
    chosen = [
        item.callspec.params["notebook"]
        for item in request.session.items
        if item.originalname == test_notebook_rehearsed.__name__
    ]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        runs = {
            notebook: pool.submit(
                run_strictly,
                notebook,
                clean_environment(tmp_path_factory.mktemp(notebook.stem), CHAT_TARGET="live"),
                rehearsal(),
                2 * WITHIN_S,
            )
            for notebook in chosen
        }
        yield runs.__getitem__
        for run in runs.values():
            run.cancel()


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_rehearsed(notebook, rehearsed):
    """With CHAT_TARGET=live, no endpoint variable and everything slow the outputs are the committed ones."""
    rehearsed(notebook).result()

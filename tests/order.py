"""Which process of pytest-xdist gets which tests, and in what order: the longest first, so that all end together."""

from __future__ import annotations

import pytest
from xdist.scheduler import LoadScopeScheduling

FIRST = (
    "tests/course/test_notebooks_rehearsed.py",
    "tests/course/test_notebooks_on_moto.py",
    "tests/course/test_lessons.py",
    "tests/course/",
    "tests/process/",
    "tests/stage/",
)
"""Beginnings of node ids, in the order in which their tests begin; what is not named here comes last."""
APART = ("tests/course/test_notebooks_on_moto.py",)
"""Files whose tests are long and share nothing that is dear: each may run in another process."""


def place(item: pytest.Item) -> int:
    """Where a test stands in the order; tests of one place keep the order in which they were found."""
    return next((number for number, start in enumerate(FIRST) if item.nodeid.startswith(start)), len(FIRST))


class ByModule(LoadScopeScheduling):
    """Gives a process one module after another, in the order of collection, and single tests of the files apart."""

    def _split_scope(self, nodeid: str) -> str:
        return nodeid if nodeid.startswith(APART) else nodeid.partition("::")[0]

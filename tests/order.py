"""Which process of pytest-xdist gets which tests, and in what order: the longest first, so that all end together.

``--shuffle 7`` runs modules, and the tests in each, in an order that the number 7 gives instead.
"""

from __future__ import annotations

import random

import pytest
from xdist.scheduler import LoadScopeScheduling

FIRST = (
    "tests/course/test_notebooks_rehearsed.py",
    "tests/course/test_notebooks_on_moto.py",
    "tests/course/test_course_on_an_account.py",
    "tests/process/test_exercises.py",
    "tests/course/test_lessons_in_jupyterlab.py",
    "tests/course/test_page_and_panel.py",
    "tests/course/test_permissions_of_the_chat.py",
    "tests/process/test_course_command_set_up.py",
    "tests/process/test_localstage_command.py",
    "tests/course/",
    "tests/process/",
    "tests/stage/",
)
"""Beginnings of node ids, in the order in which their tests begin; what is not named here comes last.

What took longest, in seconds of a process that has a core to itself, is named by file.
"""
APART = ("tests/course/test_notebooks_on_moto.py",)
"""Files whose tests are long and share nothing that is dear: each may run in another process."""


def shuffle(items: list[pytest.Item], seed: int) -> None:
    """Put modules, and the tests in each, in an order that is the same for the same seed and tests."""
    lots = random.Random(seed)
    modules = {item.nodeid.partition("::")[0]: lots.random() for item in items}
    draws = {item.nodeid: lots.random() for item in items}
    items.sort(key=lambda item: (modules[item.nodeid.partition("::")[0]], draws[item.nodeid]))


def place(item: pytest.Item) -> int:
    """Where a test stands in the order; tests of one place keep the order in which they were found."""
    return next((number for number, start in enumerate(FIRST) if item.nodeid.startswith(start)), len(FIRST))


class ByModule(LoadScopeScheduling):
    """Gives a process one module after another, in the order of collection, and single tests of the files apart."""

    def _split_scope(self, nodeid: str) -> str:
        return nodeid if nodeid.startswith(APART) else nodeid.partition("::")[0]

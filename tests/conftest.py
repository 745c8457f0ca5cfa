"""For every tier: a machine without a browser is told so in one line, not once for each test."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest

from tests.course.jupyterlab import NO_BROWSER


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    """Give the skips for want of a browser one place: pytest's summary folds what has the same place and reason."""
    report = yield
    if report.skipped and isinstance(report.longrepr, tuple) and NO_BROWSER in report.longrepr[2]:
        report.longrepr = ("the browser tests", None, report.longrepr[2])
    return report

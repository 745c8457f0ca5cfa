"""How nbval runs these notebooks: after the first failed cell the rest of that notebook is skipped.

    python -m pytest --nbval --nbval-current-env --nbval-cell-timeout 60 notebooks/

Cells tagged ``cleanup`` run in any case.
"""

from __future__ import annotations

import pytest


def pytest_runtest_makereport(item, call):
    """Remember on the notebook that one of its cells failed."""
    if call.when == "call" and call.excinfo is not None and hasattr(item, "cell"):
        item.parent.failed_before = not call.excinfo.errisinstance(pytest.skip.Exception)


def pytest_runtest_setup(item):
    """Skip what follows a failed cell: its own failures would only hide the cause."""
    if getattr(item, "cell", None) is not None and getattr(item.parent, "failed_before", False):
        if "cleanup" not in item.cell.metadata.get("tags", ()):
            pytest.skip("an earlier cell of this notebook failed")

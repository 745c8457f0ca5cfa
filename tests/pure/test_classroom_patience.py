"""How long a cell waits, by what else the machine has to do."""

from __future__ import annotations

import os

import pytest

from classroom.panel.chat_panel import WAIT_S
from classroom.patience import patience
from localstage.core.snapshot import Integration


@pytest.mark.parametrize(("load", "seconds"), [(0.2, 10), (4.0, 10), (6.0, 15), (8.0, 20), (140.0, 30)])
def test_patience_when_four_processors_have_work(monkeypatch, load, seconds):
    """As long as a processor is free it is what was asked for; then it grows with those who wait, to three times."""
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    monkeypatch.setattr(os, "getloadavg", lambda: (load, 0.0, 0.0), raising=False)
    assert patience(None, 10) == seconds


def test_patience_when_there_is_no_load_average(monkeypatch):
    """Windows has none."""
    monkeypatch.delattr(os, "getloadavg", raising=False)
    assert patience(None, 10) == 10


def test_patience_when_an_integration_takes_all_its_time(monkeypatch):
    """With thirty learners on a machine a panel waits longer than API Gateway does: answers come that late there."""
    monkeypatch.setattr(os, "getloadavg", lambda: (35.0 * (os.cpu_count() or 1), 0.0, 0.0), raising=False)
    assert patience(None, WAIT_S) * 1000 >= Integration.timeout_ms

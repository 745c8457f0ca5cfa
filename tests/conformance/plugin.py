"""Of the tests of the stage tier, those that a real account can be asked; what each has seen goes to a file.

A pytest plugin: ``-p tests.conformance.plugin --sightings FILE``. It deselects every other
test. The file is JSON, and what is in it is redacted already.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.redaction import Redactor
from tests.conformance.watching import Sightings, Watched
from tests.stage import target as targets

LAST_SECTION = 9
"""Sections 1 to 9 are what a WebSocket API and its functions do. IAM and CloudFormation are not asked."""
_LOCAL = {"stage", "moved"}
"""Fixtures that only localstage has; who uses them, or what uses them, stays here."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--sightings", type=Path, metavar="FILE", help="write down what each test has seen")
    parser.addoption("--row", action="append", default=[], metavar="ROW", help="only the tests of this row")


def pytest_configure(config: pytest.Config) -> None:
    watch = Watch()
    config.stash[targets.WATCHER] = watch.watched
    config.pluginmanager.register(watch, "watch")


class Watch:
    """Chooses the tests and keeps what they see."""

    def __init__(self) -> None:
        self.sightings = Sightings()
        self._tests: dict[str, dict[str, Any]] = {}
        self._account = ""

    def watched(self, target: targets.Target) -> targets.Target:
        """The target of the session, from now on watched."""
        self._account = target.client("sts").get_caller_identity()["Account"]
        return Watched(target, self.sightings)

    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        wanted = set(config.getoption("--row"))
        chosen = [item for item in items if _can_be_asked(item) and (not wanted or wanted & set(rows_of(item)))]
        config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
        items[:] = chosen

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        self.sightings.begin()
        self._tests[item.nodeid] = {"rows": rows_of(item), "outcome": "passed", "seen": []}

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
        report = yield
        test = self._tests[item.nodeid]
        if call.when == "call" or report.failed:
            test["seen"] = list(self.sightings.lines)
        if report.failed:
            test["outcome"] = f"{call.when} failed: {_first_words(report)}"
        return report  # type: ignore[return-value]

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        known = dict.fromkeys(self.sightings.api_ids, "api") | {self._account: "account"}
        written = {
            "tests": {name: _redacted(test, Redactor(known)) for name, test in self._tests.items()},
            "counts": dict(self.sightings.counts),
        }
        session.config.getoption("--sightings").write_text(json.dumps(written, ensure_ascii=False), "utf-8")


def rows_of(item: pytest.Item) -> list[str]:
    """The rows whose marks a test carries."""
    return [row for mark in item.iter_markers("fidelity") for row in mark.args]


def _can_be_asked(item: pytest.Item) -> bool:
    fixtures = set(getattr(item, "fixturenames", ()))
    return bool(
        rows_of(item)
        and all(int(row.split(".")[0]) <= LAST_SECTION for row in rows_of(item))
        and "target" in fixtures
        and not _LOCAL & fixtures
        and item.get_closest_marker("stays_here") is None
    )


def _first_words(report: pytest.TestReport) -> str:
    lines = [line[1:].strip() for line in report.longreprtext.splitlines() if line.startswith("E")]
    return " ".join(lines[:6])[:600]


def _redacted(test: dict[str, Any], redactor: Redactor) -> dict[str, Any]:
    names = targets.NAMES
    return {
        **test,
        "seen": [names.sub("<name>", redactor.redact(names.sub("<name>", line))) for line in test["seen"]],
        "outcome": redactor.redact(names.sub("<name>", test["outcome"])),
    }

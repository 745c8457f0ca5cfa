"""The benchmark's table and JSON say what the rounds have found."""

from __future__ import annotations

import json

from tests.benchmarks.report import Report
from tests.benchmarks.rows import Row

CONNECT = Row("connect", "ms", measure=None)


def report_of(*rounds: tuple[str, dict]) -> Report:
    report = Report(["localstage", "floor"], ["course.py", "bench"])
    for subject, figures in rounds:
        report.add(CONNECT, subject, figures)
    return report


def test_table_when_rounds_differ():
    """A cell has median, least and most; a ratio is the median of the ratios within a round, not of the medians."""
    report = report_of(
        *(("localstage", {"value": value, "cpu ms": 1.5}) for value in (10.0, 30.0, 20.0)),
        *(("floor", {"value": value, "cpu ms": 1.0}) for value in (10.0, 10.0, 20.0)),
    )
    _, _, times, costs = report.table().splitlines()
    assert [cell.strip() for cell in times.split("|")[1:-1]] == [
        "connect, ms",
        "20.0 (10.0 to 30.0)",
        "10.0 (10.0 to 20.0)",
        "1.00",
    ]
    assert [cell.strip() for cell in costs.split("|")[1:-1]][-1] == "1.50"


def test_table_when_something_was_lost_or_not_measured():
    """A lost message is in the cell, and what was not measured is said with its reason."""
    report = report_of(("localstage", {"value": 1234.0, "lost": 3}))
    report.could_not("floor", CONNECT, "it did not start")
    assert "1,234, 3 lost" in report.table()
    assert report.table().splitlines()[-1] == "Not measured: connect, floor: it did not start"


def test_json_when_a_run_ends(tmp_path):
    """The JSON has the command, the machine and each round's figures."""
    report_of(("localstage", {"value": 2.0}), ("localstage", {"value": 4.0})).write(tmp_path / "bench.json")
    found = json.loads((tmp_path / "bench.json").read_text())
    assert found["command"] == "course.py bench" and found["cores"] and found["python"]
    value = found["rows"]["connect"]["subjects"]["localstage"]["value"]
    assert value == {"median": 3.0, "min": 2.0, "max": 4.0, "rounds": [2.0, 4.0]}

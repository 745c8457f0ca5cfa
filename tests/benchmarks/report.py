"""What a run has found: kept by row and subject, printed as a table, written as JSON.

A cell is the median of the rounds with the least and the most; a ratio is the
median of the ratios within a round, so that what slows a whole round down
counts on both sides.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.benchmarks.rows import Figures, Row

_ROOT = Path(__file__).resolve().parents[2]


class Report:
    """The figures of a run. The first subject is the one that the others are compared with."""

    def __init__(self, subjects: list[str], command: list[str]):
        self._subjects = subjects
        self._rows: dict[str, Row] = {}
        self._rounds: dict[str, dict[str, list[Figures]]] = {}
        self._not_measured: dict[str, str] = {}
        self._facts = {
            "command": " ".join(command),
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "commit": _commit(),
            "python": platform.python_version(),
            "system": platform.platform(),
            "processor": _processor(),
            "cores": os.cpu_count(),
        }

    def add(self, row: Row, subject: str, figures: Figures) -> None:
        """Takes the figures of one round."""
        self._rows[row.title] = row
        self._rounds.setdefault(row.title, {}).setdefault(subject, []).append(figures)

    def could_not(self, subject: str, row: Row | None, why: str) -> None:
        """Takes note of what could not be measured."""
        self._not_measured[subject if row is None else f"{row.title}, {subject}"] = why

    def table(self) -> str:
        """The table in Markdown; the columns with ÷ are the first subject's figures over the others'."""
        first, *others = self._subjects
        heads = ["", *self._subjects, *(f"÷ {other}" for other in others)]
        lines = [heads, ["---"] * len(heads)]
        for title, row in self._rows.items():
            cells = [self._cell(title, subject) for subject in self._subjects]
            ratios = [self._ratio(title, first, other) for other in others]
            lines.append([f"{title}, {row.unit}", *cells, *ratios])
            for name in self._costs(title):
                cells = [self._cell(title, subject, name) for subject in self._subjects]
                ratios = [self._ratio(title, first, other, name) for other in others]
                lines.append([f"— {name}", *cells, *ratios])
        widths = [max(len(line[index]) for line in lines) for index in range(len(heads))]
        text = [
            "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |"
            for line in lines
        ]
        failed = [f"Not measured: {what}: {why}" for what, why in self._not_measured.items()]
        return "\n".join(text + (["", *failed] if failed else []))

    def write(self, path: Path) -> None:
        """Writes everything that is known as JSON."""
        rows: dict[str, Any] = {}
        for title, by_subject in self._rounds.items():
            summaries = {subject: _summary(rounds) for subject, rounds in by_subject.items()}
            rows[title] = {"unit": self._rows[title].unit, "subjects": summaries}
        document = {**self._facts, "rows": rows, "not measured": self._not_measured}
        path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")

    def _costs(self, title: str) -> list[str]:
        """The names of a row's figures of processor time, which another program on the machine changes little."""
        found = (name for rounds in self._rounds[title].values() for name in rounds[0] if name.startswith("cpu"))
        return list(dict.fromkeys(found))

    def _cell(self, title: str, subject: str, name: str = "value") -> str:
        rounds = self._rounds[title].get(subject)
        if not rounds:
            return "–"
        values = [figures[name] for figures in rounds]
        text = _short(statistics.median(values))
        if len(values) > 1:
            text += f" ({_short(min(values))} to {_short(max(values))})"
        lost = sum(figures.get("lost", 0) for figures in rounds) if name == "value" else 0
        return text + (f", {lost:.0f} lost" if lost else "")

    def _ratio(self, title: str, first: str, other: str, name: str = "value") -> str:
        ours, theirs = (self._rounds[title].get(subject, []) for subject in (first, other))
        pairs = [(a[name], b[name]) for a, b in zip(ours, theirs, strict=False) if b.get(name)]
        return f"{statistics.median(a / b for a, b in pairs):.2f}" if pairs else "–"


def _summary(rounds: list[Figures]) -> dict[str, Any]:
    names = list(dict.fromkeys(name for figures in rounds for name in figures))
    return {
        name: {"median": statistics.median(values), "min": min(values), "max": max(values), "rounds": values}
        for name in names
        if (values := [figures[name] for figures in rounds if name in figures])
    }


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _commit() -> str:
    try:
        answer = subprocess.run(
            ["git", "describe", "--always", "--dirty"], cwd=_ROOT, capture_output=True, text=True, timeout=10
        )
    except OSError:
        return ""
    return answer.stdout.strip()


def _processor() -> str:
    if sys.platform == "linux":
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor()

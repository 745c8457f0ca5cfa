"""The page that shows, row by row, what AWS and localstage answered.

Pure: two sets of sightings in, Markdown out. Both are redacted already.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.fidelity.rows import Row, Section

_CELL = 160
"""Characters of a cell; the whole stands below the table."""


@dataclass(frozen=True)
class Occasion:
    """When, where and of what the two were asked."""

    asked: str
    """In one line: the day, the region, the commit, the system."""
    rehearsed: bool
    """Whether localstage stood in AWS's place, too."""


def differing_rows(aws: Mapping[str, Any], here: Mapping[str, Any]) -> list[str]:
    """The ids of the rows of which a test saw something else on AWS than here."""
    return sorted({row for name, test in aws.items() if seen_in(test) != seen_in(here[name]) for row in test["rows"]})


def seen_in(test: Mapping[str, Any]) -> list[str]:
    """What one test saw, and in the last line what it thinks of it."""
    return [*test["seen"], f"test {test['outcome']}"]


def page(sections: Iterable[Section], aws: Mapping[str, Any], here: Mapping[str, Any], occasion: Occasion) -> str:
    """The whole page. ``aws`` and ``here`` hold the same tests: rows, outcome and what was seen, by the test's name."""
    rows = [row for section in sections for row in section.rows]
    asked = {row.id: [name for name, test in aws.items() if row.id in test["rows"]] for row in rows}
    different = [name for name, test in aws.items() if seen_in(test) != seen_in(here[name])]
    not_asked = [row.id for row in rows if not asked[row.id]]
    return "\n".join(
        [
            "# AWS and localstage, asked the same",
            "",
            *_opening(occasion, len(differing_rows(aws, here)), sum(map(bool, asked.values()))),
            "",
            "| Row | Statement | AWS | Here | Same |",
            "|---|---|---|---|---|",
            *(_line(row, asked[row.id], aws, here) for row in rows if asked[row.id]),
            "",
            f"Not asked: {', '.join(not_asked) or 'none'}.",
            "",
            "## Where they differ",
            "",
            *(line for name in different for line in _difference(name, aws[name], here[name])),
            *([] if different else ["Nowhere.", ""]),
            "## What AWS answered",
            "",
            *(line for name, test in aws.items() for line in _block(name, seen_in(test), "text")),
        ]
    )


def _opening(occasion: Occasion, different: int, asked: int) -> list[str]:
    who = "A rehearsal: localstage stood in AWS's place, too. This is nothing to send in." if occasion.rehearsed else ""
    return [
        *([who, ""] if who else []),
        f"Asked: {occasion.asked}. Rows: {asked}; different: {different}.",
        "",
        "Account and API ids, connection and request ids, names, times, addresses and secrets are replaced by words",
        "in angle brackets. Ids that were equal have equal numbers within a test. `>` was sent, `<` was received;",
        "the number before it says on which of the test's connections.",
    ]


def _line(row: Row, names: list[str], aws: Mapping[str, Any], here: Mapping[str, Any]) -> str:
    statement = f"{row.statement} *(unsure: {row.unsure})*" if row.unsure else row.statement
    for name in names:
        there, ours = seen_in(aws[name]), seen_in(here[name])
        if there != ours:
            at = next(index for index in range(len(there) + 1) if there[index : index + 1] != ours[index : index + 1])
            cells = [_cell("".join(lines[at : at + 1]) or "nothing") for lines in (there, ours)]
            return f"| {row.id} | {_escaped(statement)} | {cells[0]} | {cells[1]} | **no** |"
    seen = seen_in(aws[names[0]])
    agreed = "yes" if all(aws[name]["outcome"] == "passed" for name in names) else "yes, and the row is true of neither"
    return f"| {row.id} | {_escaped(statement)} | {_cell(_telling(seen))} | the same | {agreed} |"


def _telling(seen: list[str]) -> str:
    """The line that says most: the last but the goodbye."""
    said = [line for line in seen[:-1] if not line.endswith(("> close", "< close 1000"))]
    return (said or seen)[-1]


def _difference(name: str, aws: Mapping[str, Any], here: Mapping[str, Any]) -> list[str]:
    there, ours = seen_in(aws), seen_in(here)
    lines = list(difflib.unified_diff(there, ours, "AWS", "localstage", lineterm="", n=len(there) + len(ours)))
    return _block(
        f"{name} (row {', '.join(aws['rows'])})", [line for line in lines if not line.startswith("@@")], "diff"
    )


def _block(title: str, lines: Iterable[str], language: str) -> list[str]:
    return [f"### {title}", "", f"````{language}", *(line.replace("````", "` ` ` `") for line in lines), "````", ""]


def _cell(text: str) -> str:
    text = " ".join(text.split()).replace("`", "'")
    short = text if len(text) <= _CELL else f"{text[:_CELL]}…"
    return f"`{_escaped(short)}`"


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")

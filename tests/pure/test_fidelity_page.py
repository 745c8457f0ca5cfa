"""FIDELITY.md is true: every row has a test or says why not, and the page is fresh."""

from __future__ import annotations

import re
from collections import Counter

from tests.fidelity.page import page
from tests.fidelity.rows import ROOT, proofs, sections

ROWS = [row for section in sections() for row in section.rows]
_GUESS = re.compile(r"Guess(?: \(([^)]*)\))?:")


def first_cells() -> list[str]:
    """What the rows of the page of differences are about."""
    table = (ROOT / "docs" / "differences.md").read_text("utf-8")
    return [line.split("|")[1].strip() for line in table.splitlines() if line.startswith("|")]


def test_rows_when_numbered():
    """Ids are unique and belong to their section."""
    assert [row_id for row_id, count in Counter(row.id for row in ROWS).items() if count > 1] == []
    assert all(row.id.startswith(f"{section.number}.") for section in sections() for row in section.rows)


def test_marks_when_compared_with_the_rows():
    """No test marks a row that does not exist."""
    assert set(proofs()) - {row.id for row in ROWS} == set()


def test_rows_when_compared_with_the_marks():
    """Every row has a test, or says why it has none."""
    proved = proofs()
    assert [row.id for row in ROWS if row.id not in proved and not row.not_yet] == []


def test_differences_when_compared_with_their_page():
    """A row that differs, or is unsure, names a row of the page of differences."""
    known = first_cells()
    assert [row.differs for row in ROWS if row.differs and row.differs not in known] == []
    assert [row.id for row in ROWS if row.unsure and not row.differs] == []


def test_guesses_when_compared_with_the_page_of_differences():
    """Each guess in localstage's source names the first words of one row of that page."""
    known = first_cells()
    nameless = [
        f"{path.relative_to(ROOT).as_posix()}: {guess[0]}"
        for path in sorted((ROOT / "localstage").rglob("*.py"))
        for guess in _GUESS.finditer(path.read_text("utf-8"))
        if not guess[1] or sum(cell.startswith(guess[1]) for cell in known) != 1
    ]
    assert nameless == []


def test_page_when_rows_or_tests_changed():
    """The committed page is what ``python -m tests.fidelity`` writes."""
    assert (ROOT / "FIDELITY.md").read_text("utf-8") == page()
    assert "(FIDELITY.md)" in (ROOT / "README.md").read_text("utf-8")
    assert "(../FIDELITY.md)" in (ROOT / "docs" / "differences.md").read_text("utf-8")

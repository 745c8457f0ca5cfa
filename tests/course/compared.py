"""What the comparison of lesson 8b has to show; the lesson's kernel looks when its cells have run."""

from __future__ import annotations

import re

from classroom.account.account import Account
from classroom.labs.comparison import Row, table
from classroom.labs.variants import VARIANTS
from classroom.operations.cleanup import find_ours

SHOWN = {
    "people who are let in, of 3": ["3", "3", "0 → 3 → 3", "3", "3"],
    "messages that somebody else hears, of 10": ["10", "10", "– → 0 → 10", "10", "10"],
    "the sender hears them": ["yes", "yes", "– → no → yes", "no", "yes"],
    "messages kept, of 10": ["few → 10", "0", "– → 0 → 10", "0", "10"],
    "kept in their order": ["yes", "–", "– → – → no", "–", "no"],
    "people who miss a long message in Greek": ["3 → 0", "0", "– → – → 0", "0", "3 → 0"],
    "people who lose their row by it": ["3 → 0", "0", "– → – → 0", "0", "0"],
    "people who miss a message, with two pages of connections": ["1 → 0", "1 → 0", "– → – → 0", "–", "1 → 0"],
    "somebody has vanished: whose row is deleted": [
        "their own",
        "their own",
        "– → – → their own",
        "nobody's → their own",
        "the sender's → their own",
    ],
    "rows of connections when everybody has gone": ["0", "0", "3 → 0 → 0", "1 → 0", "1 → 0"],
    "sessions closed with their length, of 3": ["–", "–", "0 → 0 → 3", "–", "–"],
    "who answers an unknown action": [
        "API Gateway",
        "API Gateway",
        "– → $default → $default",
        "$default",
        "API Gateway",
    ],
    "its functions may touch everything in the account": ["yes → no", "no", "no", "no", "yes → no"],
    "read units per message": ["0.5 → 1", "0.5 → 1", "– → – → 1", "0.5 → 1", "0.5 → 1"],
    "write units per message": ["1", "0", "– → – → 1", "0", "1"],
    "management calls per message, 3 connected": ["3", "3", "– → – → 3", "2", "3"],
}


def expect_shown(rows: list[Row], account: Account) -> None:
    """Each cell is what the variant did, as published and as mended, and no variant has left anything."""
    assert [(row.variant, row.form) for row in rows] == [(one.name, form) for one in VARIANTS for form in one.forms]
    few = rows[0].kept
    assert 1 <= few <= rows[0].seconds + 2, "s0 as published keeps one message of each second"
    head, _, *lines = [line.strip("| ").split(" | ") for line in table(rows).splitlines()]
    assert head == [one.name for one in VARIANTS], head
    shown = {name: cells for name, *cells in lines}
    shown["messages kept, of 10"][0] = shown["messages kept, of 10"][0].replace(f"{few} →", "few →")
    assert shown == SHOWN, shown
    left = [one for one in find_ours(account) if re.search(rf"\b{account.prefix}-s\d-", one.name)]
    assert not left, left

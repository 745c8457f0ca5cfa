"""The five write-ups side by side, as published and as mended, as numbers that come of running them.

``compare`` deploys each form of each variant, lets three people chat in it
(``measuring``), and deletes it again. Everything in a row is measured or read
from the account, on moto as on live.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from typing import Any

from classroom.account import packages
from classroom.account.account import Account
from classroom.labs import variants
from classroom.labs.measuring import MESSAGES, PEOPLE, Row, measure
from classroom.labs.variants import VARIANTS, Variant

_NO = "–"
"""In a cell: nobody is there who could try it, or there is nothing of the kind."""
_LINES = {
    "let_in": f"people who are let in, of {PEOPLE}",
    "heard": f"messages that somebody else hears, of {MESSAGES}",
    "sender_hears": "the sender hears them",
    "kept": f"messages kept, of {MESSAGES}",
    "ordered": "kept in their order",
    "long_missed": "people who miss a long message in Greek",
    "long_lost": "people who lose their row by it",
    "page_missed": "people who miss a message, with two pages of connections",
    "forgotten": "somebody has vanished: whose row is deleted",
    "left": "rows of connections when everybody has gone",
    "sessions": f"sessions closed with their length, of {PEOPLE}",
    "unknown_action": "who answers an unknown action",
    "everywhere": "its functions may touch everything in the account",
    "read_units": "read units per message",
    "write_units": "write units per message",
    "management_calls": f"management calls per message, {PEOPLE} connected",
}


def compare(account: Account, chosen: Iterable[Variant] = VARIANTS) -> list[Row]:
    """Deploy the variants form by form, measure one after the other, delete them. Raises ``StackFailed`` or ``CheckFailed``.

    The rows of a variant follow each other, as published first. The stacks of a
    form are made and deleted at the same time, since each spends most of it waiting.
    """
    chosen = list(chosen)
    packages.ensure_bucket(account)  # before the threads: the bucket is made once,
    account.client("cloudformation")  # and making a client is not safe in threads, using it is
    found = {}
    for form in dict.fromkeys(form for variant in chosen for form in variant.forms):
        for row in _measured(account, form, [variant for variant in chosen if form in variant.forms]):
            found[row.variant, form] = row
    return [found[variant.name, form] for variant in chosen for form in variant.forms]


def _measured(account: Account, form: str, chosen: list[Variant]) -> list[Row]:
    with ThreadPoolExecutor(len(chosen)) as at_once:
        outputs = list(at_once.map(lambda variant: variants.deploy(account, variant.name, form), chosen))
        rows = [
            measure(account, variant, form, found["WebSocketUrl"])
            for variant, found in zip(chosen, outputs, strict=True)
        ]
        list(at_once.map(lambda variant: variants.remove(account, variant.name, form), chosen))
    return rows


def table(rows: Iterable[Row]) -> str:
    """The rows as a Markdown table, one variant to a column; in a cell "1 → 10" is 1 as published and 10 as mended."""
    columns = {name: list(forms) for name, forms in groupby(rows, key=lambda row: row.variant)}
    head = ["", *columns]
    lines = [
        [words, *(_cell([getattr(row, field) for row in forms]) for forms in columns.values())]
        for field, words in _LINES.items()
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in [head, ["---"] * len(head), *lines])


def _cell(values: list[Any]) -> str:
    """A value of each form, or one if they are the same."""
    texts = [_text(value) for value in values]
    return texts[0] if len(set(texts)) == 1 else " → ".join(texts)


def _text(value: Any) -> str:
    if value is None:
        return _NO
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)

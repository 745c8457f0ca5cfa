"""The rows of the fidelity specification and the tests that carry their marks.

A test says which rows it proves with ``@pytest.mark.fidelity("2.3", …)``, or a
module for all its tests with ``pytestmark``. Marks are read from the source
text: nothing is imported. Does not know what the page looks like.
"""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_ROWS = Path(__file__).parent / "rows.toml"


@dataclass(frozen=True)
class Row:
    """One row. ``id`` is section and number, such as ``2.3``."""

    id: str
    statement: str
    unsure: str | None = None
    """What the specification is not sure of, and what is done here."""
    differs: str | None = None
    """The first cell of the row in docs/differences.md, "Where localstage differs from AWS"."""
    not_yet: str | None = None
    """Why the row is not true of the stage, or not proved, yet."""


@dataclass(frozen=True)
class Section:
    """One section of the specification."""

    number: int
    title: str
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Proof:
    """A test that carries the mark of a row."""

    path: str
    test: str


def sections() -> list[Section]:
    """All sections in order."""
    listed = tomllib.loads(_ROWS.read_text("utf-8"))["section"]
    return [Section(one["number"], one["title"], tuple(Row(**row) for row in one["row"])) for one in listed]


def proofs() -> dict[str, list[Proof]]:
    """The tests of each marked row, by row id, in the order of files and lines."""
    found: dict[str, list[Proof]] = {}
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        name = path.relative_to(ROOT).as_posix()
        for test, row_id in _marks(ast.parse(path.read_text("utf-8"))):
            found.setdefault(row_id, []).append(Proof(name, test))
    return found


def _marks(module: ast.Module) -> Iterator[tuple[str, str]]:
    of_all = [
        row_id
        for statement in module.body
        if isinstance(statement, ast.Assign)
        and any(isinstance(name, ast.Name) and name.id == "pytestmark" for name in statement.targets)
        for row_id in _row_ids(statement.value)
    ]
    for statement in module.body:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef) and statement.name.startswith("test_"):
            own = [row_id for decorator in statement.decorator_list for row_id in _row_ids(decorator)]
            yield from ((statement.name, row_id) for row_id in dict.fromkeys(own + of_all))


def _row_ids(expression: ast.expr) -> list[str]:
    return [
        argument.value
        for call in ast.walk(expression)
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "pytest.mark.fidelity"
        for argument in call.args
        if isinstance(argument, ast.Constant)
    ]

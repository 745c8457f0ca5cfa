"""Which names of a notebook are out of date because the cell that defines them stopped with an error.

A cell that failed leaves the names of an earlier run in place, and a check
would judge those. ``watch`` looks at each cell after it has run and remembers
what it would have defined. What else may be said about the error is said by
the lesson that has been started.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from typing import Any

_ASSIGNED = re.compile(r"^(?:def\s+|class\s+)?([A-Za-z_]\w*)\s*(?:\(|=(?!=)|:)", re.MULTILINE)


class CellWatch:
    """Remembers, for each name, the error of the last cell that should have defined it."""

    def __init__(self) -> None:
        self._failed: dict[str, str] = {}
        self.explain: Callable[[BaseException], None] | None = None
        """What is called with the error of each cell that failed."""

    def after_cell(self, result: Any) -> None:
        """IPython's event ``post_run_cell``."""
        error = result.error_before_exec or result.error_in_exec
        for name in defined_by(result.info.raw_cell or ""):
            if error is None:
                self._failed.pop(name, None)
            else:
                self._failed[name] = f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"
        if error is not None and self.explain is not None:
            self.explain(error)

    def error_of(self, name: str) -> str:
        """The error that stopped the last cell that should have defined a name; "" if it ran."""
        return self._failed.get(name, "")


def defined_by(cell: str) -> set[str]:
    """The names that a cell defines at its outermost level, as far as they can be told even when it cannot be read."""
    try:
        tree = ast.parse(cell)
    except SyntaxError:
        return set(_ASSIGNED.findall(cell))
    names: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names |= {one.id for target in targets for one in ast.walk(target) if isinstance(one, ast.Name)}
    return names

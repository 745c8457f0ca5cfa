"""What a check has to know of the cells that ran before it: which failed, and what the last one defined and wrote.

A cell that failed leaves the names and files of an earlier run in place, and a
check would judge those; so would it after a cell that has lost its ``%%write``
or misspells a name. ``watch`` looks at each cell after it has run. What else
may be said about the error is said by the lesson that has been started.
"""

from __future__ import annotations

import ast
import re
import time
from collections.abc import Callable
from typing import Any

_ASSIGNED = re.compile(r"^(?:def\s+|class\s+)?([A-Za-z_]\w*)\s*(?:\(|=(?!=)|:)", re.MULTILINE)
_MAGIC = re.compile(r"%%(?:write|mend)\b[ \t]*(\S*)")
_CHECK = "lesson.check("


class CellWatch:
    """Remembers what the last cell defined, and for each name and file the error of the last cell that should have made it."""

    def __init__(self) -> None:
        self._failed: dict[str, str] = {}
        self._unwritten: dict[str, float] = {}
        self.defined: set[str] = set()
        """The names that the last cell has put into the notebook; a cell that only checks does not count."""
        self.wrote = ""
        """The file that the last cell has written; a cell that only checks does not count."""
        self.explain: Callable[[BaseException], None] | None = None
        """What is called with the error of each cell that failed."""

    def after_cell(self, result: Any) -> None:
        """IPython's event ``post_run_cell``."""
        error, cell = result.error_before_exec or result.error_in_exec, result.info.raw_cell or ""
        magic = _MAGIC.match(cell)
        if not cell.startswith(_CHECK):
            self.wrote = magic[1] if magic else ""
            self.defined = set() if magic else defined_by(cell)
        if magic and error is None:
            self._unwritten.pop(magic[1], None)
        elif magic:
            self._unwritten[magic[1]] = time.time()
        for name in defined_by(cell):
            if error is None:
                self._failed.pop(name, None)
            else:
                self._failed[name] = f"{type(error).__name__}: {_in_words(error)}"
        if error is not None and not magic and re.search(r"^\s*%%(?:write|mend)\b", cell, re.MULTILINE):
            print("The line with %% has to be the first one of its cell, with nothing in front of it.")
        if error is not None and self.explain is not None:
            self.explain(error)

    def error_of(self, name: str) -> str:
        """The error that stopped the last cell that should have defined a name; "" if it ran."""
        return self._failed.get(name, "")

    def unwritten_since(self, file: str) -> float:
        """When the last cell that should have written a file stopped with an error, in seconds since 1970; 0 if it ran."""
        return self._unwritten.get(file, 0.0)


def _in_words(error: BaseException) -> str:
    """The first line of an error's text; of one that Python found while reading a cell, what and where."""
    if isinstance(error, SyntaxError):
        return f"{error.msg}{f', in line {error.lineno}' if error.lineno else ''}"
    return (str(error).splitlines() or [""])[0]


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

"""The cells that write a learner's files: ``%%write FILE`` and ``%%mend FILE``.

``%%write`` puts the cell's text into a file of ``my_chat/``. ``%%mend`` puts
its functions, classes, imports and assignments into the file that is there:
each takes the place of the one of the same name, or is added. What stood there
before is kept. A cell that is still empty changes nothing, so that "Run All"
never loses anything.
"""

from __future__ import annotations

import ast
from collections.abc import Callable

from classroom.my_chat.folder import EditedElsewhere, Folder, NotWritten, fault_of, given

EMPTY = "This cell is still empty, so my_chat/{name} was left as it was."
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def write(line: str, cell: str, folder: Folder | None = None) -> None:
    """``%%write FILE [--replace]``: the cell is the file. Raises ``NotWritten``."""
    _write(line, cell, folder or Folder(), "%%write", lambda before: cell)


def mend(line: str, cell: str, folder: Folder | None = None) -> None:
    """``%%mend FILE [--replace]``: the cell's definitions take their places in the file. Raises ``NotWritten``."""
    _write(line, cell, folder or Folder(), "%%mend", lambda before: mended(before, cell))


def _write(line: str, cell: str, folder: Folder, magic: str, made_of: Callable[[str], str]) -> None:
    words = line.split()
    names = [word for word in words if word != "--replace"]
    if len(names) != 1:
        raise NotWritten(f"{magic} needs the name of one file on the same line, such as: {magic} chat_handler.py")
    [name] = names
    if is_empty(cell):
        print(EMPTY.format(name=name))
        return
    before = folder.text(name)
    if magic == "%%mend":
        before = given(name) if before is None else before
        if before is None:
            raise NotWritten(
                f"There is no my_chat/{name} to be mended yet: write it with %%write {name}, "
                "or take the course's with lesson.my_chat.use_course_version(…), which the lesson shows."
            )
        for what, text in ((f"my_chat/{name}", before), ("this cell", cell)):
            if fault_of(name, text):
                raise NotWritten(f"Nothing was mended, because of a mistake in {what}: {fault_of(name, text)}")
    text = made_of(before or "")
    try:
        folder.write(name, text if text.endswith("\n") else f"{text}\n", replace="--replace" in words)
    except EditedElsewhere as edited:
        print(edited)  # the notebook goes on with the learner's file
        return
    print(f"Written: my_chat/{name}. What was there before is kept in my_chat/earlier/.")
    if fault_of(name, text):
        print(f"But there is a mistake in it: {fault_of(name, text)}")


def is_empty(cell: str) -> bool:
    """Whether a cell holds nothing but blank lines, comments and ``...``."""
    return all(not line.strip() or line.strip() == "..." or line.lstrip().startswith("#") for line in cell.splitlines())


def mended(before: str, cell: str) -> str:
    """A Python file with what a cell defines in the place of the same names.

    New imports follow the imports that are there, new assignments stand before the first function, new functions last.
    """
    lines, new = before.splitlines(), cell.splitlines()
    there = {name: node for node in ast.parse(before).body for name in _names(node)}
    imports, assignments, functions, changes = [], [], [], []
    for node in ast.parse(cell).body:
        text = new[_first_line(node, new) - 1 : node.end_lineno]
        old = next((there[name] for name in _names(node) if name in there), None)
        if old is not None:
            changes.append((_first_line(old, lines) - 1, old.end_lineno, text))
        elif isinstance(node, ast.Import | ast.ImportFrom):
            imports += [] if text[-1] in lines else text
        elif isinstance(node, _DEFINITIONS):
            functions += ["", "", *text]
        else:
            assignments += text
    after_imports, before_functions = _seams(before, lines)
    changes += [(after_imports, after_imports, imports), (before_functions, before_functions, assignments)]
    for first, last, text in sorted(changes, key=lambda change: change[0], reverse=True):
        lines[first:last] = text
    return "\n".join([*lines, *functions]) + "\n"


def _names(node: ast.stmt) -> list[str]:
    if isinstance(node, _DEFINITIONS):
        return [node.name]
    if isinstance(node, ast.Assign):
        return [target.id for target in node.targets if isinstance(target, ast.Name)]
    return []


def _first_line(node: ast.stmt, lines: list[str]) -> int:
    """Where a statement begins, with its decorators and the comments right above it."""
    first = min([node.lineno, *(one.lineno for one in getattr(node, "decorator_list", ()))])
    while first > 1 and lines[first - 2].startswith("#"):
        first -= 1
    return first


def _seams(source: str, lines: list[str]) -> tuple[int, int]:
    """After how many lines new imports belong, and new assignments: behind the last statement before the functions."""
    imports = behind = 0
    for node in ast.parse(source).body:
        if isinstance(node, _DEFINITIONS):
            break
        if isinstance(node, ast.Import | ast.ImportFrom):
            imports = node.end_lineno or 0
        behind = node.end_lineno or 0
    return imports, max(imports, behind)

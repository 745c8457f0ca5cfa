"""A file with what a cell of ``%%mend`` holds in the place of the same names: Python, or a CloudFormation template.

Works on the text, so that comments and layout of everything else stay as they are. Knows no folder.
"""

from __future__ import annotations

import ast
import re

from classroom.my_chat.folder import NotWritten

_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_SECTIONS = (
    *("AWSTemplateFormatVersion", "Description", "Metadata", "Parameters", "Rules", "Mappings", "Conditions"),
    *("Transform", "Globals", "Resources", "Outputs"),
)
_SECTION, _ENTRY = re.compile(r"([A-Za-z]\w*):"), re.compile(r"  ([A-Za-z][\w:]*):")


def mended(name: str, before: str, cell: str) -> str:
    """The text of the file ``name`` with the cell's definitions in it. Raises ``NotWritten``."""
    return mended_template(before, cell) if name.endswith(".yaml") else mended_python(before, cell)


def mended_python(before: str, cell: str) -> str:
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


def mended_template(before: str, cell: str) -> str:
    """A template with the entries of a cell's sections in the place of the same names; new ones come last in theirs.

    Raises ``NotWritten`` where the cell is not made of sections with entries two spaces deeper.
    """
    template, new = _blocks(before), _blocks(cell)
    stray = [line for line in new.pop(("", ""), ()) if line.strip() and not line.lstrip().startswith("#")]
    if stray:
        raise NotWritten(
            f"Nothing was mended: {stray[0].strip()!r} stands in no section. "
            "Begin with a section's name at the beginning of a line, such as Resources:"
        )
    for section, entry in new:
        if not section:
            raise NotWritten(
                f"Nothing was mended: {entry} is in no section. Write the section's name above it, such as Resources:"
            )
        if section not in _SECTIONS:
            raise NotWritten(
                f"Nothing was mended: {section} is no section of a template. A resource stands two spaces deeper, "
                "below Resources:"
            )
        if (section, "") in template and not any(one == section and name for one, name in new):
            raise NotWritten(
                f"Nothing was mended: {section} has no entry that begins two spaces deeper than {section} itself."
            )
    for key, lines in new.items():
        section, name = key
        if key in template:
            if name:
                template[key] = [*_stripped(lines), *template[key][len(_stripped(template[key])) :]]
        else:
            template = _with(template, key, _stripped(lines))
    return "\n".join(line for lines in template.values() for line in lines).rstrip("\n") + "\n"


def _blocks(text: str) -> dict[tuple[str, str], list[str]]:
    """The lines of a template by section and entry: a section's own line has the entry "", what precedes both is "", ""."""
    found: dict[tuple[str, str], list[str]] = {("", ""): []}
    section, key = "", ("", "")
    for line in text.splitlines():
        begins, entry = _SECTION.match(line), _ENTRY.match(line)
        above: list[str] = []
        if begins or entry:
            while entry and found[key] and found[key][-1].startswith("  #"):  # right above an entry: about that entry
                above.insert(0, found[key].pop())
            section = begins[1] if begins else section
            key = (section, entry[1] if entry else "")
        found.setdefault(key, []).extend([*above, line])
    return found


def _stripped(lines: list[str]) -> list[str]:
    """An entry's lines without the blank lines and comments behind it, which belong to what follows."""
    last = len(lines)
    while last and (not lines[last - 1].strip() or lines[last - 1].startswith(("#", "  #"))):
        last -= 1
    return lines[:last]


def _with(
    template: dict[tuple[str, str], list[str]], key: tuple[str, str], lines: list[str]
) -> dict[tuple[str, str], list[str]]:
    """The blocks with one more at the end of its section, a blank line before it where the section has any."""
    section, _ = key
    places = [place for place, (one, _) in enumerate(template) if one == section]
    items = list(template.items())
    if not places:
        return dict([*items, (key, ["", *lines])])
    last_key, last = items[places[-1]]
    kept = _stripped(last)
    apart = [""] if section == "Resources" and len(places) > 1 else []
    items[places[-1]] = (last_key, kept)
    items.insert(places[-1] + 1, (key, [*apart, *lines, *last[len(kept) :]]))
    return dict(items)

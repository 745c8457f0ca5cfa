"""``lesson.show("handlers/delivery.py", "broadcast")``: source code in a notebook, whole or one part of it by name.

Highlighted in the colours of JupyterLab's theme, with a link that opens the
file; as plain text in terminals and for nbval. A part is a function or class of
Python or JavaScript, or a named block of a YAML template.
"""

from __future__ import annotations

import ast
import re
from html import escape
from pathlib import Path
from typing import Any

from pygments import lex
from pygments.lexers import get_lexer_for_filename
from pygments.token import Comment, Keyword, Name, Number, String, Token
from pygments.util import ClassNotFound

from classroom.errors import OneSentence

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("handlers", "cloudformation", "html", "notebooks/bug_hunt")
# JupyterLab's own colours for code, which follow the theme; the fallbacks serve light pages elsewhere.
_COLOURS = (
    (Comment, "var(--jp-mirror-editor-comment-color,#408080)"),
    (Keyword, "var(--jp-mirror-editor-keyword-color,#008000)"),
    (String, "var(--jp-mirror-editor-string-color,#ba2121)"),
    (Number, "var(--jp-mirror-editor-number-color,#008800)"),
    (Name.Function, "var(--jp-mirror-editor-def-color,#0000ff)"),
    (Name.Class, "var(--jp-mirror-editor-def-color,#0000ff)"),
    (Name.Tag, "var(--jp-mirror-editor-def-color,#0000ff)"),
    (Name.Decorator, "var(--jp-mirror-editor-meta-color,#aa22ff)"),
)
_BOX = (
    "margin:0;padding:8px 12px;overflow-x:auto;white-space:pre;word-break:normal;line-height:1.4;border-radius:0 0 6px 6px;"
    "background:var(--jp-cell-editor-background,#f5f5f5);color:var(--jp-content-font-color1,#1d2127);"
    "border:1px solid var(--jp-border-color2,#d7dbe0);font-family:var(--jp-code-font-family,monospace)"
)
_HEAD = (
    "padding:4px 12px;border:1px solid var(--jp-border-color2,#d7dbe0);border-bottom:none;border-radius:6px 6px 0 0;"
    "background:var(--jp-layout-color2,#eef0f3);color:var(--jp-content-font-color1,#1d2127)"
)


class NothingToShow(OneSentence, LookupError):
    """There is no such file, or nothing of that name in it."""


class Source:
    """Some lines of a file. ``first_line`` counts from 1."""

    def __init__(self, title: str, path: Path, text: str, first_line: int, whole: bool):
        self.title, self.path, self.text = title, path, text
        self.first_line, self.whole = first_line, whole

    def __repr__(self) -> str:
        return f"{self.title}{self._where()}\n\n{self.text}"

    def _repr_html_(self) -> str:
        link = escape(f"../{self.title}", quote=True)  # lessons stand in notebooks/, beside what they show
        return (
            f'<div style="{_HEAD}"><a href="{link}" style="color:var(--jp-content-link-color,#1657c4)">'
            f'{escape(self.title)}</a>{self._where()}</div><pre style="{_BOX}">{self._highlighted()}</pre>'
        )

    def _where(self) -> str:
        last = self.first_line + self.text.count("\n")
        return "" if self.whole else f", lines {self.first_line} to {last}"

    def _highlighted(self) -> str:
        try:
            lexer = get_lexer_for_filename(self.path.name, stripnl=False)
        except ClassNotFound:
            return escape(self.text)
        return "".join(_span(kind, text) for kind, text in lex(self.text, lexer)).rstrip("\n")


def find_source(name: str, part: str = "", *, own: Path) -> Source:
    """A file, or one part of it. ``own`` is the learner's folder, whose files are ``my_chat/…``.

    A name without a folder is looked for in ``my_chat/`` first, then in the
    course's folders. Raises ``NothingToShow``.
    """
    path, title = _file(name, own)
    text = path.read_text("utf-8").rstrip("\n")
    if not part:
        return Source(title, path, text, 1, whole=True)
    parts = parts_of(path.name, text)
    if part not in parts:
        raise NothingToShow(f"{title} has no part {part!r}; it has: {', '.join(parts) or 'none that can be named'}.")
    first, last = parts[part]
    return Source(title, path, "\n".join(text.splitlines()[first - 1 : last]), first, whole=False)


def parts_of(name: str, text: str) -> dict[str, tuple[int, int]]:
    """The parts of a file that have names, each with its first and last line, counted from 1."""
    if name.endswith(".py"):
        return _parts_of_python(text)
    if name.endswith((".yaml", ".yml")):
        return _blocks(text, re.compile(r"^(?:  )?([A-Za-z]\w*):\s*(?:#.*)?$"), lambda line, indent: line.strip() != "")
    if name.endswith(".js"):
        head = re.compile(
            r"^ *(?:export |async |static |get |const )*(?:function |class )?(#?[A-Za-z_]\w*)\b[^;]*\{\s*$"
        )
        return _blocks(text, head, lambda line, indent: line.strip().startswith("}"), inclusive=True)
    return {}


def _file(name: str, own: Path) -> tuple[Path, str]:
    folder, _, rest = name.partition("/")
    if folder == own.name or folder == "my_chat":
        places = [(own / rest, f"my_chat/{rest}")]
    elif rest:
        places = [(ROOT / name, name)]
    else:
        places = [(own / name, f"my_chat/{name}"), *((ROOT / one / name, f"{one}/{name}") for one in FOLDERS)]
    for path, title in places:
        if path.is_file():
            return path, title
    if folder == "my_chat":
        raise NothingToShow(f"There is no {name} yet: you have not written it.")
    raise NothingToShow(f"There is no file {name!r} in my_chat, {', '.join(FOLDERS)}.")


def _parts_of_python(text: str) -> dict[str, tuple[int, int]]:
    found = {}
    for node in ast.parse(text).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            first = min([node.lineno, *(one.lineno for one in node.decorator_list)])
            found[node.name] = (first, node.end_lineno or node.lineno)
    return found


def _blocks(text: str, head: re.Pattern[str], ends: Any, inclusive: bool = False) -> dict[str, tuple[int, int]]:
    """The blocks that begin at a line of ``head`` and end where a line is no deeper indented and ``ends`` agrees."""
    lines, found = text.splitlines(), {}
    for number, line in enumerate(lines, 1):
        match = head.match(line)
        if not match or match[1] in found or match[1] in ("if", "for", "while", "switch", "catch"):
            continue
        indent = len(line) - len(line.lstrip())
        last = next(
            (
                later
                for later in range(number + 1, len(lines) + 1)
                if len(lines[later - 1]) - len(lines[later - 1].lstrip()) <= indent and ends(lines[later - 1], indent)
            ),
            len(lines) + (not inclusive),
        )
        last = last if inclusive else last - 1
        while last > number and (not lines[last - 1].strip() or lines[last - 1].lstrip().startswith("#")):
            last -= 1
        found[match[1]] = (number, min(last, len(lines)))
    return found


def _span(kind: Any, text: str) -> str:
    colour = next((colour for parent, colour in _COLOURS if kind in parent), "")
    if not colour or kind in Token.Text:
        return escape(text)
    weight = ";font-weight:bold" if kind in Keyword else ""
    return f'<span style="color:{colour}{weight}">{escape(text)}</span>'

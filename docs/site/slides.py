"""Slides of a lesson, for a projector: what its cells say before anything is run, one thing to a slide.

A cell with the tag ``slide`` is one. Where a lesson has no such tag, the conventions of
``notebooks/README.md`` choose: the title with its abilities, the drawings, the predictions
(with their choices, without the answer), the exercises (without their hints), and what one
can do at the end. Right and left turn the slides; on paper each has a page of its own.
"""

from __future__ import annotations

import ast
import re
from html import escape

import nbformat
from markdown_it import MarkdownIt
from nbformat import NotebookNode

from docs.site.lessons import diagrams
from docs.site.pages import ROOT

TAG = "slide"
_HINT = re.compile(r"<details>.*?</details>", re.DOTALL)
_MINUTES = re.compile(r"^About \d+ minutes.*$", re.MULTILINE)
_LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")
_DRAWING = re.compile(r"^```mermaid\n.*?^```$", re.MULTILINE | re.DOTALL)
_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Slides: {title}</title>
<link rel="icon" href="../_static/icon.svg">
<link rel="stylesheet" href="../_static/slides.css">
<script src="../_static/mermaid.min.js" defer></script>
<script src="../_static/slides.js" defer></script>
<main>
{slides}
</main>
</html>
"""


def slides_page(name: str) -> str:
    """The slides of the lesson ``name``, a notebook's file name, as a page of HTML."""
    notebook = nbformat.read(ROOT / "notebooks" / name, as_version=4)
    texts = slides_of(notebook)
    markdown = MarkdownIt("commonmark", {"html": True}).enable("table")
    sections = [f'<section tabindex="-1">\n{markdown.render(diagrams(text))}</section>' for text in texts]
    title = texts[0].splitlines()[0].lstrip("# ")
    return _PAGE.format(title=escape(title), slides="\n".join(sections))


def slides_of(notebook: NotebookNode) -> list[str]:
    """Each slide's Markdown, in the notebook's order."""
    tagged = [cell for cell in notebook.cells if TAG in cell.metadata.get("tags", [])]
    if tagged:
        return [_LINK.sub(r"\1", _HINT.sub("", _prediction(cell.source) or cell.source)).strip() for cell in tagged]
    return [text for cell in notebook.cells for text in _slides(cell)]


def _slides(cell: NotebookNode) -> list[str]:
    """What a cell shows on slides: one, none, or the lesson's title and its drawing."""
    if cell.cell_type == "code":
        question = _prediction(cell.source)
        return [question] if question else []
    text = _HINT.sub("", _LINK.sub(r"\1", cell.source))
    drawing = _DRAWING.search(text)
    if text.startswith("# "):
        title = _MINUTES.sub("", text.partition("```mermaid")[0]).strip()
        return [title, drawing[0]] if drawing else [title]
    if drawing:
        heading = re.match(r"#+ .*\n", text)
        return [f"{heading[0] if heading else ''}\n{drawing[0]}"]
    return [text.strip()] if re.match(r"### Exercise |## What you can do now", text) else []


def _prediction(source: str) -> str:
    """A call of ``lesson.predict`` as a question with its choices."""
    for node in ast.walk(ast.parse(source)) if "lesson.predict(" in source and not source.startswith("%") else ():
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "predict":
            _, question, *choices = [argument.value for argument in node.args if isinstance(argument, ast.Constant)]
            return "\n".join([f"## {question}", "", *(f"- {choice}" for choice in choices)])
    return ""

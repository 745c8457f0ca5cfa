"""A lesson as a page: its executed copy, with the solutions folded under the exercises and pictures in place of widgets.

Knows the notebooks' conventions (ids of cells, ``notebooks/README.md``) and no Sphinx.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from html import escape

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell, new_output

from docs.site.pages import ROOT, Links

_WIDGET = re.compile(r"<(chat panel|links|button|.*, to be copied)\b.*>")
_PANELS = re.compile(r"(?:<chat panel of (\w+)>\s*)+")
_MERMAID = re.compile(r"^```mermaid\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def lesson_page(name: str, changing: Links) -> str:
    """The notebook, as text, that becomes the page of the lesson ``name``."""
    page = f"notebooks/{name}"
    notebook = nbformat.read(ROOT / "notebooks" / "executed" / name, as_version=4)
    solutions = nbformat.read(ROOT / "notebooks" / "solutions" / name, as_version=4)
    by_id = {cell.id: cell for cell in solutions.cells}
    cells: list[NotebookNode] = []
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = diagrams(changing.changed(cell.source, page))
        else:
            cell.outputs = [_shown(output, changing, page) for output in cell.outputs]
        cells.append(cell)
        number = cell.id.removeprefix("check-")
        if cell.id != number and f"exercise-{number}" in by_id:
            cells.append(_folded(number, by_id, lambda text: changing.changed(text, page)))
    notebook.cells = cells
    return nbformat.writes(notebook)


def diagrams(text: str) -> str:
    """Mermaid's code blocks, as what Mermaid draws in a page."""
    return _MERMAID.sub(lambda found: f'<pre class="mermaid">\n{escape(found[1])}</pre>', text)


def _folded(number: str, solutions: dict[str, NotebookNode], links: Callable[[str], str]) -> NotebookNode:
    why = solutions.get(f"why-{number}")
    words = re.sub(r"^#+ .*\n+", "", why.source) if why else ""
    code = solutions[f"exercise-{number}"].source
    fence = "`" * 4
    return new_markdown_cell(
        f'<details class="solution"><summary>A solution of exercise {number.replace("-", ".")}</summary>\n\n'
        f"{links(words)}\n\n{fence}python\n{code}\n{fence}\n\n</details>",
        id=f"solution-{number}",
    )


def _shown(output: NotebookNode, changing: Links, page: str) -> NotebookNode:
    """An output as a page can show it: a widget needs a kernel, so its place takes a picture or a word about it."""
    plain = output.get("data", {}).get("text/plain", "")
    if "text/markdown" in output.get("data", {}):
        output.data["text/markdown"] = diagrams(output.data["text/markdown"])
    if not _WIDGET.fullmatch(plain.strip()):
        if "text/html" in output.get("data", {}):
            output.data["text/html"] = changing.changed_html(output.data["text/html"], page)
        return output
    if _PANELS.fullmatch(plain):
        people = re.findall(r"of (\w+)>", plain)
        shown = "panels" if len(people) > 1 else "panel"
        words = f"{' and '.join(people)}: alive in JupyterLab and VS Code, a picture here"
        words = words[0].upper() + words[1:]
        picture = f'<img src="../_static/{shown}.webp" alt="A chat panel as it looks in JupyterLab">'
        html = f"<figure>{picture}<figcaption>{words}</figcaption></figure>"
    else:
        html = f"<p>{escape(plain)}: alive in JupyterLab and VS Code.</p>"
    return new_output("display_data", {"text/html": html, "text/plain": plain})

"""Inline SVG in the colours of JupyterLab's theme: what the drawings of the lessons share.

A drawing describes itself in words, for screen readers. The fallback colours serve light pages elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

INK = "var(--jp-content-font-color1,#1d2127)"
FAINT = "var(--jp-content-font-color2,#5b6470)"
BOX = "var(--jp-layout-color2,#eef0f3)"
RULE = "var(--jp-border-color1,#b5bcc6)"
LINE = "var(--jp-brand-color1,#1976d2)"
SECOND_LINE = "var(--jp-warn-color1,#c25100)"
_FONT = "var(--jp-ui-font-family,system-ui,sans-serif)"


def svg(width: int, height: int, title: str, words: str, parts: Iterable[str]) -> str:
    """A whole drawing, with its title and what it shows in words."""
    described = [f"<title>{escape(title)}</title>", f"<desc>{escape(words)}</desc>", *parts]
    lines = "\n".join(described)
    return (
        f'<svg role="img" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'xmlns="http://www.w3.org/2000/svg" style="max-width:100%;height:auto;font-family:{_FONT}">'
        f"{lines}</svg>"
    )


def in_a_cell(drawing: str) -> str:
    """A drawing as a cell shows it.

    In a notebook that is not trusted only its words remain. MathJax, which would take what stands between the dollar
    signs of two route keys for a formula, is told to leave them alone.
    """
    return f'<div class="mathjax_ignore" style="overflow-x:auto">{drawing}</div>'


def text(x: float, y: float, words: str, colour: str, anchor: str = "start") -> str:
    """A line of text; ``anchor`` is which of its points lies at ``x``: start, middle or end."""
    return (
        f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}" style="font-size:12px;fill:{colour}">{escape(words)}</text>'
    )

"""A sheet to draw on with matplotlib, in the colours of JupyterLab's theme; the same as a table in words.

``Sheet("Delivery", "connections", "seconds").axes`` is an ordinary ``Axes`` of matplotlib. The sheet as the last
expression of a cell shows the drawing. Nothing here uses pyplot, so no figure outlives its sheet.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from typing import Any

from classroom.reading import drawing

_WIDTH_IN, _HEIGHT_IN = 7.2, 3.8
_INK, _FAINT = "#010203", "#020304"
"""What matplotlib draws text and rules with; in the drawing the theme's colours take their place."""
_STYLES = (("#2f7fd0", "-"), ("#d9730d", "--"), ("#2c9c56", "-."), ("#a45bc8", ":"))
"""Colour and dashes of lines, in turn: readable on light and on dark, and told apart by those who see no colours."""
_SETTINGS: dict[str, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "sheet",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.linestyle": ":",
    "lines.linewidth": 2,
    "legend.frameon": False,
    **dict.fromkeys(("text.color", "axes.labelcolor", "axes.titlecolor", "xtick.color", "ytick.color"), _INK),
    **dict.fromkeys(("axes.edgecolor", "grid.color"), _FAINT),
}


class Sheet:
    """A title, two axes, and whatever is drawn on ``axes``. ``log`` names the axes with a logarithmic scale: "x", "y", "xy"."""

    def __init__(self, title: str, x: str, y: str, *, log: str = ""):
        import matplotlib  # half a second, and only one lesson draws
        from matplotlib.figure import Figure
        from matplotlib.rcsetup import cycler

        colours, dashes = zip(*_STYLES, strict=True)
        cycle = cycler(color=colours) + cycler(linestyle=dashes)
        self._settings = {**_SETTINGS, "axes.prop_cycle": cycle}
        self.title, self.x, self.y = title, x, y
        with matplotlib.rc_context(self._settings):
            self.figure = Figure(figsize=(_WIDTH_IN, _HEIGHT_IN), layout="constrained")
            self.axes = self.figure.add_subplot()
            self.axes.set(title=title, xlabel=x, ylabel=y)
            for letter in log:
                getattr(self.axes, f"set_{letter}scale")("log")
        self.figure.patch.set_alpha(0)
        self.axes.patch.set_alpha(0)

    def draw(self, xs: Sequence[float], lines: Mapping[str, Sequence[float]], marker: str = "", **style: Any) -> Sheet:
        """Draw a line for each name through the points of ``xs`` and its own numbers; the sheet, to be shown.

        ``style`` is what matplotlib's ``plot`` takes.
        """
        for name, ys in lines.items():
            self.axes.plot(xs, ys, label=name, marker=marker, **style)
        return self

    def __repr__(self) -> str:
        """Each line as a row of points; several lines with the same x share a head.

        A label that begins with ``_`` is not in the legend, as in all of matplotlib.
        """
        rows: list[str] = [f"{self.title} ({self.y})"]
        head: list[float] = []
        for name, xs, ys in lines_of(self.axes):
            if xs != head:
                head = xs
                rows.append(_row(self.x, xs))
            rows.append(_row(name.lstrip("_"), ys))
        return "\n".join(rows)

    def _repr_html_(self) -> str:
        return drawing.in_a_cell(self.svg())

    def svg(self) -> str:
        """The drawing, with a legend if lines have names."""
        import matplotlib

        with matplotlib.rc_context(self._settings):
            if self.axes.get_legend_handles_labels()[0]:
                self.axes.legend()
            written = io.StringIO()
            self.figure.savefig(written, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
        text = written.getvalue()
        text = text[text.index("<svg") :].replace(_INK, drawing.INK).replace(_FAINT, drawing.RULE)
        words = f"<title>{_escaped(self.title)}</title><desc>{_escaped(repr(self))}</desc>"
        return re.sub(
            r"<svg [^>]*?(viewBox=\"[^\"]*\")[^>]*>",
            rf'<svg role="img" \1 width="640" xmlns="http://www.w3.org/2000/svg" '
            rf'xmlns:xlink="http://www.w3.org/1999/xlink" style="max-width:100%;height:auto">{words}',
            text,
            count=1,
        )


def lines_of(axes: Any) -> list[tuple[str, list[float], list[float]]]:
    """The lines on matplotlib's axes: label, xs and ys of each."""
    return [
        (str(line.get_label()), [float(x) for x in line.get_xdata()], [float(y) for y in line.get_ydata()])
        for line in axes.get_lines()
    ]


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace("\\", "/")


def _row(name: str, numbers: list[float]) -> str:
    return f"{name[:28]:28}" + "".join(f" {_said(number):>9}" for number in numbers)


def _said(number: float) -> str:
    if number == 0:
        return "0"
    return f"{number:,.0f}" if abs(number) >= 100 or number == int(number) else f"{number:.3g}"

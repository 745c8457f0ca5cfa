"""``lesson.plot(…)``: one or two curves over the same numbers, drawn; the same as a table in words.

Pure. The drawing is inline SVG in the theme's colours; the table is what screen
readers, terminals and nbval get.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import floor, log10

from classroom.errors import OneSentence
from classroom.reading import drawing

_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 640, 300, 64, 150, 34, 46
_STROKES = ((drawing.LINE, ""), (drawing.SECOND_LINE, "7 4"))
"""Colour and dashes of each curve: they differ for those who see no colours, too."""


class NothingToPlot(OneSentence, ValueError):
    """A curve has a value that is no number, or there are more curves than can be told apart."""


@dataclass(frozen=True)
class Plot:
    """Curves by name, each with one value for each of ``xs``. ``x`` and ``y`` say what the axes count."""

    title: str
    x: str
    y: str
    xs: tuple[float, ...]
    curves: Mapping[str, tuple[float, ...]]

    def __repr__(self) -> str:
        rows = [[self.x, *map(_said, self.xs)]] + [[name, *map(_said, ys)] for name, ys in self.curves.items()]
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        lines = ["  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows]
        return "\n".join([f"{self.title} ({self.y})", *lines])

    def _repr_html_(self) -> str:
        return drawing.in_a_cell(self.svg())

    def svg(self) -> str:
        """The drawing: axes that begin at 0, the curves, and each curve's name at its end."""
        most_x, most_y = _round_up(max(self.xs)), _round_up(max(y for ys in self.curves.values() for y in ys))
        right, bottom = _WIDTH - _RIGHT, _HEIGHT - _BOTTOM

        def place(x: float, y: float) -> tuple[float, float]:
            return _LEFT + x / most_x * (right - _LEFT), bottom - y / most_y * (bottom - _TOP)

        parts = [drawing.text(10, 18, f"{self.title} ({self.y})", drawing.INK)]
        for share in (0, 0.25, 0.5, 0.75, 1):
            across, up = place(share * most_x, share * most_y)
            parts.append(_stroke([(_LEFT, up), (right, up)], drawing.RULE, "2 4"))
            parts.append(drawing.text(_LEFT - 8, up + 4, _said(share * most_y), drawing.FAINT, "end"))
            parts.append(drawing.text(across, bottom + 18, _said(share * most_x), drawing.FAINT, "middle"))
        parts.append(drawing.text((_LEFT + right) / 2, _HEIGHT - 8, self.x, drawing.FAINT, "middle"))
        heights: list[float] = []
        for (name, ys), (colour, dashes) in zip(self.curves.items(), _STROKES, strict=False):
            points = [place(x, y) for x, y in zip(self.xs, ys, strict=True)]
            parts.append(_stroke(points, colour, dashes, 2.5))
            height = points[-1][1] + 4
            while any(abs(height - other) < 14 for other in heights):
                height -= 14  # two names must not lie on each other
            heights.append(height)
            parts.append(drawing.text(points[-1][0] + 8, height, name, colour))
        return drawing.svg(_WIDTH, _HEIGHT, self.title, repr(self), parts)


def plot(title: str, x: str, y: str, xs: Sequence[float], curves: Mapping[str, Callable[[float], float]]) -> Plot:
    """The curves of one or two functions of a number, each asked for every one of ``xs``. Raises ``NothingToPlot``."""
    if not 1 <= len(curves) <= len(_STROKES):
        raise NothingToPlot(f"One or two curves can be told apart, and {len(curves)} were given.")
    found = {name: tuple(curve(one) for one in xs) for name, curve in curves.items()}
    for name, ys in found.items():
        wrong = next((one for one in ys if isinstance(one, bool) or not isinstance(one, int | float)), None)
        if wrong is not None or None in ys:
            raise NothingToPlot(f"The curve {name!r} has no number for each of {x}: it has {wrong!r}.")
    return Plot(title, x, y, tuple(xs), found)


def _stroke(points: Sequence[tuple[float, float]], colour: str, dashes: str, width: float = 1) -> str:
    path = " ".join(f"{'L' if place else 'M'}{x:g} {y:g}" for place, (x, y) in enumerate(points))
    return f'<path d="{path}" style="fill:none;stroke:{colour};stroke-width:{width:g};stroke-dasharray:{dashes or "none"}"/>'


def _round_up(most: float) -> float:
    """A number that is not smaller and whose quarters are round, for the end of an axis."""
    if most <= 0:
        return 1
    step = 10 ** floor(log10(most))
    return next(end * step for end in (1, 2, 4, 6, 8, 10) if end * step >= most)


def _said(number: float) -> str:
    """A number as people write it."""
    return f"{number:,.0f}" if number >= 100 or number == int(number) else f"{number:.2g}"

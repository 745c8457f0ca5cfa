"""The plots of the lessons: what they say, to those who see them and to those who hear them."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from classroom.reading import drawing as theme
from classroom.reading.plot import NothingToPlot, plot
from classroom.reading.sheet import Sheet

SVG = "{http://www.w3.org/2000/svg}"
TWO = plot("Growth", "people", "messages", [0, 10, 200], {"one room": lambda n: n * n, "rooms of 10": lambda n: 10 * n})


def test_plot_when_read_as_text():
    """Each value stands in a table, under what it belongs to."""
    assert repr(TWO).splitlines() == [
        "Growth (messages)",
        "people       0   10     200",
        "one room     0  100  40,000",
        "rooms of 10  0  100   2,000",
    ]


def test_plot_when_drawn():
    """The drawing describes itself, names its curves and axes, and tells curves apart without colours."""
    drawing = ElementTree.fromstring(TWO.svg())
    assert drawing.get("role") == "img" and drawing.find(f"{SVG}desc").text == repr(TWO)
    assert {"people", "one room", "rooms of 10", "40,000", "200"} <= {one.text for one in drawing.iter(f"{SVG}text")}
    *_, first, second = drawing.iter(f"{SVG}path")
    assert first.get("d") == "M64 254 L85.3 253.45 L490 34"
    assert "dasharray:none" in first.get("style") and "dasharray:7 4" in second.get("style")


@pytest.mark.parametrize(
    ("most", "said"),
    [
        (60.06, ["0", "20", "40", "60", "80"]),
        (1, ["0", "0.25", "0.5", "0.75", "1"]),
        (0, ["0", "0.25", "0.5", "0.75", "1"]),
    ],
)
def test_axis_when_a_curve_ends_between_round_numbers(most, said):
    """The axis ends at a number whose quarters are said exactly."""
    drawing = ElementTree.fromstring(plot("t", "x", "y", [2], {"a": lambda n: most}).svg())
    assert [one.text for one in drawing.iter(f"{SVG}text") if one.get("text-anchor") == "end"] == said


def test_plot_when_two_curves_end_in_one_place():
    """Their names do not lie on each other."""
    same = ElementTree.fromstring(plot("t", "x", "y", [1, 2], {"a": lambda n: n, "b": lambda n: n}).svg())
    heights = [float(one.get("y")) for one in same.iter(f"{SVG}text") if one.text in ("a", "b")]
    assert abs(heights[0] - heights[1]) >= 14


@pytest.mark.parametrize(
    ("curves", "said"),
    [
        ({"a": lambda n: ...}, "The curve 'a' has no number for each of x: it has Ellipsis."),
        ({"a": lambda n: None}, "The curve 'a' has no number for each of x: it has None."),
        ({}, "One or two curves can be told apart, and 0 were given."),
    ],
)
def test_plot_when_there_is_nothing_to_draw(curves, said):
    """A value that is no number is told, with the curve it belongs to."""
    with pytest.raises(NothingToPlot) as raised:
        plot("t", "x", "y", [1], curves)
    assert str(raised.value) == said


def test_sheet_when_drawn_on_with_matplotlib():
    """The drawing has the theme's colours, a legend of the names that are not hidden, and the same in words."""
    sheet = Sheet("Delivery", "people", "seconds", log="xy")
    assert sheet.draw([1, 10, 1_000], {"a & b": [0.25, 2, 1_234.5]}, linewidth=3) is sheet
    sheet.axes.plot([1, 1_000], [3, 4], "o", label="_measured")
    assert repr(sheet).splitlines() == [
        "Delivery (seconds)",
        "people                               1        10     1,000",
        "a & b                             0.25         2     1,234",
        "people                               1     1,000",
        "measured                             3         4",
    ]
    drawn = ElementTree.fromstring(sheet.svg())
    assert drawn.get("role") == "img" and drawn.find(f"{SVG}desc").text == repr(sheet)
    texts = {one.text for one in drawn.iter(f"{SVG}text")}
    assert {"Delivery", "people", "seconds", "a & b"} <= texts and "_measured" not in texts
    assert theme.INK in sheet.svg() and theme.RULE in sheet.svg() and "#010203" not in sheet.svg()

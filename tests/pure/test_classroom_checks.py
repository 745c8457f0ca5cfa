"""Checks for learners: one ok line, or the first wrong fact and where to look."""

from __future__ import annotations

import pytest

from classroom.exercises.checks import CheckFailed, attempt, check, eventually, first_difference


def test_check_when_right(capsys):
    """A check that holds prints exactly one line."""
    check("two rows", [1, 2], [1, 2])
    assert capsys.readouterr().out == "ok: two rows\n"


def test_check_when_wrong(capsys):
    """A check that fails names the first wrong fact and where to look, and prints nothing."""
    with pytest.raises(CheckFailed) as raised:
        check("the key schema", {"KeyType": "HASH"}, {"KeyType": "RANGE"}, look="the cell above")
    assert str(raised.value) == "the key schema. Found 'HASH' at KeyType instead of 'RANGE'. Look at: the cell above."
    assert raised.value._render_traceback_() == [f"not yet: {raised.value}"]
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("found", "expected", "difference"),
    [
        (1, 1, ""),
        ({"a": {"b": 1}}, {"a": {"b": 2}}, "Found 1 at a.b instead of 2."),
        ({}, {"a": 1}, "'a' is missing."),
        ({"a": 1, "b": 2}, {"a": 1}, "'b' should not be there."),
        ([1, 3], [1, 2], "Found 3 at [1] instead of 2."),
        ([1], [1, 2], "1 item instead of 2."),
        (None, [1], "Found None instead of [1]."),
    ],
)
def test_first_difference_when_compared(found, expected, difference):
    """The first part that differs is named by its place."""
    assert first_difference(found, expected) == difference


def test_attempt_when_a_name_is_not_defined():
    """A name of a cell that has not run is told as that, not as an error of the answer alone."""
    with pytest.raises(CheckFailed) as raised:
        attempt("it stores a message", lambda: undefined_name, look="store")  # type: ignore[name-defined]  # noqa: F821
    assert str(raised.value) == (
        "it stores a message. It raised NameError: name 'undefined_name' is not defined: "
        "run the cell that defines undefined_name first, or look at its spelling. Look at: store."
    )


def test_eventually_when_it_takes_a_moment(capsys):
    """What is right at the third look is right."""
    looks = iter([0, 1, 2])
    eventually("two rows", lambda: next(looks), 2)
    assert capsys.readouterr().out == "ok: two rows\n"


def test_eventually_when_it_is_right_at_once(capsys):
    """What is right already is looked up once."""
    looks = iter(["row"])
    eventually("a row", lambda: next(looks), "row")
    assert capsys.readouterr().out == "ok: a row\n"


def test_eventually_when_it_never_comes():
    """What stays wrong fails with what was found and for how long it was looked up."""
    with pytest.raises(CheckFailed, match="Found 1 instead of 2.*did not change within 0.01 s"):
        eventually("two rows", lambda: 1, 2, timeout=0.01)

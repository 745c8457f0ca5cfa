"""Checks for learners: one ``ok`` line, or the first wrong fact and where to look.

A check compares what the learner's cells made with what they should be. It
knows no AWS: the cell fetches, the check judges.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event
from typing import Any

from classroom.errors import OneSentence
from classroom.patience import patience

_WAIT_S = 15.0


class CheckFailed(OneSentence, AssertionError):
    """A fact is not as it should be; the text says which, and where to look."""

    opening = "not yet: "


def check(what: str, found: Any, expected: Any = True, *, look: str = "") -> None:
    """Print ``ok: what`` when ``found`` equals ``expected``; raise ``CheckFailed`` otherwise.

    Two dicts, or two lists, are compared part by part, so that the message
    names the first part that differs. ``look`` says where to look.
    """
    difference = first_difference(found, expected)
    if difference:
        raise CheckFailed(f"{what}. {difference}{f' Look at: {look}.' if look else ''}")
    print(f"ok: {what}")


def check_returned(what: str, found: Any, kind: type, *, look: str) -> None:
    """``check`` for what a learner's function gives back: a value of this kind. Most who give back none forgot ``return``."""
    if found is None and kind is not type(None):
        raise CheckFailed(
            f"{what}. It gives back nothing (None). Look at: the word return, in front of what it gives back."
        )
    check(what, type(found).__name__, kind.__name__, look=look)


def attempt(what: str, call: Callable[[], Any], *, look: str = "") -> Any:
    """What a call gives; a call that raises is a failed check, which tells the error and where to look."""
    try:
        return call()
    except (CheckFailed, OneSentence):
        raise
    except Exception as error:
        raise CheckFailed(f"{what}. It raised {described(error)}{f' Look at: {look}.' if look else ''}") from None


def described(error: Exception) -> str:
    """An exception in one line: its kind, and the first two lines of its text that say something."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = " ".join(lines[:2])
    if isinstance(error, NameError) and not isinstance(error, UnboundLocalError) and error.name:
        text += f": run the cell that defines {error.name} first, or look at its spelling"
    return f"{type(error).__name__}: {text}{'' if text.endswith('.') else '.'}"


def first_difference(found: Any, expected: Any, where: str = "") -> str:
    """One sentence on the first difference between two values, "" when they are equal."""
    place = f" at {where}" if where else ""
    if isinstance(expected, dict) and isinstance(found, dict):
        for key in expected:
            if key not in found:
                return f"{key!r} is missing{place}."
            inner = first_difference(found[key], expected[key], f"{where}.{key}" if where else str(key))
            if inner:
                return inner
        extra = [key for key in found if key not in expected]
        return f"{extra[0]!r} should not be there{place}." if extra else ""
    if isinstance(expected, list) and isinstance(found, list):
        for number, (one, other) in enumerate(zip(found, expected, strict=False)):
            inner = first_difference(one, other, f"{where}[{number}]")
            if inner:
                return inner
        return (
            ""
            if len(found) == len(expected)
            else f"{len(found)} item{'' if len(found) == 1 else 's'} instead of {len(expected)}{place}."
        )
    return "" if found == expected else f"Found {found!r}{place} instead of {expected!r}."


def eventually(what: str, look_up: Callable[[], Any], expected: Any = True, *, timeout: float | None = None) -> None:
    """``check`` for what takes a moment: look again until it is right, for ``timeout`` or 15 seconds.

    A message is on its way through API Gateway and a function when ``send``
    returns, so a cell that reads the table at once would come too early. The 15
    seconds become more on a busy machine (``patience``).
    """
    began = time.monotonic()
    while first_difference(found := look_up(), expected) and time.monotonic() - began < patience(timeout, _WAIT_S):
        Event().wait(0.1)
    waited_s = patience(timeout, _WAIT_S)
    check(what, found, expected, look=f"what the cell looked up; it did not change within {waited_s:.2g} s")

"""The exercises of lesson 10 that measure: ways through a crowd, how long they take, and what a message uses.

Those that compute are in ``lesson_10_computed``. All of them are a few lines of Python; no AWS is asked.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from math import isclose
from types import SimpleNamespace
from typing import Any

from classroom.exercises.checks import CheckFailed, attempt, check
from classroom.exercises.exercise import Answer
from classroom.exercises.registry import exercise
from classroom.my_chat.chat import function_of

PREDICTIONS = {
    "10.a": "At most twice as soon, perhaps not at all",
    "10.b": "What it has read: everybody",
    "10.c": "Twice as much or so",
    "10.d": "The messages that go out",
    "10.e": "No sooner: after about 100 seconds",
    "10.f": "As much: a dollar for a million",
}
PART = 50
_TOGETHER, _WITHIN_S = 4, 5.0
"""So many posts must be under way at once, and come together within this time."""


@exercise("10.1", file="ways.py", look="which connections are posted to, and how often")
def go_through_a_crowd(answer: Answer) -> None:
    """One after the other, side by side, and in parts: everybody once, and no error is lost."""
    own = SimpleNamespace(
        **{
            name: function_of(answer.text, name, "ways.py")
            for name in ("one_after_the_other", "side_by_side", "in_parts")
        }
    )
    crowd = [f"c{number}=" for number in range(40)]
    posted: list[str] = []
    attempt("one_after_the_other posts", lambda: own.one_after_the_other(posted.append, crowd))
    check("one after the other, everybody gets one", posted, crowd, look="the loop: post(connection), for each of them")

    _expect_side_by_side(own.side_by_side, crowd)
    failing = partial(_refuse, "c7=")
    try:
        own.side_by_side(failing, crowd)
    except ConnectionError:
        print("ok: an error of a post is not lost")
    else:
        raise CheckFailed(
            "an error of a post is not lost. Yours was: side_by_side ended as if all were well. Look at: what "
            "pool.map gives, which raises when it is read: list(pool.map(…))."
        )

    parts: list[list[str]] = []
    many = [f"c{number}=" for number in range(120)]
    attempt("in_parts gives parts away", lambda: own.in_parts(lambda part: parts.append(list(part)), many))
    sizes = [len(part) for part in parts]
    look = "range(0, len(connections), 50), and connections[start:start + 50]"
    check("the sizes of the parts of 120", sizes, [50, 50, 20], look=look)
    check(
        "nobody is missed, nobody is in two parts",
        sorted(one for part in parts for one in part),
        sorted(many),
        look=look,
    )
    parts.clear()
    own.in_parts(lambda part: parts.append(list(part)), many[:50])
    check("fifty are one part", [len(part) for part in parts], [50], look=look)


def _expect_side_by_side(side_by_side: Callable[..., Any], crowd: Sequence[str]) -> None:
    """Each post waits until some others are under way, too; all have ended when the function does."""
    meeting, lock = threading.Barrier(_TOGETHER), threading.Lock()
    posted: list[str] = []

    def post(connection_id: str) -> None:
        meeting.wait(_WITHIN_S)
        with lock:
            posted.append(connection_id)

    try:
        attempt("side_by_side posts", lambda: side_by_side(post, crowd))
    except CheckFailed:
        if not meeting.broken:
            raise
        raise CheckFailed(
            f"several posts are under way at once. Yours are one after the other: the first waited {_WITHIN_S:g} s for "
            f"{_TOGETHER - 1} others. Look at: ThreadPoolExecutor(16), and its map."
        ) from None
    look = "the pool: leave it, and so wait for it, before you return"
    check("side by side, everybody gets one", sorted(posted), sorted(crowd), look=look)


def _refuse(whom: str, connection_id: str) -> None:
    if connection_id == whom:
        raise ConnectionError(f"{whom} cannot be reached.")


class _Crowd:
    """A crowd of a machine that is busy now and then: while it is, whoever is told something hears it a second later."""

    WAYS = ("slow", "quick", "odd", "even")
    EACH_S = dict(zip(WAYS, (0.004, 0.001, 0.003, 0.002), strict=True))

    def __init__(self) -> None:
        self.size, self.grown, self._told = 0, list[int](), 0
        self.tellings: dict[tuple[int, str], int] = {}

    def grow(self, to: int) -> _Crowd:
        self.size = to
        self.grown.append(to)
        return self

    def tell(self, way: str) -> float:
        self.tellings[self.size, way] = self.tellings.get((self.size, way), 0) + 1
        busy = self._told % 12 < 4  # for as many tellings as there are ways
        self._told += 1
        return self.size * self.EACH_S[way] + (1.0 if busy else 0.0)


@exercise("10.2", file="measure.py", look="three loops: sizes, rounds, ways")
def measure_the_crowd(answer: Answer) -> None:
    """Each way at each size, in turns, so that a busy moment hits all alike; the quickest counts."""
    own, sizes, times = function_of(answer.text, "measure", "measure.py"), [10, 20, 50], 4
    crowd = _Crowd()
    found = attempt("measure gives a dict", lambda: own(crowd, crowd.WAYS, sizes, times))
    if not isinstance(found, dict):
        raise CheckFailed(f"measure gives a dict. Found {found!r}. Look at: the return at its end.")
    check("the crowd grows to each size, in order", list(dict.fromkeys(crowd.grown)), sizes, look="crowd.grow(size)")
    look = "the range of the rounds: as many as times says, at each size"
    wanted = {(size, way): times for size in sizes for way in crowd.WAYS}
    if crowd.tellings != wanted:
        _miscounted(crowd.tellings, wanted, look)
    print(f"ok: each way is told {times} times at each size")
    check("there is a list for each way", sorted(found), sorted(crowd.WAYS), look="the keys of your dict: the ways")
    for way in crowd.WAYS:
        for size, seconds in zip(sizes, found[way], strict=False):
            _quickest(way, size, seconds, size * crowd.EACH_S[way])
        check(f"{way}: a number for each size", len(found[way]), len(sizes), look="append, once for each size")


def _miscounted(found: Mapping[tuple[int, str], int], wanted: Mapping[tuple[int, str], int], look: str) -> None:
    size, way = next(key for key in [*wanted, *found] if found.get(key) != wanted.get(key))
    raise CheckFailed(
        f"each way is told {wanted.get((size, way), 0)} times at each size. With a crowd of {size}, {way!r} was told "
        f"{found.get((size, way), 0)} times. Look at: {look}."
    )


def _quickest(way: str, size: int, found: Any, expected: float) -> None:
    if isinstance(found, int | float) and isclose(found, expected):
        return
    if isinstance(found, int | float) and isclose(found, expected + 1):
        why = "the machine was busy for four tellings, and all four were of this way. Look at: the order of your loops, in turns"
    else:
        why = "that is not the quickest telling. Look at: min"
    raise CheckFailed(f"the quickest of {way!r} with {size} people. Found {found!r} instead of {expected:g}: {why}.")


_LINES = [
    "INIT_START Runtime Version: python:3.13.v1\tRuntime Version ARN: arn:aws:lambda:us-east-1::runtime:1\n",
    "START RequestId: 1 Version: $LATEST\n",
    json.dumps({"what": "told", "requestId": "a=", "way": "cheap", "crowd": 90, "posts": 90, "readUnits": 2.0}) + "\n",
    "END RequestId: 1\n",
    "REPORT RequestId: 1\tDuration: 99.20 ms\tBilled Duration: 250 ms\tMemory Size: 512 MB\tMax Memory Used: 60 MB\t"
    "Init Duration: 150.10 ms\t\n",
    json.dumps({"what": "told", "requestId": "b=", "way": "sharded", "crowd": 90, "posts": 0, "readUnits": 2.0}) + "\n",
    "REPORT RequestId: 2\tDuration: 11.00 ms\tBilled Duration: 11 ms\tMemory Size: 512 MB\tMax Memory Used: 60 MB\t\n",
    json.dumps({"what": "told a part", "requestId": "b=", "posts": 50}) + "\n",
    "REPORT RequestId: 3\tDuration: 60.30 ms\tBilled Duration: 61 ms\tMemory Size: 512 MB\tMax Memory Used: 60 MB\t\n",
    json.dumps({"what": "left", "requestId": "c=", "connectedSeconds": 90.0}) + "\n",
    json.dumps({"what": "left", "requestId": "d=", "connectedSeconds": 30.0}) + "\n",
]
_GROUP = "/aws/lambda/lab-crowd-crowd"
_USED = {
    "invocations": (3, "the lines that begin with REPORT: one for each invocation"),
    "posts": (140, 'row["posts"]; a row that has none counts as 0: row.get("posts", 0)'),
    "billed_ms": (
        322,
        '"Billed Duration: " in the REPORT lines, and the number after it; Duration alone is not billed',
    ),
    "read_units": (4.0, 'row["readUnits"] of the lines that are JSON'),
    "connection_minutes": (2.0, "connectedSeconds, of which 60 are a minute"),
}


class _Logs:
    """A log group whose events come in pages of three."""

    def filter_log_events(self, logGroupName: str, nextToken: str = "0", **_: Any) -> dict[str, Any]:
        if logGroupName != _GROUP:
            raise LookupError(f"The specified log group does not exist: {logGroupName}.")
        start = int(nextToken)
        page = {"events": [{"timestamp": 0, "message": line} for line in _LINES[start : start + 3]]}
        return {**page, **({"nextToken": str(start + 3)} if start + 3 < len(_LINES) else {})}


@exercise("10.3", file="used.py", look="one line at a time: is it a REPORT, or JSON?")
def count_what_was_used(answer: Answer) -> None:
    """All pages are read; the five numbers are in the lines, and lines that say nothing about them are passed over."""
    read = function_of(answer.text, "log_lines", "used.py")
    lines = attempt("log_lines reads a group", lambda: list(read(_Logs(), _GROUP)))
    if len(lines) == 3:
        raise CheckFailed(
            f"all pages are read. Found the 3 lines of the first page, of {len(_LINES)}. Look at: nextToken, which an "
            "answer has as long as there is more."
        )
    look = 'event["message"], of each event of each page'
    check(
        "the lines of four pages", [str(line).strip() for line in lines], [line.strip() for line in _LINES], look=look
    )
    used = function_of(answer.text, "used", "used.py")
    found = attempt("used reads the lines", lambda: used(list(_LINES)))
    if not isinstance(found, dict):
        raise CheckFailed(f"used gives a dict. Found {found!r}. Look at: the return at its end.")
    for name, (expected, look) in _USED.items():
        if name not in found:
            raise CheckFailed(f"the dict has {', '.join(_USED)}. {name!r} is missing. Look at: the keys.")
        check(f"{name} of two messages to 90 people", round(found[name], 6), expected, look=look)
    check("no lines, nothing used", {name: used([])[name] for name in _USED}, dict.fromkeys(_USED, 0))

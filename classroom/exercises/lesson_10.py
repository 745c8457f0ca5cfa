"""The exercises of lesson 10: ways through a crowd, what a message uses, what a month costs, the walls, and where to go.

All of them are arithmetic or a few lines of Python; no AWS is asked.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from math import ceil, isclose
from types import SimpleNamespace
from typing import Any

from classroom.exercises.checks import CheckFailed, attempt, check
from classroom.exercises.exercise import Answer
from classroom.exercises.registry import exercise
from classroom.my_chat.chat import function_of
from classroom.operations import prices
from classroom.reading.sheet import Sheet, lines_of

PREDICTIONS = {
    "10.a": "Up to twice as soon",
    "10.b": "What it has read: everybody",
    "10.c": "The messages that go out",
    "10.d": "No sooner: after about 100 seconds",
    "10.e": "As much: a dollar for a million",
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


@exercise("10.2", file="used.py", look="one line at a time: is it a REPORT, or JSON?")
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


CLASS = {
    "people": 30,
    "minutes": 600,
    "messages": 400,
    "hearers": 30,
    "bytes": 200,
    "billed_ms": 40,
    "memory_mb": 256,
    "read_units": 1,
    "write_units": 1,
    "log_bytes": 600,
}
COMPANY = {**CLASS, "people": 2_000, "minutes": 9_600, "messages": 2_000, "hearers": 20}
LONG = {**CLASS, "bytes": 40_000}
_PARTS = {
    "messages": "what comes in, once, and what goes out, once for each hearer; and a message of 40,000 bytes is two",
    "minutes": "people times minutes: everybody is connected, whether they write or not",
    "lambda": "one request for each message that comes in, and its milliseconds as seconds, times its MB as GB: / 1024",
    "dynamodb": "read and write units of each message that comes in",
    "transfer": "the bytes that go out, as GB of 1e9 bytes; what comes in is free",
    "logs": "log_bytes of each message that comes in, as GB",
}


def right_bill(month: Mapping[str, float], price: Mapping[str, float]) -> dict[str, float]:
    """What the parts of a month cost."""
    said = month["people"] * month["messages"]
    heard, units = said * month["hearers"], ceil(month["bytes"] / 32_768)
    seconds = said * month["billed_ms"] / 1000
    return {
        "messages": (said + heard) * units * price["websocket_message"],
        "minutes": month["people"] * month["minutes"] * price["connection_minute"],
        "lambda": said * price["lambda_request"] + seconds * month["memory_mb"] / 1024 * price["lambda_gb_second"],
        "dynamodb": said
        * (month["read_units"] * price["dynamodb_read"] + month["write_units"] * price["dynamodb_write"]),
        "transfer": heard * month["bytes"] / 1e9 * price["transfer_gigabyte"],
        "logs": said * month["log_bytes"] / 1e9 * price["log_gigabyte"],
    }


@exercise("10.3", file="bill.py", look="one message first: what it costs on its way in, and on its way out")
def write_the_bill(answer: Answer) -> None:
    """Six parts, for a class, a company, and messages that are longer than 32 KB."""
    own, price = function_of(answer.text, "bill", "bill.py"), prices.all_prices()
    for what, month in (("a class", CLASS), ("a company", COMPANY), ("a class with long messages", LONG)):
        found = attempt(f"bill gives the parts of {what}", partial(own, dict(month), dict(price)))
        if not isinstance(found, dict):
            raise CheckFailed(f"bill gives a dict. Found {found!r}. Look at: the return at its end.")
        for part, expected in right_bill(month, price).items():
            if part not in found:
                raise CheckFailed(f"the bill has six parts. {part!r} is missing. Look at: the keys of your dict.")
            _amount(f"{part}, for {what}", found[part], expected, look=_PARTS[part])


def _amount(what: str, found: Any, expected: float, *, look: str, unit: str = "$") -> None:
    """An amount is right to a tenth of a percent."""
    if isinstance(found, bool) or not isinstance(found, int | float):
        raise CheckFailed(f"{what}. Found {found!r}, which is no number. Look at: {look}.")
    if not isclose(found, expected, rel_tol=1e-3, abs_tol=1e-12):
        raise CheckFailed(f"{what}. Found {unit}{found:,.6g} instead of {unit}{expected:,.6g}. Look at: {look}.")
    print(f"ok: {what}")


@exercise("10.4", file="walls.py", look="the quota, and what uses it up")
def find_the_walls(answer: Answer) -> None:
    """A bucket that is full at first, a door that takes so many a second, and a function that must answer in time."""
    names = ("seconds_to_reach", "minutes_to_arrive", "most_reached", "least_s")
    seconds_to_reach, minutes_to_arrive, most_reached, least_s = (
        function_of(answer.text, name, "walls.py") for name in names
    )
    look = "the bucket is full at first: that many cost no time, and the others come at the rate; never less than 0"
    for listeners, rate, burst in ((1_000_000, 10_000, 5_000), (1_000_000, 2_500, 1_250), (3_000, 10_000, 5_000)):
        found = attempt("seconds_to_reach", partial(seconds_to_reach, listeners, rate, burst))
        expected = max(0, listeners - burst) / rate
        _amount(f"seconds for {listeners:,} listeners at {rate:,} a second", found, expected, look=look, unit="")
    look = "people by connections a second are seconds, of which 60 are a minute"
    for people, per_second in ((1_000_000, 500), (30, 500)):
        found = attempt("minutes_to_arrive", partial(minutes_to_arrive, people, per_second))
        _amount(f"minutes until {people:,} have come", found, people / per_second / 60, look=look, unit="")
    look = "each worker has within_s, and each of its posts takes post_s; a post that is begun and not ended reaches nobody"
    for post_s, workers, within_s in ((0.016, 1, 29), (0.016, 16, 29), (2, 1, 29), (0.25, 4, 10)):
        found = attempt("most_reached", partial(most_reached, post_s, workers, within_s))
        expected = int(within_s / post_s) * workers
        _amount(f"listeners in {within_s} s, {workers} at a time", found, expected, look=look, unit="")
    for what, asked, expected, look in (
        ("the processor is what limits", (1_000, 0.01, 0.02, 16, 10_000, 5_000), 10.0, "listeners times post_s"),
        (
            "waiting is what limits",
            (1_000, 0.001, 0.039, 4, 10_000, 5_000),
            10.0,
            "post_s + answer_s, shared by workers",
        ),
        ("the account is what limits", (100_000, 0.0001, 0.001, 64, 1_000, 5_000), 95.0, "seconds_to_reach"),
    ):
        found = attempt("least_s", partial(least_s, *asked))
        _amount(f"least_s, where {what}", found, expected, look=look, unit="")


SAID, MINUTES = 1_000_000, 43_200_000
HEARERS = (1, 10, 100, 1_000, 10_000)
SERVICES = {
    "API Gateway": ("websocket_message", "connection_minute"),
    "AppSync Events": ("appsync_operation", "appsync_minute"),
    "IoT Core": ("iot_message", "iot_minute"),
}


@exercise("10.5", file="services.py", look="what is counted: messages in, messages out, minutes")
def compare_the_services(answer: Answer) -> None:
    """What three services take, as a function and as three lines on axes of matplotlib."""
    names = ("month_of", "fleet", "draw")
    month_of, fleet, draw = (function_of(answer.text, name, "services.py") for name in names)
    price = prices.all_prices()

    def right(service: str, said: float, hearers: float, minutes: float) -> float:
        message, minute = SERVICES[service]
        return said * (1 + hearers) * price[message] + minutes * price[minute]

    look = "said messages in, said times hearers out, and the minutes at this service's price"
    for service in SERVICES:
        for said, hearers, minutes in ((1e6, 30, 0), (0, 30, 1e6), (2e5, 500, 4.32e7)):
            asked = partial(month_of, service, said, hearers, minutes, dict(price))
            found = attempt(f"month_of gives the cost of {service}", asked, look=look)
            what = f"{service}: {said:,.0f} messages to {hearers}, {minutes:,.0f} minutes"
            _amount(what, found, right(service, said, hearers, minutes), look=look)
    for what, said, hearers, minutes, servers in (
        ("two servers at least", 1e6, 10, 0, 2),
        ("deliveries that need three", 1e6, 13_500, 0, 3),
        ("connections that need five", 0, 1, 9.5e8, 5),
    ):
        found = attempt("fleet gives what servers cost", partial(fleet, said, hearers, minutes, dict(price)))
        expected = 720 * (servers * price["server_hour"] + price["balancer_hour"])
        look = "how many servers deliveries need, and connections: ten times the average, and the larger of both"
        _amount(f"fleet: {what}", found, expected, look=look)
    axes = Sheet("A month", "hearers", "US dollars").axes
    attempt("draw draws", lambda: draw(axes, SAID, list(HEARERS), MINUTES, dict(price)), look="axes.plot(xs, ys)")
    lines = {label: (xs, ys) for label, xs, ys in lines_of(axes)}
    for service in SERVICES:
        if service not in lines:
            there = ", ".join(lines) or "none"
            raise CheckFailed(
                f"there is a line for each service. {service!r} is missing; there are: {there}. "
                "Look at: label=service, in axes.plot."
            )
        points = list(zip(*lines[service], strict=True))
        check(
            f"the line of {service} has a point for each number of hearers", [int(x) for x, _ in points], list(HEARERS)
        )
        for x, y in points:
            expected = right(service, SAID, x, MINUTES)
            if not isclose(y, expected, rel_tol=1e-3):
                raise CheckFailed(
                    f"the line of {service} is its cost. With hearers = {x:,.0f} it is {y:,.6g} instead of {expected:,.6g}. "
                    "Look at: what month_of is asked with, for each point."
                )
        print(f"ok: the line of {service}")

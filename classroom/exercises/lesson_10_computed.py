"""The exercises of lesson 10 that compute: what a message and a month cost, a model, the walls, and which service fits.

All of them are arithmetic; no AWS is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from math import ceil, isclose
from typing import Any

from classroom.exercises.checks import CheckFailed, attempt, check
from classroom.exercises.exercise import Answer
from classroom.exercises.registry import exercise
from classroom.my_chat.chat import function_of
from classroom.operations import prices
from classroom.reading.sheet import Sheet, lines_of

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


@exercise("10.4", file="bill.py", look="one message first: what it costs on its way in, and on its way out")
def write_the_bill(answer: Answer) -> None:
    """What one message has cost; six parts of a bill, for a class, a company, and messages that are longer than 32 KB."""
    own, price = function_of(answer.text, "bill", "bill.py"), prices.all_prices()
    _expect_cost_of_one(function_of(answer.text, "cost_of_one", "bill.py"), price)
    for what, month in (("a class", CLASS), ("a company", COMPANY), ("a class with long messages", LONG)):
        found = attempt(f"bill gives the parts of {what}", partial(own, dict(month), dict(price)))
        if not isinstance(found, dict):
            raise CheckFailed(f"bill gives a dict. Found {found!r}. Look at: the return at its end.")
        for part, expected in right_bill(month, price).items():
            if part not in found:
                raise CheckFailed(f"the bill has six parts. {part!r} is missing. Look at: the keys of your dict.")
            _amount(f"{part}, for {what}", found[part], expected, look=_PARTS[part])


def _expect_cost_of_one(cost_of_one: Callable[..., Any], price: Mapping[str, float]) -> None:
    """Each thing that was used is counted: one after the other is used a great deal."""
    rows = {
        "posts": (1e6, "websocket_message", "the messages that go out: total['posts']"),
        "invocations": (1e6, "lambda_request", "a request for each invocation, whatever it was for"),
        "billed_ms": (1e9, "lambda_gb_second", "milliseconds as seconds, times memory_mb / 1024, times the price"),
        "read_units": (1e6, "dynamodb_read", "total['read_units'], times the price of one"),
        "connection_minutes": (1e6, "connection_minute", "total['connection_minutes'], times the price of one"),
    }
    nothing = dict.fromkeys(rows, 0.0)
    found = attempt("cost_of_one", lambda: cost_of_one(dict(nothing), 4, 512, dict(price)))
    look = "a message that comes in is one, too: told of them; and at the end the sum is divided by told"
    _amount("a message that nobody hears", found, price["websocket_message"], look=look)
    for name, (amount, which, look) in rows.items():
        asked = {**nothing, name: amount}
        found = attempt("cost_of_one", partial(cost_of_one, asked, 4, 512, dict(price)))
        share = amount / 1000 / 2 if name == "billed_ms" else amount
        expected = price["websocket_message"] + share * price[which] / 4
        _amount(f"a message of four, with {amount:,.0f} {name} for all of them", found, expected, look=look)


@exercise("10.5", file="model.py", look="what each station takes for a post; the slowest one counts")
def write_the_formula(answer: Answer) -> None:
    """The slowest of four stations, and of three where each has a machine of its own."""
    own = function_of(answer.text, "each_s", "model.py")
    for what, asked, expected, look in (
        ("the function is the slowest", (0.01, 0.02, 16, 0.005, 0.001, 4), 0.01, "post_s itself"),
        ("the workers wait", (0.001, 0.039, 4, 0.002, 0.001, 8), 0.01, "(post_s + answer_s) / workers"),
        ("the gateway is the slowest", (0.001, 0.002, 16, 0.01, 0.001, 8), 0.01, "gateway_s, of which there is one"),
        ("the machine is the slowest", (0.008, 0.002, 16, 0.008, 0.004, 2), 0.01, "all three share the processors"),
        ("one after the other", (0.004, 0.006, 1, 0.005, 0.001, 2), 0.01, "one worker waits for each answer"),
        ("on AWS", (0.001, 0.159, 16, 0, 0, None), 0.01, "processors is None: nothing is shared"),
    ):
        found = attempt(f"each_s, where {what}", partial(own, *asked), look=look)
        _amount(f"each_s, where {what}", found, expected, look=look, unit="")


def _amount(what: str, found: Any, expected: float, *, look: str, unit: str = "$") -> None:
    """An amount is right to a tenth of a percent."""
    if isinstance(found, bool) or not isinstance(found, int | float):
        raise CheckFailed(f"{what}. Found {found!r}, which is no number. Look at: {look}.")
    if not isclose(found, expected, rel_tol=1e-3, abs_tol=1e-12):
        raise CheckFailed(f"{what}. Found {unit}{found:,.6g} instead of {unit}{expected:,.6g}. Look at: {look}.")
    print(f"ok: {what}")


@exercise("10.6", file="walls.py", look="the quota, and what uses it up")
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
        ("the function is what limits", (1_000, 0.01, 10_000, 5_000), 10.0, "listeners times each_s"),
        ("the account is what limits", (100_000, 0.0001, 1_000, 5_000), 95.0, "seconds_to_reach"),
    ):
        found = attempt("least_s", partial(least_s, *asked))
        _amount(f"least_s, where {what}", found, expected, look=look, unit="")


HEARERS = (1, 10, 100, 1_000, 10_000)
SERVICES = {
    "API Gateway": ("websocket_message", "connection_minute", 32, 10_000),
    "AppSync Events": ("appsync_operation", "appsync_minute", 5, 1_000_000),
    "IoT Core": ("iot_message", "iot_minute", 5, 20_000),
}
"""Of each service: its two prices, the KB that count as one message, and how many it delivers a second."""
SHAPE = {"said": 1_000_000, "bytes": 200, "hearers": 30, "minutes": 43_200_000, "largest": 100, "within_s": 1}


def right_month(service: str, shape: Mapping[str, float], price: Mapping[str, float]) -> float:
    """What a month of this shape costs with a service."""
    message, minute, kb, _ = SERVICES[service]
    messages = shape["said"] * (1 + shape["hearers"]) * ceil(shape["bytes"] / 1024 / kb)
    return messages * price[message] + shape["minutes"] * price[minute]


@exercise("10.7", file="services.py", look="what is counted: messages in, messages out, minutes")
def compare_the_services(answer: Answer) -> None:
    """What three services take, as a function and as three lines on axes of matplotlib, and which of them fits."""
    names = ("month_of", "fleet", "draw", "choose")
    month_of, fleet, draw, choose = (function_of(answer.text, name, "services.py") for name in names)
    price = prices.all_prices()
    for service in SERVICES:
        _expect_months(service, month_of, price)
    _expect_fleet(fleet, price)
    axes = Sheet("A month", "hearers", "US dollars").axes
    attempt("draw draws", lambda: draw(axes, dict(SHAPE), list(HEARERS), dict(price)), look="axes.plot(xs, ys)")
    lines = {label: (xs, ys) for label, xs, ys in lines_of(axes)}
    for service in SERVICES:
        _expect_line(service, lines, price)
    _expect_choices(choose, price)


def _expect_months(service: str, month_of: Callable[..., Any], price: Mapping[str, float]) -> None:
    for more, look in (
        ({"minutes": 0}, "said messages in, and said times hearers out"),
        ({"said": 0}, "the minutes, at this service's price"),
        ({"bytes": 5_120}, "a message of exactly 5 KB, which is 5 times 1,024 bytes, counts once"),
        (
            {"bytes": 33_000},
            "a message counts once for each 32 KB here, and for each 5 KB with the other two: math.ceil",
        ),
    ):
        shape = {**SHAPE, **more}
        found = attempt(f"month_of gives the cost of {service}", partial(month_of, service, dict(shape), dict(price)))
        what = ", ".join(f"{shape[name]:,.0f} {name}" for name in ("said", "hearers", "bytes", "minutes"))
        _amount(f"{service}: {what}", found, right_month(service, shape, price), look=look)


def _expect_fleet(fleet: Callable[..., Any], price: Mapping[str, float]) -> None:
    for what, said, hearers, minutes, servers in (
        ("two servers at least", 1e6, 10, 0, 2),
        ("deliveries that need three", 1e6, 13_500, 0, 3),
        ("connections that need five", 0, 1, 9.5e8, 5),
    ):
        shape = {**SHAPE, "said": said, "hearers": hearers, "minutes": minutes}
        found = attempt("fleet gives what servers cost", partial(fleet, shape, dict(price)))
        expected = 720 * (servers * price["server_hour"] + price["balancer_hour"])
        look = "how many servers deliveries need, and connections: ten times the average, and the larger of both"
        _amount(f"fleet: {what}", found, expected, look=look)


def _expect_line(
    service: str, lines: Mapping[str, tuple[list[float], list[float]]], price: Mapping[str, float]
) -> None:
    if service not in lines:
        there = ", ".join(lines) or "none"
        raise CheckFailed(
            f"there is a line for each service. {service!r} is missing; there are: {there}. "
            "Look at: label=service, in axes.plot."
        )
    points = list(zip(*lines[service], strict=True))
    check(f"the line of {service} has a point for each number of hearers", [int(x) for x, _ in points], list(HEARERS))
    for x, y in points:
        expected = right_month(service, {**SHAPE, "hearers": x}, price)
        if not isclose(y, expected, rel_tol=1e-3):
            raise CheckFailed(
                f"the line of {service} is its cost. With hearers = {x:,.0f} it is {y:,.6g} instead of {expected:,.6g}. "
                "Look at: what month_of is asked with, for each point."
            )
    print(f"ok: the line of {service}")


def _expect_choices(choose: Callable[..., Any], price: Mapping[str, float]) -> None:
    """The price decides among those that are quick enough."""
    for what, more, expected, look in (
        ("short messages, all are quick enough", {}, "AppSync Events", "min, with month_of as its key"),
        ("messages of 20 KB", {"bytes": 20_000}, "API Gateway", "the cheapest, and not always the same"),
        (
            "messages of 20 KB to 30,000 at once",
            {"bytes": 20_000, "largest": 30_000},
            "AppSync Events",
            "who is quick enough: largest divided by what it delivers a second, compared with within_s",
        ),
        (
            "messages of 20 KB to 30,000 within three seconds",
            {"bytes": 20_000, "largest": 30_000, "within_s": 3},
            "API Gateway",
            "exactly as quick as wanted is quick enough",
        ),
        ("two million at once", {"largest": 2_000_000}, None, "default=None, where nobody is quick enough"),
    ):
        found = attempt(f"choose, for {what}", partial(choose, {**SHAPE, **more}, dict(price)), look=look)
        check(f"choose, for {what}", found, expected, look=look)

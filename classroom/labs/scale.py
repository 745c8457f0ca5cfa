"""What lesson 10 shows around the learner's own functions: its machine as the model sees it, its tables and its drawings.

Nothing here measures, and nothing here computes a cost: the functions that do are
the learner's, and are handed in. What is printed goes with the drawing or the table below it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from classroom.labs.crowd import WAYS, Crowd
from classroom.labs.crowd_model import AWS, System, Way, delivery_s, error
from classroom.labs.posting import Post, posts_a_second
from classroom.operations import prices
from classroom.reading.sheet import Sheet

BOTO3, POOLED, CHEAP = "boto3", "boto3, 16 connections", "SigV4Auth, http.client"
WORKERS, PART, PART_ON_AWS = 16, 50, 500
MEMORY_MB = (128, 512, 1_769)
MEASURED_TO = 200
"""The largest crowd that the lesson measures: whatever the model says of larger ones is extrapolated."""

CHAT = {"memory_mb": 1_769, "bytes": 200, "log_bytes": 600, "read_units": 1, "write_units": 1}
MONTHS = {
    "a class": {"people": 30, "minutes": 600, "messages": 400, "hearers": 30},
    "a company": {"people": 2_000, "minutes": 9_600, "messages": 2_000, "hearers": 20},
    "a million": {"people": 1_000_000, "minutes": 3_000, "messages": 40, "hearers": 50},
}
"""Three chats for a month: ten hours of lessons; an office, all day, in rooms of twenty; fifty hours each, in rooms of fifty."""
SMALL = {"largest": 100, "within_s": 1}
SHAPES: dict[str, dict[str, float]] = {
    "a class": {"said": 12_000, "bytes": 200, "hearers": 30, "minutes": 18_000, **SMALL},
    "shared papers": {"said": 100_000, "bytes": 20_000, "hearers": 10, "minutes": 4_320_000, **SMALL},
    "quiet listeners": {"said": 10_000, "bytes": 200, "hearers": 1, "minutes": 432_000_000, **SMALL},
    "a stadium": {"said": 300, "bytes": 500, "hearers": 2e5, "minutes": 3.6e7, "largest": 2e5, "within_s": 1},
    "a world final": {"said": 60, "bytes": 500, "hearers": 5e6, "minutes": 6e8, "largest": 5e6, "within_s": 1},
}
"""The traffic of a month, as exercise 10.7 writes it down."""


def show_prices() -> None:
    """Print every price of us-east-1 with its source, and what is known of the other regions, with their quotas."""
    known = prices.all_prices()
    print("In us-east-1, in US dollars, read on", prices.read_on())
    for name, (unit, source) in prices.sources().items():
        print(f"{name:22} {known[name]:<11g} {unit}\n{'':34} {source}")
    print("\nAnd elsewhere:")
    for region in prices.regions():
        rate, burst = prices.throttle(region)
        count = f"{len(prices.all_prices(region))} of {len(known)} prices"
        print(f"{region:15} {count:16} {rate:>7,} requests a second, {burst:,} more at once")


def posts_by_memory(post: Mapping[str, Post]) -> Sheet:
    """A drawing of how many posts a second functions of some sizes have the processor for; prints what was measured."""
    for way, one in post.items():
        print(f"{way:24}{one.cpu_ms:>6.2f} ms of processor")
    rates = {way: [posts_a_second(one.cpu_ms, size) for size in MEMORY_MB] for way, one in post.items()}
    return Sheet("What a function has the processor for", "MB of memory", "posts a second").draw(
        MEMORY_MB, rates, marker="o"
    )


def this_machine(alone: Mapping[str, Post], crowded: Mapping[str, Post], crowd: Crowd) -> tuple[System, dict[str, Way]]:
    """This machine as a system, and the four ways on it, from posts of one worker (``alone``) and of sixteen (``crowded``).

    A client's processor time is that of as many workers as the way has: workers who share Python's one
    running thread take more for each post. How long a post waits for its answer is known from one worker.
    """
    waits = {who: (post.wall_ms - post.cpu_ms) / 1000 for who, post in alone.items()}
    system = System(answer_s=waits[CHEAP], listen_s=crowd.listen_s, processors=os.cpu_count())
    cheap = Way(crowded[CHEAP].cpu_ms / 1000, WORKERS, answer_s=waits[CHEAP])
    return system, {
        "sequential": Way(alone[BOTO3].cpu_ms / 1000, answer_s=waits[BOTO3]),
        "concurrent": Way(crowded[POOLED].cpu_ms / 1000, WORKERS, answer_s=waits[BOTO3]),
        "cheap": cheap,
        "sharded": replace(cheap, part=PART),
    }


def formula(
    each_s: Callable[..., float],
    here: System,
    ways: Mapping[str, Way],
    sizes: Sequence[int],
    measured: Mapping[str, Sequence[float]],
) -> None:
    """Print, for each way, what the learner's formula says of a further listener, and what the two largest crowds say."""
    for way, it in ways.items():
        each = each_s(it.post_s, it.answer_s, it.workers, here.gateway_s, here.listen_s, here.processors)
        slope = (measured[way][-1] - measured[way][-2]) / (sizes[-1] - sizes[-2])
        print(f"{way:11}{1000 * each:6.2f} ms for each listener; measured {1000 * slope:5.2f}")


def compared(
    sizes: Sequence[int], measured: Mapping[str, Sequence[float]], modelled: Mapping[str, Sequence[float]]
) -> Sheet:
    """A drawing of both, lines and dots, of seconds for each size of the crowd; prints how far the model is off."""
    sheet = Sheet("Lines: the model. Dots: measured.", "connections", "seconds")
    for way, seconds in modelled.items():
        [line] = sheet.axes.plot(sizes, seconds, label=way)
        style = {"color": line.get_color(), "label": f"_{way}, measured"}
        sheet.axes.plot(sizes, measured[way], "o", **style)
        off = (f"{error(*pair):+.0%}" for pair in zip(seconds, measured[way], strict=True))
        print(f"{way:11} the model is off by", *off)
    return sheet


def on_aws(ways: Mapping[str, Way], post: Mapping[str, Post], sizes: Sequence[int]) -> dict[str, list[float]]:
    """Seconds that each way takes on AWS, computed: there workers wait, so a post takes what it takes alone."""
    moved = {way: replace(it, post_s=_alone(way, post), answer_s=AWS.answer_s) for way, it in ways.items()}
    moved["sharded"] = replace(moved["sharded"], part=PART_ON_AWS)
    return {way: [delivery_s(AWS, moved[way], size) for size in sizes] for way in WAYS}


def up_to_the_wall(
    sizes: Sequence[int], forecast: Mapping[str, Sequence[float]], seconds_to_reach: Callable[..., float]
) -> Sheet:
    """A drawing of the forecast, up to where it was measured and beyond, and of what the account allows, to a million."""
    sheet = Sheet("On AWS, computed", "connections", "seconds", log="xy").draw(sizes, forecast)
    gray: dict[str, Any] = {"color": "gray", "linestyle": "-", "alpha": 0.5}
    beyond = [10_000, 20_000, 100_000, 1_000_000]
    sheet.draw([sizes[0], beyond[-1]], {"29 seconds": [29, 29]}, **gray)
    sheet.draw(
        beyond, {"the wall": [seconds_to_reach(size, AWS.rate, AWS.burst) for size in beyond]}, linewidth=4, **gray
    )
    sheet.axes.axvspan(MEASURED_TO, beyond[-1], color="gray", alpha=0.08, linewidth=0)
    top: dict[str, Any] = {"transform": sheet.axes.get_xaxis_transform(), "verticalalignment": "top", "fontsize": 9}
    sheet.axes.text(MEASURED_TO * 1.15, 0.97, "extrapolated from here", **top)
    return sheet


def a_month_of_a_million(draw: Callable[..., Any], fleet: Callable[..., float], price: Mapping[str, float]) -> Sheet:
    """The learner's drawing of three services, for a million messages to more and more hearers, and servers beside them."""
    hearers = [1, 10, 100, 1_000, 10_000]
    shape = {"said": 1_000_000, "bytes": 200, "minutes": 43_200_000, **SMALL}
    sheet = Sheet("A month of a million messages", "hearers of each", "US dollars", log="xy")
    draw(sheet.axes, shape, hearers, price)
    own = [fleet({**shape, "hearers": each}, price) for each in hearers]
    return sheet.draw(hearers, {"two servers or more": own})


def choices(
    month_of: Callable[..., float],
    fleet: Callable[..., float],
    choose: Callable[..., str | None],
    price: Mapping[str, float],
) -> None:
    """Print what each shape costs a month in each service and with servers, and which service the learner's function chooses."""
    services = {"API Gateway": "Gateway", "AppSync Events": "AppSync", "IoT Core": "IoT Core"}
    print(f"{'dollars a month':15}" + "".join(f"{name:>10}" for name in (*services.values(), "servers")) + "  chosen")
    for name, shape in SHAPES.items():
        costs = [*(month_of(service, shape, price) for service in services), fleet(shape, price)]
        print(f"{name:15}" + "".join(f"{cost:10,.2f}" for cost in costs), "", choose(shape, price))


def _alone(way: str, post: Mapping[str, Post]) -> float:
    return post[BOTO3 if way in ("sequential", "concurrent") else CHEAP].cpu_ms / 1000

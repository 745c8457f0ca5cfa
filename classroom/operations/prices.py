"""What a class costs on AWS, from the dated prices in ``prices.toml``, and how much an account may do (``quotas.toml``).

Pure arithmetic: a ``Class`` says what is done, ``bill`` what each part costs.
It knows no account and calls no AWS.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

_FILE = Path(__file__).with_name("prices.toml")
_FAN_OUT_READS = 0.5  # One eventual read of up to 4 KB holds the connections of a small chat.
_LOG_BYTES = 600  # START, one structured line, END and REPORT of one invocation.


@dataclass(frozen=True)
class Class:
    """A class on AWS: each person has ``panels`` connections for ``hours`` and sends ``messages`` to all of them."""

    people: int = 1
    hours: float = 1.0
    panels: int = 2
    messages: int = 200
    invocation_s: float = 0.1
    memory_gb: float = 0.125
    provisioned_units: int = 5
    """Read units and write units of the one provisioned table of lesson 1."""


@cache
def _prices() -> dict[str, Any]:
    return tomllib.loads(_FILE.read_text("utf-8"))


def read_on() -> date:
    """The day on which the prices were read."""
    return _prices()["read"]


def price(name: str) -> float:
    """One price of ``prices.toml`` in US dollars. Raises ``KeyError`` for an unknown name."""
    return _prices()[name]["usd"]


def all_prices(region: str = "") -> dict[str, float]:
    """Every price that is known of a region, by its name in ``prices.toml``; of us-east-1, which is complete, if none is named."""
    return {name: entry["usd"] for name, entry in _entries(region).items()}


def sources(region: str = "") -> dict[str, tuple[str, str]]:
    """For each price what it is for, and where it was read, by its name."""
    return {name: (entry["unit"], entry["source"]) for name, entry in _entries(region).items()}


def regions() -> list[str]:
    """The regions of which at least one price is known, the complete one first."""
    return [_prices()["region"], *_prices()["regions"]]


def throttle(region: str) -> tuple[int, int]:
    """How many requests a second API Gateway takes from an account in a region at first, and how many more at once."""
    found = quotas()["api_gateway"]
    lower = "lower_" if region in found["lower_regions"] else ""
    return found[f"{lower}rate"], found[f"{lower}burst"]


@cache
def quotas() -> dict[str, Any]:
    """What ``quotas.toml`` says of each service: ``rate`` a second, its unit and its source."""
    return tomllib.loads(_FILE.with_name("quotas.toml").read_text("utf-8"))


def _entries(region: str) -> dict[str, Any]:
    found = _prices() if region in ("", _prices()["region"]) else _prices()["regions"].get(region, {})
    return {name: entry for name, entry in found.items() if isinstance(entry, dict) and "usd" in entry}


def bill(plan: Class) -> dict[str, float]:
    """What each part of a class costs, in US dollars.

    A message is one invocation, one write, one read of the connections, one
    frame in and ``panels`` frames out; a connection is two invocations and two writes.
    """
    connections = plan.people * plan.panels
    messages = plan.people * plan.messages
    invocations = messages + 2 * connections
    return {
        "WebSocket messages": messages * (1 + plan.panels) * price("websocket_message"),
        "connection minutes": connections * plan.hours * 60 * price("connection_minute"),
        "Lambda": invocations
        * (price("lambda_request") + plan.invocation_s * plan.memory_gb * price("lambda_gb_second")),
        "DynamoDB on demand": (messages + 2 * connections) * price("dynamodb_write")
        + messages * _FAN_OUT_READS * price("dynamodb_read"),
        "DynamoDB provisioned table": plan.people
        * plan.hours
        * plan.provisioned_units
        * (price("provisioned_write_hour") + price("provisioned_read_hour")),
        "logs": invocations * _LOG_BYTES / 1e9 * price("log_gigabyte"),
    }


def total(plan: Class) -> float:
    """What a class costs altogether, in US dollars."""
    return sum(bill(plan).values())

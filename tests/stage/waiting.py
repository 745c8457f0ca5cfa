"""Waiting for what happens after an answer, with a deadline that says what it waited for; and the logs, which tell of it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from threading import Event
from typing import Any, TypeVar

T = TypeVar("T")

_WITHIN_S = float(os.environ.get("CHAT_PATIENCE_S", "90"))
_PAUSE_S = 0.05


def eventually(look: Callable[[], T], is_there: Callable[[T], bool], what: str, within_s: float = _WITHIN_S) -> T:
    """Looks until what is seen satisfies; returns it. Raises AssertionError with what was waited for."""
    deadline = time.monotonic() + within_s
    never = Event()
    while True:
        seen = look()
        if is_there(seen):
            return seen
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {within_s:.0f} s for {what}; last seen: {seen!r}")
        never.wait(_PAUSE_S)


def messages_in(logs: Any, group: str, pattern: str = "") -> list[str]:
    """The messages of a log group that are there by now, those that match: none where the group itself is not there.

    ``logs`` is a boto3 client, ``group`` a group's name or a Lambda function's ARN. A function's first run makes its
    group, and AWS makes no promise of when a line can be read: whoever has caused a line looks until it is there.
    """
    if group.startswith("arn:aws:lambda:"):
        group = f"/aws/lambda/{group.rpartition(':')[2]}"
    matching = {"filterPattern": pattern} if pattern else {}
    pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group, **matching)
    try:
        return [event["message"] for page in pages for event in page["events"]]
    except logs.exceptions.ResourceNotFoundException:
        return []

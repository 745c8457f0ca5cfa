"""Lines on their way to the account's log: kept, but not for ever; written, whatever becomes of others."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Callable, Iterator
from typing import Any

import moto.logs.models
import pytest
from moto.logs.models import LogEvent

from localstage.door.account_thread import AccountThread
from localstage.door.moto import remember_no_instances
from localstage.services.logs.log_writer import STREAM_LIMIT_EVENTS, LogBudget, LogWriter

_ACCOUNT = "111122223333"
_REGION = "us-east-1"


@pytest.fixture
def thread() -> Iterator[AccountThread]:
    """The account's thread; CloudWatch Logs is emptied afterwards."""
    thread = AccountThread()
    yield thread
    thread.stop()
    moto.logs.models.logs_backends[_ACCOUNT][_REGION].reset()


def _messages(group: str) -> list[str]:
    return [event.message for event in _group(group).streams["stream"].events]


def _group(name: str) -> Any:
    return moto.logs.models.logs_backends[_ACCOUNT][_REGION].groups[name]


def _now_ms() -> int:
    return int(time.time() * 1000)


def test_stream_when_it_has_reached_its_limit(thread: AccountThread):
    """A stream keeps its newest events only."""
    now_ms = _now_ms()

    async def write() -> None:
        writer = LogWriter(thread, _ACCOUNT)
        for first in range(0, STREAM_LIMIT_EVENTS + 2000, 2000):
            writer.write(_REGION, "group", "stream", [(now_ms + first, f"line {first}")] * 2000)
            await writer.flush()

    asyncio.run(write())
    messages = _messages("group")
    assert len(messages) == STREAM_LIMIT_EVENTS
    assert (messages[0], messages[-1]) == ("line 2000", f"line {STREAM_LIMIT_EVENTS}")


def test_lines_when_another_log_group_refuses_its_own(thread: AccountThread, caplog: pytest.LogCaptureFixture):
    """A log group that cannot be written loses its own lines only, and nobody else is told of it."""
    impossible = "x" * 513  # AWS: CloudWatch Logs, CreateLogGroup: at most 512 characters.

    async def write() -> None:
        writer = LogWriter(thread, _ACCOUNT)
        for group in ("before", impossible, "after"):
            writer.write(_REGION, group, "stream", [(_now_ms(), f"of {group}")])
        await writer.flush()
        writer.write(_REGION, "after", "stream", [(_now_ms(), "later")])
        await writer.flush()

    asyncio.run(write())
    assert (_messages("before"), _messages("after")) == (["of before"], ["of after", "later"])
    assert [impossible in record.message for record in caplog.records] == [True]


class _Echo(AccountThread):
    """Does what it is asked, and each time somebody writes one line more."""

    write_one_more: Callable[[], None]

    async def run(self, work: Callable[[], Any]) -> Any:
        result = await super().run(work)
        self.write_one_more()
        return result


def test_flush_when_lines_keep_coming():
    """Whoever waits for the lines that are there does not wait for those that come later."""
    thread = _Echo()

    async def flush() -> None:
        writer = LogWriter(thread, _ACCOUNT)
        thread.write_one_more = lambda: writer.write(_REGION, "group", "stream", [(_now_ms(), "one more")])
        writer.write(_REGION, "group", "stream", [(_now_ms(), "first")])
        await asyncio.wait_for(writer.flush(), 60)
        assert _messages("group")[0] == "first"
        thread.write_one_more = lambda: None
        await writer.flush()

    try:
        asyncio.run(flush())
    finally:
        thread.stop()
        moto.logs.models.logs_backends[_ACCOUNT][_REGION].reset()


def test_lines_when_they_may_not_be_written(thread: AccountThread):
    """Whoever may not write is asked with what is there already, and neither group nor stream is made for nothing."""
    asked = []

    def allowed(has_group: bool, has_stream: bool) -> bool:
        asked.append((has_group, has_stream))
        return len(asked) > 1

    async def write() -> None:
        writer = LogWriter(thread, _ACCOUNT)
        for number in range(3):
            writer.write(_REGION, "guarded", "stream", [(_now_ms(), f"line {number}")], allowed)
            await writer.flush()

    asyncio.run(write())
    assert asked == [(False, False), (False, False), (True, True)]
    assert _messages("guarded") == ["line 1", "line 2"]


def test_lines_when_they_are_no_longer_kept(thread: AccountThread):
    """A line that its stream has trimmed is nowhere in memory any more."""
    remember_no_instances()

    async def write() -> None:
        writer = LogWriter(thread, _ACCOUNT)
        for _ in range(3):
            writer.write(_REGION, "group", "stream", [(_now_ms(), "one of many")] * STREAM_LIMIT_EVENTS)
            await writer.flush()

    asyncio.run(write())
    kept = [one for one in gc.get_objects() if type(one) is LogEvent and one.message == "one of many"]
    assert len(kept) == STREAM_LIMIT_EVENTS


def test_lines_when_environments_begin_stream_after_stream(thread: AccountThread):
    """All streams share one budget: those written to last keep their lines, older ones stay as streams without any."""
    budget = LogBudget(events=500, characters=10**9, streams=20, looked_at_every=50)

    async def write() -> None:
        writer = LogWriter(thread, _ACCOUNT, budget=budget)
        for number in range(40):
            writer.write(_REGION, "group", f"stream-{number:02}", [(_now_ms(), f"line {n}") for n in range(60)])
            await writer.flush()

    asyncio.run(write())
    streams = _group("group").streams
    kept = {name: len(stream.events) for name, stream in streams.items()}
    assert sum(kept.values()) <= budget.events + 60
    assert len(kept) <= budget.streams + 1
    assert list(kept)[-1] == "stream-39"
    assert (kept["stream-39"], kept["stream-38"], kept["stream-25"]) == (60, 60, 0)
    assert streams["stream-25"].to_describe_dict()["storedBytes"] == 0


def test_lines_when_they_are_long(thread: AccountThread):
    """Lines of a quarter of a megabyte, the longest there are, count by their characters."""
    budget = LogBudget(characters=3_000_000)

    async def write() -> None:
        writer = LogWriter(thread, _ACCOUNT, budget=budget)
        for number in range(40):
            writer.write(_REGION, "group", "stream", [(_now_ms(), f"{number:02}".ljust(250_000))])
            await writer.flush()

    asyncio.run(write())
    messages = _messages("group")
    assert sum(map(len, messages)) <= budget.characters + 2_000 * 200 + 250_000
    assert messages[-1].startswith("39")

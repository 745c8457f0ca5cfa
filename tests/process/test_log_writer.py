"""Function logs in the account: kept, but not for ever."""

from __future__ import annotations

import asyncio
import time

import moto.logs.models

from localstage.door.moto_server import AccountThread
from localstage.services.logs.log_writer import STREAM_LIMIT_EVENTS, LogWriter

_ACCOUNT = "111122223333"


def test_stream_when_it_has_reached_its_limit():
    """A stream keeps its newest events only."""
    thread, now_ms = AccountThread(), int(time.time() * 1000)

    async def write() -> None:
        writer = LogWriter(thread, _ACCOUNT)
        for first in range(0, STREAM_LIMIT_EVENTS + 2000, 2000):
            writer.write("us-east-1", "group", "stream", [(now_ms + first, f"line {first}")] * 2000)
            await writer.flush()

    backends = moto.logs.models.logs_backends
    try:
        asyncio.run(write())
        events = backends[_ACCOUNT]["us-east-1"].groups["group"].streams["stream"].events
        assert len(events) == STREAM_LIMIT_EVENTS
        assert (events[0].message, events[-1].message) == ("line 2000", f"line {STREAM_LIMIT_EVENTS}")
    finally:
        thread.stop()
        backends[_ACCOUNT]["us-east-1"].reset()

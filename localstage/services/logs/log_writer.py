"""Lines on their way to CloudWatch Logs.

Lines are gathered while the account thread is busy and written in one go, so
logging never slows an invocation. Log groups and streams: moto.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from functools import partial

from localstage.door.moto import AccountThread
from localstage.functions.definition import FunctionDefinition

_Key = tuple[str, str, str]
_Lines = list[tuple[int, str]]

STREAM_LIMIT_EVENTS = 10_000
"""The newest events of a stream are kept, so that a stage that runs for long does not grow for ever."""

log = logging.getLogger(__name__)


class LogWriter:
    """Writes lines to log groups; the LogSink of functions."""

    def __init__(self, thread: AccountThread, account_id: str):
        self._thread = thread
        self._account_id = account_id
        self._waiting: dict[_Key, _Lines] = {}
        self._writer: asyncio.Task[None] | None = None

    def put(
        self, definition: FunctionDefinition, log_group: str, log_stream: str, events: Sequence[tuple[int, str]]
    ) -> None:
        """Takes a function's lines as (milliseconds, message); returns at once."""
        self.write(definition.region, log_group, log_stream, events)

    def write(self, region: str, log_group: str, log_stream: str, events: Sequence[tuple[int, str]]) -> None:
        """Takes lines as (milliseconds, message); returns at once. Group and stream are made if need be."""
        self._waiting.setdefault((region, log_group, log_stream), []).extend(events)
        if self._writer is None or self._writer.done():
            self._writer = asyncio.get_running_loop().create_task(self._write())

    async def flush(self) -> None:
        """Returns when all that was taken before the call is readable in CloudWatch Logs.

        What is taken later is not waited for: the account thread does first what it was given first.
        """
        await self._write_waiting()

    async def _write(self) -> None:
        while self._waiting:
            await self._write_waiting()

    async def _write_waiting(self) -> None:
        batch, self._waiting = self._waiting, {}
        await self._thread.run(partial(self._write_batch, batch))

    def _write_batch(self, batch: dict[_Key, _Lines]) -> None:
        for key, lines in batch.items():
            try:
                self._write_stream(*key, lines)
            except Exception as error:  # Whatever one log group refuses, the others get their lines.
                log.warning("%d lines for the log group %s are lost: %s", len(lines), key[1], error)

    def _write_stream(self, region: str, group: str, stream: str, lines: _Lines) -> None:
        from moto.logs.models import logs_backends

        backend = logs_backends[self._account_id][region]
        if group not in backend.groups:
            backend.create_log_group(group, {})
        if stream not in backend.groups[group].streams:
            backend.create_log_stream(group, stream)
        backend.put_log_events(
            group, stream, [{"timestamp": at_ms, "message": message} for at_ms, message in sorted(lines, key=_time)]
        )
        del backend.groups[group].streams[stream].events[:-STREAM_LIMIT_EVENTS]


def _time(line: tuple[int, str]) -> int:
    return line[0]

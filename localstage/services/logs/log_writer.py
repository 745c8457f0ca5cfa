"""Lines on their way to CloudWatch Logs: the gateway's, and a function's as far as its role may write them.

Lines are gathered for a moment and written in one go, so
logging never slows an invocation. Log groups and streams: moto.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from operator import itemgetter
from typing import Any

from localstage.door.account_thread import AccountThread
from localstage.door.moto import existing_backends
from localstage.door.permissions import Permissions
from localstage.door.signatures.verification import KnownKey
from localstage.functions.definition import FunctionDefinition
from localstage.policy.document import Need
from localstage.services.logs.needs import log_stream_arn

_Key = tuple[str, str, str]
_Lines = list[tuple[int, str]]
Allowed = Callable[[bool, bool], bool]
"""Whether lines may be written, if their log group is there already, and if their stream is."""
_Batch = dict[_Key, tuple[_Lines, Allowed]]

STREAM_LIMIT_EVENTS = 10_000
"""The newest events of a stream are kept, so that a stage that runs for long does not grow for ever."""


@dataclass(frozen=True)
class LogBudget:
    """What all streams of the account may hold together; those that were written to last keep theirs longest.

    Each execution environment begins a stream of its own, so a bound for each stream is none for all.
    """

    events: int = 40_000
    characters: int = 32_000_000
    streams: int = 1_000
    """Streams, with or without events. AWS: an expired stream is listed without its events."""
    looked_at_every: int = 2_000
    """Events, or as many times 200 characters, after which all streams are looked at."""


_GATHERED_S = 0.1
"""So long lines are gathered: writing those of each invocation by themselves took a third of the account thread's time.
Whoever reads a log, or changes who may write one, has them written first (``flush``)."""

log = logging.getLogger(__name__)


class LogWriter:
    """Writes lines to log groups. With ``later``, which is to call its argument later, they can be read later.

    AWS: CloudWatch Logs makes no promise of when a line can be read.
    """

    def __init__(
        self,
        thread: AccountThread,
        account_id: str,
        later: Callable[[Callable[[], None]], None] | None = None,
        budget: LogBudget | None = None,
    ):
        self._thread = thread
        self._account_id = account_id
        self._later = later
        self._budget = budget or LogBudget()
        self._since_looked = 0
        self._waiting: _Batch = {}
        self._writer: asyncio.Task[None] | None = None
        self._due: asyncio.TimerHandle | None = None

    def write(
        self,
        region: str,
        log_group: str,
        log_stream: str,
        events: Sequence[tuple[int, str]],
        allowed: Allowed = lambda has_group, has_stream: True,
    ) -> None:
        """Takes lines as (milliseconds, message); returns at once. Group and stream are made if need be.

        ``allowed`` is asked on the account thread before they are written; it is the same for all lines of a stream.
        """
        take = partial(self._take, (region, log_group, log_stream), list(events), allowed)
        if self._later is None:
            take()
        else:
            self._later(take)

    def _take(self, key: _Key, lines: _Lines, allowed: Allowed) -> None:
        self._waiting.setdefault(key, ([], allowed))[0].extend(lines)
        if self._due is None and (self._writer is None or self._writer.done()):
            self._due = asyncio.get_running_loop().call_later(_GATHERED_S, self._begin)

    def _begin(self) -> None:
        self._due = None
        self._writer = asyncio.get_running_loop().create_task(self._write())

    def forget(self) -> None:
        """The account has been emptied: what was to be written to it is gone."""
        self._waiting = {}

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

    def _write_batch(self, batch: _Batch) -> None:
        for key, (lines, allowed) in batch.items():
            try:
                self._write_stream(*key, lines, allowed)
            except Exception as error:  # Whatever one log group refuses, the others get their lines.
                log.warning("%d lines for the log group %s are lost: %s", len(lines), key[1], error)

    def _write_stream(self, region: str, group: str, stream: str, lines: _Lines, allowed: Allowed) -> None:
        from moto.logs.models import logs_backends

        backend = logs_backends[self._account_id][region]
        has_group = group in backend.groups
        has_stream = has_group and stream in backend.groups[group].streams
        if not allowed(has_group, has_stream):
            return
        if not has_group:
            backend.create_log_group(group, {})
        if not has_stream:
            backend.create_log_stream(group, stream)
        backend.put_log_events(
            group, stream, [{"timestamp": at_ms, "message": text} for at_ms, text in sorted(lines, key=itemgetter(0))]
        )
        _shorten(backend.groups[group].streams[stream], STREAM_LIMIT_EVENTS)
        self._since_looked += sum(1 + len(text) // 200 for _, text in lines) + (0 if has_stream else 10)
        if self._since_looked >= self._budget.looked_at_every:
            self._since_looked = 0
            self._keep_to_budget()

    def _keep_to_budget(self) -> None:
        """Takes the oldest events from the streams that were written to longest ago, then such streams themselves."""
        groups = [group for backend in existing_backends("logs", self._account_id) for group in backend.groups.values()]
        streams = [(group, stream) for group in groups for stream in group.streams.values()]
        streams.sort(key=lambda found: found[1].last_ingestion_time or found[1].creation_time)
        events = sum(len(stream.events) for _, stream in streams) - self._budget.events
        characters = sum(stream.stored_bytes for _, stream in streams) - self._budget.characters
        too_many = len(streams) - self._budget.streams
        for number, (group, stream) in enumerate(streams):
            if number < too_many:
                group.streams.pop(stream.log_stream_name)
            elif events <= 0 and characters <= 0:
                return
            before, size = len(stream.events), stream.stored_bytes
            _shorten(stream, 0 if number < too_many else before - events, characters)
            events -= before - len(stream.events)
            characters -= size - stream.stored_bytes


def _shorten(stream: Any, keep: int, characters: int = 0) -> None:
    """Leaves a stream the newest ``keep`` events, and takes at least so many characters from it."""
    gone = max(len(stream.events) - max(keep, 0), 0)
    taken = sum(len(event.message) for event in stream.events[:gone])
    while taken < characters and gone < len(stream.events):
        taken += len(stream.events[gone].message)
        gone += 1
    del stream.events[:gone]
    stream.stored_bytes -= taken


class PermittedLogs:
    """The LogSink of functions.

    AWS: FIDELITY section 10: Lambda writes a function's log with the function's own
    role; without the permissions there is no log, and nothing says so.
    """

    def __init__(self, logs: LogWriter, permissions: Permissions, key_of: Callable[[str, str], KnownKey]):
        """``key_of`` gives the role session of a function's ARN and role."""
        self._logs = logs
        self._permissions = permissions
        self._key_of = key_of

    def put(self, definition: FunctionDefinition, log_stream: str, events: Sequence[tuple[int, str]]) -> None:
        """Takes lines as (milliseconds, message); returns at once."""
        allowed = partial(self._may_write, definition, log_stream)
        self._logs.write(definition.region, definition.log_group, log_stream, events, allowed)

    def _may_write(self, definition: FunctionDefinition, stream: str, has_group: bool, has_stream: bool) -> bool:
        key = self._key_of(definition.arn, definition.role_arn)
        where = (definition.region, definition.account_id, definition.log_group)
        in_stream = log_stream_arn(*where, stream)
        needs = [] if has_group else [Need("logs:CreateLogGroup", log_stream_arn(*where), {})]
        needs += [] if has_stream else [Need("logs:CreateLogStream", in_stream, {})]
        return self._permissions.refusal(key, [*needs, Need("logs:PutLogEvents", in_stream, {})]) is None

"""Lines on their way to CloudWatch Logs: the gateway's, and a function's as far as its role may write them.

Lines are gathered while the account thread is busy and written in one go, so
logging never slows an invocation. Log groups and streams: moto.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from functools import partial
from operator import itemgetter

from localstage.door.account_thread import AccountThread
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

log = logging.getLogger(__name__)


class LogWriter:
    """Writes lines to log groups. With ``later``, which is to call its argument later, they can be read later.

    AWS: CloudWatch Logs makes no promise of when a line can be read.
    """

    def __init__(
        self, thread: AccountThread, account_id: str, later: Callable[[Callable[[], None]], None] | None = None
    ):
        self._thread = thread
        self._account_id = account_id
        self._later = later
        self._waiting: _Batch = {}
        self._writer: asyncio.Task[None] | None = None

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
        del backend.groups[group].streams[stream].events[:-STREAM_LIMIT_EVENTS]


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

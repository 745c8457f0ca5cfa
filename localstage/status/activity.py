"""What has happened lately: the events that stages served, the lines that functions printed, the calls that were refused.

Owned by the event loop. Stands between the gateway and the telemetry, between
the functions and their log, and before the door, and hands everything on as it
is. Keeps the newest of each kind; a reader asks for what came after a number.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from html import unescape
from itertools import chain
from operator import itemgetter
from typing import Any

from localstage.core.events import ConnectionFacts
from localstage.core.records import EventRecord
from localstage.core.snapshot import ServedStage
from localstage.functions.definition import FunctionDefinition
from localstage.functions.environment_log import LogSink
from localstage.gateway.executions import Telemetry
from localstage.port.exchange import Answer, Request, by_name

ApiHandler = Callable[[Request], Awaitable[Answer]]

KEPT_EVENTS = 500
KEPT_LINES = 2_000
KEPT_REFUSALS = 100
_SIGNED_FOR = re.compile(r"Credential=[^/]+/\d{8}/[^/]+/([^/]+)/aws4_request")
_FIELDS = re.compile(r"""["<](__type|[Cc]ode|[Mm]essage)(?:"\s*:\s*"|>)((?:\\.|[^"<\\])*)""")
ERROR_LIMIT = 300
LINE_LIMIT = 4_000
"""Characters of a line that are shown; CloudWatch Logs has all of them."""


class Activity:
    """The Telemetry and the LogSink of an emulator, which remember what passes."""

    def __init__(self, telemetry: Telemetry, log_sink: LogSink, now_ms: Callable[[], int]):
        self._telemetry = telemetry
        self._log_sink = log_sink
        self._now_ms = now_ms
        self._number = 0
        self._events: deque[tuple[int, dict[str, Any]]] = deque(maxlen=KEPT_EVENTS)
        self._lines: deque[tuple[int, dict[str, Any]]] = deque(maxlen=KEPT_LINES)
        self._refusals: deque[tuple[int, dict[str, Any]]] = deque(maxlen=KEPT_REFUSALS)
        self._waiting: set[asyncio.Future[None]] = set()
        self._stopped = False

    def record_event(self, stage: ServedStage, record: EventRecord) -> None:
        """Remembers one event, without its body, and hands it on."""
        self._telemetry.record_event(stage, record)
        self._add(
            self._events,
            {
                "kind": "event",
                "at_ms": self._now_ms(),
                "api_id": stage.api_id,
                "stage": stage.stage_name,
                "route": record.context.get("routeKey", "-"),
                "connection_id": record.context.get("connectionId", "-"),
                "status": record.status,
                "latency_ms": record.integration_latency_ms,
                "error": record.error and _in_short(record.error),
            },
        )

    def record_execution(self, stage: ServedStage, lines: Sequence[str]) -> None:
        """Hands the execution log on."""
        self._telemetry.record_execution(stage, lines)

    def record_sent(self, facts: ConnectionFacts, region: str) -> None:
        """Hands a message to a client on."""
        self._telemetry.record_sent(facts, region)

    def put(self, definition: FunctionDefinition, log_stream: str, events: Sequence[tuple[int, str]]) -> None:
        """Remembers a function's lines, whether or not its role may write them to CloudWatch Logs, and hands them on."""
        self._log_sink.put(definition, log_stream, events)
        for at_ms, text in events:
            line = text.rstrip("\n").replace("\r", "\n")  # Lambda's Python writes a traceback as one line.
            shown = line if len(line) <= LINE_LIMIT else line[:LINE_LIMIT] + " …"
            entry = {"kind": "line", "at_ms": at_ms, "function": definition.name, "text": shown}
            self._add(self._lines, entry)

    def beside(self, door: ApiHandler) -> ApiHandler:
        """The door, which answers AWS API calls, with its refusals remembered."""

        async def answer(request: Request) -> Answer:
            reply = await door(request)
            if reply.status >= 400:
                entry = {"kind": "refusal", "at_ms": self._now_ms(), "call": _call_of(request)}
                self._add(
                    self._refusals, {**entry, "error": _error_of(by_name(reply.headers), reply.body, reply.status)}
                )
            return reply

        return answer

    def after(self, number: int) -> tuple[int, list[dict[str, Any]]]:
        """What is remembered of what came after ``number``, oldest first, and the number to ask with next."""
        found = [entry for entry in chain(self._events, self._lines, self._refusals) if entry[0] > number]
        return self._number, [entry for _, entry in sorted(found, key=itemgetter(0))]

    async def wait(self, number: int, seconds: float) -> None:
        """Returns when something came after ``number``, when the time is over, or when localstage ends."""
        if self._number > number or self._stopped or not seconds > 0:  # Neither is a NaN, which no timer understands.
            return
        waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.add(waiting)
        try:
            await asyncio.wait([waiting], timeout=seconds)
        finally:
            self._waiting.discard(waiting)

    def stop(self) -> None:
        """Lets nobody wait any longer."""
        self._stopped = True
        self._wake()

    def _add(self, kept: deque[tuple[int, dict[str, Any]]], entry: dict[str, Any]) -> None:
        self._number += 1
        kept.append((self._number, entry))
        self._wake()

    def _wake(self) -> None:
        for waiting in self._waiting:
            if not waiting.done():
                waiting.set_result(None)
        self._waiting.clear()


def _in_short(error: str) -> str:
    """An event's error on one line; of a function's, which is JSON with a stack trace, type and message."""
    with suppress(ValueError, TypeError, KeyError):
        raised = json.loads(error)
        error = f"{raised['errorType']}: {raised['errorMessage']}"
    return error[:ERROR_LIMIT]


def _call_of(request: Request) -> str:
    """The service and, where the head tells it, the operation of an API call."""
    signed_for = _SIGNED_FOR.search(request.headers.get("authorization", ""))
    operation = request.headers.get("x-amz-target", "").rpartition(".")[2]
    place = operation or f"{request.method} {request.target.partition('?')[0]}"
    return f"{signed_for.group(1) if signed_for else 'AWS'} {place}"


def _error_of(headers: Mapping[str, str], body: bytes, status: int) -> str:
    """Code and message of an error in whichever of AWS's protocols it is written."""
    text = body.decode("utf-8", "replace")[:LINE_LIMIT]
    found = {name.lower(): value for name, value in _FIELDS.findall(text)}
    code = headers.get("x-amzn-errortype") or found.get("__type") or found.get("code") or str(status)
    return f"{code.rpartition('#')[2].partition(':')[0]}: {unescape(found.get('message', ''))}"

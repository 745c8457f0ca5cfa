"""The log of one execution environment: one stream, in order, with nothing of this machine in it.

Gathers the messages of the current invocation for LogResult. Does not know
processes; it is handed the bytes that they write.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Protocol

from localstage.functions.definition import FunctionDefinition
from localstage.functions.log_lines import TAIL_BYTES, tail_of
from localstage.functions.output import Masks, OutputLines


class LogSink(Protocol):
    """Where log events go."""

    def put(self, definition: FunctionDefinition, log_stream: str, events: Sequence[tuple[int, str]]) -> None:
        """Takes events of the function's log group as (milliseconds since the epoch, message). Must not block."""


class EnvironmentLog:
    """Writes to the stream ``stream`` of the function's log group."""

    def __init__(self, definition: FunctionDefinition, stream: str, sink: LogSink, now_ms: Callable[[], int]) -> None:
        self.stream = stream
        self._definition = definition
        self._sink = sink
        self._now_ms = now_ms
        self._lines = OutputLines()
        self._tail: deque[str] = deque()
        self._tail_size = 0
        self.masks: Masks | None = None
        """Set as soon as the directories are known."""

    def now(self) -> datetime:
        """The current time in UTC."""
        return datetime.fromtimestamp(self._now_ms() / 1000, UTC)

    def output(self, piece: bytes) -> None:
        """Takes what the process wrote."""
        self._put([self._masked(message) for message in self._lines.feed(piece)])

    def platform(self, *lines: str) -> None:
        """Writes lines of the platform itself, after an unfinished line of the process."""
        unfinished = [self._masked(message) for message in self._lines.flush()]
        self._put(unfinished + [line + "\n" for line in lines])

    def masked(self, payload: bytes) -> bytes:
        """A payload with the directories that Lambda has."""
        return self._masked(payload.decode(errors="replace")).encode()

    def begin_tail(self) -> None:
        """The next message is the first of the current invocation."""
        self._tail.clear()
        self._tail_size = 0

    @property
    def tail(self) -> str:
        """The last 4 KB of the current invocation's log."""
        return tail_of(self._tail)

    def _masked(self, text: str) -> str:
        return self.masks.text(text) if self.masks else text

    def _put(self, messages: list[str]) -> None:
        if not messages:
            return
        now_ms = self._now_ms()
        self._sink.put(self._definition, self.stream, [(now_ms, message) for message in messages])
        for message in messages:
            self._tail.append(message)
            self._tail_size += len(message)
        while self._tail_size - len(self._tail[0]) >= TAIL_BYTES:
            self._tail_size -= len(self._tail.popleft())

"""The log of one execution environment: one stream, in order, with nothing of this machine in it.

From what a process writes to what its log shows: bytes come in pieces of any
size, messages go out, each with its newline, and no directory of this machine
stays in them. Gathers the messages of the current invocation for LogResult.
Does not know processes.
"""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Protocol

from localstage.functions.definition import FunctionDefinition
from localstage.functions.log_lines import TAIL_BYTES, tail_of

MESSAGE_LIMIT = 256 * 1024
"""Characters of one log message; a longer line becomes several. AWS: CloudWatch Logs quotas, event size."""
JOIN = b"\x00\n"
"""A line end that the bootstrap marked as inside one message: the record of a logger stays one log event."""


class OutputLines:
    """Cuts a stream of bytes into log messages.

    ``feed`` returns the messages that are complete, ``flush`` what is left of
    an unfinished line. A newline that follows a flush closes that line only
    and makes no message of its own.
    """

    def __init__(self) -> None:
        self._rest = b""
        self._flushed = False

    def feed(self, piece: bytes) -> list[str]:
        if self._flushed and piece:
            self._flushed = False
            piece = piece.removeprefix(b"\n")
        lines = (self._rest + piece).split(b"\n")
        self._rest = lines.pop()
        messages: list[str] = []
        record = b""
        for line in lines:
            if line.endswith(b"\x00"):
                record += line[:-1] + b"\n"
                continue
            messages += _messages(record + line)
            record = b""
        if record:
            self._rest = record.replace(b"\n", JOIN) + self._rest
        if len(self._rest) > MESSAGE_LIMIT:
            messages += self.flush()
        return messages

    def flush(self) -> list[str]:
        if not self._rest:
            return []
        rest, self._rest, self._flushed = self._rest, b"", True
        return _messages(rest.replace(JOIN, b"\n"))


def _messages(line: bytes) -> list[str]:
    text = line.decode(errors="replace")
    pieces = [text[at : at + MESSAGE_LIMIT] for at in range(0, len(text), MESSAGE_LIMIT)] or [""]
    return [piece + "\n" for piece in pieces]


class Masks:
    """Puts the directories that Lambda has in the place of this machine's.

    ``directories`` maps a real directory to the name to show, such as
    ``{"/tmp/x1/task": "/var/task"}``. The longest directory wins.
    """

    def __init__(self, directories: Mapping[str, str]) -> None:
        self._shown: dict[str, str] = {}
        for real, shown in directories.items():
            for spelling in (real, json.dumps(real)[1:-1], json.dumps(real, ensure_ascii=False)[1:-1]):
                self._shown[spelling] = shown
        ordered = sorted(self._shown, key=len, reverse=True)
        below = r"((?:[\\/]+[\w.\-]+)*)" if any("\\" in real for real in ordered) else "()"
        self._pattern = re.compile(f"({'|'.join(map(re.escape, ordered))})(?![\\w\\-])" + below)

    def text(self, text: str) -> str:
        """The text with every directory replaced; JSON may be given as it is."""
        return self._pattern.sub(self._replacement, text)

    def _replacement(self, match: re.Match[str]) -> str:
        return self._shown[match[1]] + re.sub(r"\\+", "/", match[2])


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

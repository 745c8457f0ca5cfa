"""From what a process writes to what its log shows: lines, and no directory of this machine.

Pure. Bytes come in pieces of any size; log messages come out, each with its newline.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

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

"""Small requests and their answers as they are on the wire (RFC 9112); pure.

A request is small if its body is short and has a Content-Length, and if nothing of it
can be read in two ways. What is not is left to a server that knows all of HTTP.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from typing import Protocol

from localstage.port.exchange import Answer

HEAD_LIMIT = 16 * 1024
BODY_LIMIT = 256 * 1024
_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_ONCE = ("host", "content-length", "connection", "upgrade")
_LEFT_TO_OTHERS = ("transfer-encoding", "content-encoding", "expect", "trailer", "te", "http2-settings")
_TEXT = bytes([0x09, *range(0x20, 0x7F), *range(0x80, 0x100)])
"""What a line of a head may consist of (RFC 9110, section 5.5)."""
_VISIBLE = frozenset(map(chr, range(0x21, 0x7F)))
_TOKEN = frozenset("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
_NO_BODY = (204, 304)
FRAMING = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length", "date", "server"})
"""Headers that an answer has from the server that sends it, and from nobody else."""


class Receiver(Protocol):
    """The connection that a request has come on."""

    remote: str
    secure: bool

    def detach(self) -> tuple[asyncio.Transport, bytes]:
        """As ``exchange.Request.detach``."""


class SmallRequest:
    """A request that has been read whole (``exchange.Request``), or that waits for the rest of its body."""

    __slots__ = (
        "_connection",
        "body",
        "closes",
        "headers",
        "is_bare",
        "length",
        "method",
        "remote",
        "secure",
        "sent",
        "target",
    )

    def __init__(self, method: str, target: str, sent: tuple[tuple[str, str], ...], headers: Mapping[str, str]):
        self.method = method
        self.target = target
        self.sent = sent
        self.headers: Mapping[str, str] = headers
        self.length = int(headers.get("content-length", "0"))
        self.closes = headers.get("connection", "").lower() == "close"
        self.body: bytes | None = None
        self.remote = ""
        self.secure = False
        self.is_bare = not self.length
        self._connection: Receiver | None = None

    def belongs_to(self, connection: Receiver, body: bytes) -> None:
        """Says who has received it, and what its body is."""
        self._connection, self.body = connection, body
        self.remote, self.secure = connection.remote, connection.secure

    async def read(self) -> bytes:
        return self.body or b""

    async def read_from_stranger(self) -> bytes:
        return self.body or b""

    def detach(self) -> tuple[asyncio.Transport, bytes]:
        assert self._connection is not None, "only what has come from a client has a transport"
        return self._connection.detach()


def read_head(head: bytes) -> SmallRequest | None:
    """The request that a head describes, without the empty line at its end; None for one that is left to others."""
    text = head.decode("utf-8", "surrogateescape")
    first, *lines = text.split("\r\n")
    if head.translate(None, _TEXT) != b"\r\n" * len(lines):  # No other control character, no CR or LF by itself.
        return None
    method, _, rest = first.partition(" ")
    target, _, version = rest.partition(" ")
    if version != "HTTP/1.1" or method not in _METHODS or not target.startswith("/") or not _VISIBLE.issuperset(target):
        return None
    sent: list[tuple[str, str]] = []
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        key = _lowered(name)
        if not colon or not key or (key in headers and key in _ONCE):
            return None
        value = value.strip(" \t")
        sent.append((name, value))
        headers[key] = f"{headers[key]},{value}" if key in headers else value
    if "host" not in headers or not headers.keys().isdisjoint(_LEFT_TO_OTHERS) or not _is_framed(headers):
        return None
    return SmallRequest(method, target, tuple(sent), headers)


@lru_cache(maxsize=1024)
def _lowered(name: str) -> str:
    """A header's name in lower case; "" if it is none."""
    return name.lower() if name and _TOKEN.issuperset(name) else ""


def _is_framed(headers: dict[str, str]) -> bool:
    """Whether it is plain where the body ends, and what becomes of the connection then."""
    length = headers.get("content-length", "0")
    if not (length.isascii() and length.isdigit() and len(length) < 10 and int(length) <= BODY_LIMIT):
        return False
    wishes = {token.strip() for token in headers.get("connection", "keep-alive").lower().split(",")}
    if "upgrade" in headers:
        return headers["upgrade"].lower() == "websocket" and wishes <= {"upgrade", "keep-alive"} and length == "0"
    return wishes in ({"keep-alive"}, {"close"})


def wire_format(answer: Answer, closes: bool = False) -> bytes:
    """An answer as it is sent. Raises ValueError for a header that would be more than one line."""
    lines = [_status_line(answer.status), f"Date: {_date(int(time.time()))}"]
    for name, value in answer.headers:
        key = _lowered(name)
        if not key or "\n" in value or "\r" in value or "\0" in value:
            raise ValueError(f"{value!r} cannot be the value of a header {name!r}")
        if key not in FRAMING:
            lines.append(f"{name}: {value}")
    if answer.status not in _NO_BODY:
        lines.append(f"Content-Length: {len(answer.body)}")
    if closes:
        lines.append("Connection: close")
    return "\r\n".join((*lines, "", "")).encode("utf-8", "surrogateescape") + answer.body


@lru_cache(maxsize=64)
def _status_line(status: int) -> str:
    try:
        return f"HTTP/1.1 {status} {HTTPStatus(status).phrase}"
    except ValueError:
        return f"HTTP/1.1 {status} "


@lru_cache(maxsize=1)
def _date(second: int) -> str:
    return formatdate(second, usegmt=True)

"""One HTTP request and its answer, as handlers see them, whichever of the port's two servers has read it.

small_requests.py reads what programs send all the time, aiohttp (server.py) everything else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Answer:
    """Status, headers and body on the wire. The server adds what frames the body, and the date."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes = b""


class BodyNeverCame(Exception):
    """Somebody who is not known has begun a body and not ended it."""


class Request(Protocol):
    """One request, whose head has been read."""

    method: str
    target: str
    """Path and query exactly as sent."""
    sent: tuple[tuple[str, str], ...]
    """The headers as sent, in order; bytes that are no UTF-8 are surrogates."""
    headers: Mapping[str, str]
    """The same by name in lower case; several values are joined by commas."""
    body: bytes | None
    """None where it has not come yet."""
    remote: str
    """The IP address of the other end."""
    secure: bool
    """Whether it came over TLS."""
    is_bare: bool
    """Whether it is one of HTTP/1.1 without a body, as a WebSocket's handshake must be."""

    async def read(self) -> bytes:
        """The body of somebody who is known, when it has come; who waits for ``100 Continue`` is told to go on."""

    async def read_from_stranger(self) -> bytes:
        """The body of anybody else, which counts among what is awaited. Raises BodyNeverCame."""

    def detach(self) -> tuple[asyncio.Transport, bytes]:
        """Takes the transport out of its server; returns it, and what has come behind the request.

        The caller must set the transport's protocol before it returns to the event
        loop, and the handler answers None. Raises ConnectionResetError if the client has gone.
        """


Reply = Answer | None
"""None: the handler has taken the connection."""
Handler = Callable[[Request], Reply | Awaitable[Reply]]
"""Gives a reply at once where it has nothing to wait for, which costs no task."""


async def reply_of(outcome: Reply | Awaitable[Reply]) -> Reply:
    """What a handler has given, or gives later."""
    return outcome if outcome is None or isinstance(outcome, Answer) else await outcome


def by_name(sent: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Headers by name in lower case; several values are joined by commas."""
    found: dict[str, str] = {}
    for name, value in sent:
        key = name.lower()
        found[key] = f"{found[key]},{value}" if key in found else value
    return found

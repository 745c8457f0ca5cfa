"""Taking a connection out of the HTTP server, for a tunnel, TLS or a WebSocket.

aiohttp was chosen over tornado for the port: it keeps header names as sent,
its parser is compiled, and a handler may take the transport away with little
more than public calls (``set_parser``, ``connection_lost``). What frames a client sends is
then the business of websockets' sans-I/O protocol, which knows frame sizes and
close codes exactly; aiohttp's own WebSocket hides both.
"""

from __future__ import annotations

import asyncio

from localstage.port import web


class _Tail:
    """Collects the bytes that came in behind the request's head."""

    def __init__(self) -> None:
        self.received = b""

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        self.received += data
        return False, b""

    def feed_eof(self) -> None:
        """The end is noticed by the transport's next owner."""


class NoResponse(web.StreamResponse):
    """Answers nothing: whoever took the connection has answered, or will."""

    async def prepare(self, request: web.BaseRequest) -> None:
        return None

    async def write_eof(self, data: bytes = b"") -> None:
        return None


def detach_transport(request: web.BaseRequest) -> tuple[asyncio.Transport, bytes]:
    """Detaches the request's transport from the HTTP server.

    Returns the transport and what was received behind the request. The caller
    must set the transport's protocol before it returns to the event loop, and
    return a NoResponse from the handler. Raises ConnectionResetError if the
    client has gone already.
    """
    protocol, transport = request.protocol, request.transport
    if transport is None or transport.is_closing():
        raise ConnectionResetError("the client has gone")
    tail = _Tail()
    protocol.set_parser(tail)  # type: ignore[arg-type]  # It takes whatever can be fed.
    protocol.transport = None  # else connection_lost would close it
    protocol.connection_lost(None)
    return transport, tail.received

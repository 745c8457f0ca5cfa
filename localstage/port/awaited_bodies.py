"""What requests have sent that are not answered yet: one budget for both of the port's servers.

Nobody knows who sends a request before its head is there, and whoever has no key
of this emulator may send bodies, or halves of them, on as many connections as the
system gives. So what waits in memory is counted, and beyond the budget a sender
who is not known is refused: by one sentence, whose body is read into nothing. Does
not know what is asked, nor what a key is.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus

LIMIT = 32 * 1024 * 1024
_DISCARD_S = 2.0
"""How long what a refused client still sends is read, so that it finds the answer before the end."""
_SENTENCE = b"localstage waits for as many unfinished requests as it can hold; try again in a moment.\n"
_REFUSAL = (
    f"HTTP/1.1 {HTTPStatus.SERVICE_UNAVAILABLE} {HTTPStatus.SERVICE_UNAVAILABLE.phrase}\r\n"
    f"Content-Type: text/plain\r\nContent-Length: {len(_SENTENCE)}\r\nConnection: close\r\n\r\n"
).encode() + _SENTENCE


class AwaitedBodies:
    """Bytes by connection. Lives on the event loop."""

    def __init__(self) -> None:
        self.bytes = 0
        self._of: dict[asyncio.BaseProtocol, int] = {}

    def take(self, connection: asyncio.BaseProtocol, size: int) -> bool:
        """Counts so many more for a connection, if the budget has them."""
        if self.bytes + size > LIMIT:
            return False
        self.bytes += size
        self._of[connection] = self._of.get(connection, 0) + size
        return True

    def give_back(self, connection: asyncio.BaseProtocol) -> None:
        """The connection's request is answered, its sender is known, or it has ended; harmless when nothing is counted."""
        self.bytes -= self._of.pop(connection, 0)


def refuse(transport: asyncio.Transport) -> None:
    """Takes a connection over, says that there is no room, and ends it; its protocol must have forgotten it."""
    transport.write(_REFUSAL)
    if transport.can_write_eof():
        transport.write_eof()
    transport.set_protocol(_Discarding(transport))
    transport.resume_reading()


class _Discarding(asyncio.Protocol):
    """What comes is forgotten; the client, or some seconds, end it."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._end = asyncio.get_running_loop().call_later(_DISCARD_S, transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        self._end.cancel()

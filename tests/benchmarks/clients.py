"""WebSocket clients that cost little themselves: what they measure is the other side.

A client opens, counts and keeps the text messages that it receives, and sends.
It answers pings and no more; messages come in one frame, as every subject sends them.
"""

from __future__ import annotations

import asyncio
import base64
import os
import struct
from collections.abc import Callable
from urllib.parse import urlsplit

_HANDSHAKE = (
    "GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
_TEXT, _CLOSE, _PING, _PONG = 1, 8, 9, 10


class Refused(Exception):
    """The handshake was not answered 101."""


class Client(asyncio.Protocol):
    """One WebSocket; make it with ``open_client``. ``on_text`` gets each message, ``closed`` is set in the end."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.on_text: Callable[[str], None] = lambda text: None
        self.opened: asyncio.Future[None] = loop.create_future()
        self.closed: asyncio.Future[None] = loop.create_future()
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

    def begin(self, transport: asyncio.Transport, head: bytes) -> None:
        """Sends the handshake."""
        self._transport = transport
        transport.write(head)

    def send(self, text: str) -> None:
        """Sends one text message."""
        self._write(_TEXT, text.encode())

    def close(self) -> None:
        """Closes in order; ``closed`` follows."""
        self._write(_CLOSE, struct.pack("!H", 1000))

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self.opened.done():
            head, mark, rest = self._buffer.partition(b"\r\n\r\n")
            if not mark:
                return
            self._buffer = rest
            if b" 101 " not in head.split(b"\r\n")[0]:
                self.opened.set_exception(Refused(head.split(b"\r\n")[0].decode("latin-1")))
                return
            self.opened.set_result(None)
        while self._take_frame():
            pass

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.opened.done():
            self.opened.set_exception(Refused("the connection was cut"))
        if not self.closed.done():
            self.closed.set_result(None)

    def _take_frame(self) -> bool:
        buffer = self._buffer
        if len(buffer) < 2:
            return False
        size, start = buffer[1] & 127, 2
        if size >= 126:
            width = 2 if size == 126 else 8
            start += width
            if len(buffer) < start:
                return False
            size = int.from_bytes(buffer[2:start], "big")
        if len(buffer) < start + size:
            return False
        payload, self._buffer = buffer[start : start + size], buffer[start + size :]
        opcode = buffer[0] & 15
        if opcode == _TEXT:
            self.on_text(payload.decode())
        elif opcode == _PING:
            self._write(_PONG, payload)
        elif opcode == _CLOSE and self._transport is not None:
            self._transport.close()
        return True

    def _write(self, opcode: int, payload: bytes) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        mask = os.urandom(4)
        masked = (
            int.from_bytes(payload, "big") ^ int.from_bytes((mask * (len(payload) // 4 + 1))[: len(payload)], "big")
        ).to_bytes(len(payload), "big")
        if len(payload) < 126:
            head = bytes((0x80 | opcode, 0x80 | len(payload)))
        else:
            head = struct.pack("!BBH", 0x80 | opcode, 0x80 | 126, len(payload))
        self._transport.write(head + mask + masked)


async def open_client(url: str) -> Client:
    """An open connection. Raises Refused, OSError, TimeoutError."""
    parts = urlsplit(url)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    transport, client = await asyncio.get_running_loop().create_connection(Client, parts.hostname, parts.port)
    key = base64.b64encode(os.urandom(16)).decode()  # Another for each: serverless-offline knows a handshake by it.
    client.begin(transport, _HANDSHAKE.format(path=path, host=parts.netloc, key=key).encode())
    try:
        await asyncio.wait_for(client.opened, 60)
    except BaseException:
        transport.abort()
        raise
    return client


async def open_clients(url: str, count: int, at_once: int) -> list[Client]:
    """So many connections, opened some at once. Raises as ``open_client``."""
    clients: list[Client] = []
    left = iter(range(count))

    async def opener() -> None:
        for _ in left:
            clients.append(await open_client(url))  # noqa: PERF401 - what is open must be known if another fails

    async with asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(opener())
    return clients


async def close_clients(clients: list[Client]) -> None:
    """Closes them all and waits until they are closed, for half a minute at most."""
    for client in clients:
        client.close()
    if clients:
        await asyncio.wait([client.closed for client in clients], timeout=30)

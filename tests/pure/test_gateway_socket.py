"""One WebSocket's bytes, without a line: what a client may send and leave unread before it is held back or cut."""

from __future__ import annotations

import asyncio
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
from websockets.frames import Frame, Opcode

from localstage.core.connection import CUT, Ending
from localstage.gateway import socket as module
from localstage.gateway.socket import WebSocket
from localstage.settings import Settings


class Line(asyncio.Transport):
    """A transport whose other end reads nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.sent = bytearray()
        self.reading, self.closing = True, False
        self.protocol: asyncio.Protocol | None = None

    def write(self, data: Any) -> None:
        self.sent += data

    def get_write_buffer_size(self) -> int:
        return len(self.sent)

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def is_closing(self) -> bool:
        return self.closing

    def can_write_eof(self) -> bool:
        return False

    def close(self) -> None:
        self.closing = True

    def abort(self) -> None:
        self.closing = True
        assert self.protocol is not None
        asyncio.get_running_loop().call_soon(self.protocol.connection_lost, None)


class Client:
    """A client's end of a socket: what it sends, and what the gateway hears of it."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.endings: list[Ending] = []
        self.line = Line()
        self.socket = WebSocket(Settings(), self.texts.append, self.endings.append)
        self.line.protocol = self.socket
        self.socket.connection_made(self.line)

    def send(self, *frames: Frame) -> None:
        """Sends frames, masked, in one piece."""
        self.socket.data_received(b"".join(frame.serialize(mask=True) for frame in frames))


def with_a_client(scenario: Callable[[Client], Any]) -> Any:
    async def run() -> Any:
        return await scenario(Client())

    return asyncio.run(run())


def text(content: str) -> Frame:
    return Frame(Opcode.TEXT, content.encode())


def test_frames_when_a_client_floods():
    """Of a flood of tiny messages some are read in each turn; meanwhile nothing more is taken from the line."""

    async def scenario(client: Client) -> list[int]:
        read: list[int] = []
        client.send(*(text(str(number)) for number in range(2_000)))
        while len(client.texts) < 2_000:
            assert not client.line.reading
            read.append(len(client.texts))
            await asyncio.sleep(0)
        assert client.line.reading
        assert client.texts == [str(number) for number in range(2_000)]
        return read

    read = with_a_client(scenario)
    assert max(after - before for before, after in zip([0, *read], read, strict=False)) < 128


def test_message_when_it_is_large():
    """A large message is whole, whatever turns it took, and what came behind it follows."""

    async def scenario(client: Client) -> list[str]:
        pieces = [Frame(Opcode.CONT if piece else Opcode.TEXT, b"x" * 32_768, fin=piece == 3) for piece in range(4)]
        client.send(*pieces, text("next"))
        while not client.line.reading:
            await asyncio.sleep(0)
        return client.texts

    assert with_a_client(scenario) == ["x" * 131_072, "next"]


def test_fragments_when_they_are_empty():
    """However many empty fragments a message has, nothing is kept of them."""

    async def scenario(client: Client) -> tuple[int, list[str]]:
        client.send(Frame(Opcode.TEXT, b"", fin=False))
        tracemalloc.start()
        for _ in range(50):
            client.send(*[Frame(Opcode.CONT, b"", fin=False)] * 100)
            while not client.line.reading:
                await asyncio.sleep(0)
        kept = tracemalloc.take_snapshot().filter_traces([tracemalloc.Filter(True, module.__file__)])
        tracemalloc.stop()
        client.send(Frame(Opcode.CONT, b"x"))
        return sum(trace.size for trace in kept.traces), client.texts

    kept, texts = with_a_client(scenario)
    assert texts == ["x"]
    assert kept < 8_000


def test_pings_when_nobody_reads_the_pongs(monkeypatch: pytest.MonkeyPatch):
    """A client that pings on and on and never reads is cut, and what waited for it is dropped."""
    monkeypatch.setattr(module, "_UNREAD_AT_MOST_BYTES", 10_000)

    async def scenario(client: Client) -> list[Ending]:
        for _ in range(100):
            client.send(Frame(Opcode.PING, b"x" * 100))
        await asyncio.sleep(0)
        return client.endings

    assert with_a_client(scenario) == [CUT]


def test_bytes_when_they_come_after_the_line_is_cut(monkeypatch: pytest.MonkeyPatch):
    """What is left of a flood is dropped with the line."""

    async def scenario(client: Client) -> int:
        client.send(*(text(str(number)) for number in range(2_000)))
        client.line.abort()
        for _ in range(100):
            await asyncio.sleep(0)
        return len(client.texts)

    assert with_a_client(scenario) < 256

"""TLS on a connection of the port: what reaches who answers inside, what reaches the client, and every way to end."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from localstage.port import secured
from localstage.port.certificates import Authority
from localstage.port.secured import Secured, new_buffer

HOST = "b.s3.amazonaws.com"


class Below(asyncio.Transport):
    """The transport below: keeps what is written to it."""

    def __init__(self) -> None:
        super().__init__({"peername": ("127.0.0.1", 5)})
        self.written = b""
        self.reads, self.wrote_eof, self.closed, self.aborted = True, False, False, False
        self.ended = asyncio.Event()

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self.protocol = protocol

    def write(self, data: Any) -> None:
        self.written += data

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.wrote_eof = True

    def pause_reading(self) -> None:
        self.reads = False

    def resume_reading(self) -> None:
        self.reads = True

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True
        self.ended.set()

    def abort(self) -> None:
        self.aborted = True
        self.close()


class Inside(asyncio.Protocol):
    """Who answers inside: keeps what it hears."""

    def __init__(self) -> None:
        self.received = b""
        self.heard: list[str] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.received += data

    def eof_received(self) -> None:
        self.heard.append("end of client")

    def pause_writing(self) -> None:
        self.heard.append("full")

    def resume_writing(self) -> None:
        self.heard.append("empty")

    def connection_lost(self, exc: Exception | None) -> None:
        self.heard.append("lost")


class Client:
    """The client's side, without a socket."""

    def __init__(self, authority_file: Path, below: Below) -> None:
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        context = ssl.create_default_context(cafile=str(authority_file))
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_hostname=HOST)
        self._below = below

    def take(self) -> None:
        """What the other side has written is here."""
        self.incoming.write(self._below.written)
        self._below.written = b""

    def agrees(self) -> bool:
        self.take()
        try:
            self.tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        return True

    def read(self) -> bytes:
        """All that has come; "" is also the end, as ssl has it."""
        self.take()
        pieces = b""
        while True:
            try:
                piece = self.tls.read(1 << 16)
            except ssl.SSLWantReadError:
                return pieces
            if not piece:
                return pieces + b"(the end)"
            pieces += piece


class Ends:
    """Both ends of one connection."""

    def __init__(self, folder: Path, early: bool = False) -> None:
        authority = Authority()
        authority.write_own(folder / "ca.pem")
        self.below, self.made = Below(), list[Inside]()
        self.client = Client(folder / "ca.pem", self.below)
        self.client.agrees()
        begun = self.client.outgoing.read() if early else b""
        context = authority.context_by_name(lambda host: host == HOST)
        self.secured = Secured(self.below, context, self._new_inside, new_buffer(), begun)

    def _new_inside(self) -> Inside:
        self.made.append(Inside())
        return self.made[-1]

    @property
    def inside(self) -> Inside:
        (made,) = self.made
        return made

    def give(self, data: bytes, piece: int = 1 << 20) -> None:
        """The transport below receives it, in pieces."""
        for start in range(0, len(data), piece):
            part = data[start : start + piece]
            while part:
                room = self.secured.get_buffer(-1)
                size = min(len(room), len(part))
                room[:size] = part[:size]
                self.secured.buffer_updated(size)
                part = part[size:]

    def send(self, data: bytes, piece: int = 1 << 20) -> None:
        self.client.tls.write(data)
        self.give(self.client.outgoing.read(), piece)

    def agree(self) -> Ends:
        for _ in range(3):
            done = self.client.agrees()
            self.give(self.client.outgoing.read())
            if done:
                return self
        raise AssertionError("they do not agree")


def on_a_loop(scenario: Callable[[], Awaitable[None]]) -> None:
    async def run() -> None:
        await asyncio.wait_for(scenario(), 60)

    asyncio.run(run())


@pytest.mark.parametrize("early", [False, True])
@pytest.mark.parametrize("piece", [1, 1 << 20])
def test_secured_when_both_ends_agree(tmp_path: Path, early: bool, piece: int):
    """What one side writes the other reads, however it is cut on its way; nothing is inside before they agree."""

    async def scenario() -> None:
        ends = Ends(tmp_path, early)
        assert not ends.made
        ends.agree()
        ends.send(b"request", piece)
        assert ends.inside.received == b"request"
        ends.inside.transport.write(b"")
        ends.inside.transport.write(bytearray(b"answer"))
        assert ends.client.read() == b"answer"
        big = bytes(range(256)) * 1000
        ends.send(big, 100_000 * piece)
        ends.inside.transport.write(memoryview(big))
        assert ends.inside.received == b"request" + big and ends.client.read() == big
        assert ends.inside.transport.get_extra_info("sslcontext") is not None
        assert ends.inside.transport.get_extra_info("peername") == ("127.0.0.1", 5)
        ends.secured.pause_writing()
        ends.secured.resume_writing()
        assert ends.inside.heard == ["full", "empty"] and not ends.below.closed

    on_a_loop(scenario)


def test_secured_when_reading_rests(tmp_path: Path):
    """Nothing is handed on until it goes on; then all that had come is, to whoever is inside by then."""

    async def scenario() -> None:
        ends, other = Ends(tmp_path).agree(), Inside()
        transport = ends.inside.transport
        transport.pause_reading()
        ends.send(b"a" * 40_000)
        assert not ends.inside.received and not ends.below.reads and not transport.is_reading()
        transport.resume_reading()
        transport.set_protocol(other)
        assert ends.below.reads and transport.is_reading() and transport.get_protocol() is other
        await asyncio.sleep(0)
        assert other.received == b"a" * 40_000 and not ends.inside.received

    on_a_loop(scenario)


def test_secured_when_who_is_inside_takes_no_more_than_one_piece(tmp_path: Path):
    """A pause in the midst of what has come holds the rest back."""

    async def scenario() -> None:
        ends = Ends(tmp_path).agree()

        class Choosy(Inside):
            def data_received(self, data: bytes) -> None:
                super().data_received(data)
                ends.secured.pause_reading()

        choosy = Choosy()
        ends.secured.set_protocol(choosy)
        for word in (b"one ", b"two ", b"three"):
            ends.client.tls.write(word)
        ends.give(ends.client.outgoing.read())
        heard = [choosy.received]
        for _ in range(2):
            ends.secured.resume_reading()
            await asyncio.sleep(0)
            heard.append(choosy.received)
        assert heard == [b"one ", b"one two ", b"one two three"]

    on_a_loop(scenario)


def test_secured_when_this_side_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The client has what was written, and the end; what it still sends is forgotten, and after a moment it is cut."""
    monkeypatch.setattr(secured, "ENDED_WITHIN_S", 0.02)

    async def scenario() -> None:
        ends = Ends(tmp_path).agree()
        transport = ends.inside.transport
        transport.write(b"last words")
        transport.close()
        transport.close()
        transport.write(b"too late")
        assert transport.is_closing() and ends.below.wrote_eof and not ends.below.closed
        ends.send(b"and another thing")
        assert ends.client.read() == b"last words(the end)" and not ends.inside.received
        await ends.below.ended.wait()
        assert ends.below.aborted

    on_a_loop(scenario)


def test_secured_when_the_client_ends(tmp_path: Path):
    """Who is inside hears it, and this side ends, too; what the client had said before is handed on."""

    async def scenario() -> None:
        ends = Ends(tmp_path).agree()
        ends.client.tls.write(b"bye")
        with pytest.raises(ssl.SSLWantReadError):
            ends.client.tls.unwrap()
        ends.give(ends.client.outgoing.read())
        assert ends.inside.received == b"bye" and ends.inside.heard == ["end of client"]
        assert ends.secured.is_closing() and ends.below.wrote_eof
        ends.secured.eof_received()
        ends.secured.connection_lost(None)
        assert ends.inside.heard == ["end of client", "lost"]

    on_a_loop(scenario)


def test_secured_when_the_client_is_cut(tmp_path: Path):
    """Without an end of TLS, too, who is inside hears of it once."""

    async def scenario() -> None:
        ends = Ends(tmp_path).agree()
        ends.secured.eof_received()
        ends.secured.connection_lost(None)
        assert ends.inside.heard == ["end of client", "lost"]
        early = Ends(tmp_path)
        early.secured.eof_received()
        early.secured.connection_lost(ConnectionResetError())
        assert not early.made

    on_a_loop(scenario)


def test_secured_when_it_is_no_tls(tmp_path: Path):
    """Whoever says nothing of TLS is told so, and closed; later, a record that is forged cuts the connection."""

    async def scenario() -> None:
        stranger = Ends(tmp_path)
        stranger.give(b"GET / HTTP/1.1\r\n\r\n")
        assert stranger.below.closed and not stranger.made
        forged = Ends(tmp_path).agree()
        forged.client.tls.write(b"request")
        record = bytearray(forged.client.outgoing.read())
        record[-1] ^= 1
        forged.give(bytes(record))
        assert forged.below.aborted and not forged.inside.received

    on_a_loop(scenario)


def test_secured_when_they_never_agree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A client that begins and does not go on is cut."""
    monkeypatch.setattr(secured, "SHAKEN_WITHIN_S", 0.02)

    async def scenario() -> None:
        ends = Ends(tmp_path, early=True)
        await ends.below.ended.wait()
        assert ends.below.aborted and not ends.made

    on_a_loop(scenario)

"""The port's end: nobody who does not read, and nobody who has left, keeps anything open."""

import asyncio
from contextlib import suppress

import pytest
from aiohttp import web

from localstage.core.connection import GOING_AWAY
from localstage.gateway.socket import ClientReadsTooSlowly, WebSocket
from localstage.port.certificates import Authority
from localstage.port.exchange import Answer, Handler, Request
from localstage.port.server import Handlers, Port
from localstage.settings import Settings

MEGABYTE = 1024 * 1024


async def nobody(*_: object) -> Answer:
    return Answer(404, [])


async def nobody_of_aiohttp(*_: object) -> web.Response:
    return web.Response(status=404)


def on_a_port(handshake: Handler, scenario) -> None:
    """Runs a scenario with an open port that it must stop itself."""

    async def run() -> None:
        port = Port(Authority(), Handlers(nobody, handshake, nobody, nobody_of_aiohttp, nobody, nobody_of_aiohttp))
        await port.start(0)
        await asyncio.wait_for(scenario(port), 120)

    asyncio.run(run())


def test_port_when_a_client_does_not_read():
    """A client that reads nothing, with megabytes on their way to it, is cut and does not keep the port open."""
    transports: list[asyncio.Transport] = []
    taken, lost = asyncio.Event(), asyncio.Event()

    class Noticed(WebSocket):
        def connection_lost(self, exc: Exception | None) -> None:
            super().connection_lost(exc)
            lost.set()

    async def handshake(request: Request) -> None:
        transport, _ = request.detach()
        socket = Noticed(Settings(), lambda text: None, lambda ending: None)
        transport.set_protocol(socket)
        socket.connection_made(transport)
        transports.append(transport)
        with pytest.raises(ClientReadsTooSlowly):
            while True:
                socket.send_text("x" * (MEGABYTE // 8))
        socket.close(GOING_AWAY)
        taken.set()

    async def scenario(port: Port) -> None:
        number = port.number
        _, writer = await asyncio.open_connection("127.0.0.1", number, limit=1)
        writer.write(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n\r\n")
        await writer.drain()
        writer.transport.pause_reading()
        await taken.wait()
        assert transports[0].get_write_buffer_size() > MEGABYTE
        await port.stop()
        await lost.wait()
        assert transports[0].get_write_buffer_size() == 0
        writer.close()

    on_a_port(handshake, scenario)


def test_tunnel_when_the_client_leaves_while_it_connects(monkeypatch, caplog):
    """The connection to the other host is closed when nobody is left to use it."""
    asked, left, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()
    ends: list[bytes] = []

    async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        asked.set()
        await left.wait()
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        ends.append(await reader.read())
        ended.set()
        writer.close()

    async def scenario(port: Port) -> None:
        number = port.number
        _, client = await asyncio.open_connection("127.0.0.1", number)
        client.write(b"CONNECT packages.example:443 HTTP/1.1\r\nHost: packages.example:443\r\n\r\n")
        await asked.wait()
        client.transport.abort()
        # The port has noticed it by the time that it has answered another client.
        reader, other = await asyncio.open_connection("127.0.0.1", number)
        other.write(b"GET /_localstage/x HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
        assert b" 404 " in await reader.readuntil(b"\r\n")
        other.close()
        left.set()
        await ended.wait()
        assert ends == [b""]
        await port.stop()

    async def run() -> None:
        upstream = await asyncio.start_server(proxy, "127.0.0.1", 0)
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{upstream.sockets[0].getsockname()[1]}")
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        async with upstream:
            port = Port(Authority(), Handlers(nobody, nobody, nobody, nobody_of_aiohttp, nobody, nobody_of_aiohttp))
            await port.start(0)
            await asyncio.wait_for(scenario(port), 120)

    asyncio.run(run())
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []


def test_client_when_it_never_ends_its_first_head(monkeypatch: pytest.MonkeyPatch):
    """A client whose first request does not come is cut after some time; one whose request has come is not."""
    monkeypatch.setattr("localstage.port.small_requests.HEAD_WITHIN_S", 1.0)

    async def scenario(port: Port) -> None:
        slow, _ = await asyncio.open_connection("127.0.0.1", port.number)
        half, sending = await asyncio.open_connection("127.0.0.1", port.number)
        sending.write(b"GET / HTTP/1.1\r\nHost: ")
        whole, asking = await asyncio.open_connection("127.0.0.1", port.number)
        asking.write(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert (await whole.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 404 ")
        for reader in (slow, half):
            with suppress(ConnectionResetError):
                assert await reader.read() == b""
        asking.write(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert b"HTTP/1.1 404 " in await whole.readuntil(b"\r\n\r\n")
        asking.close()
        await port.stop()

    on_a_port(nobody, scenario)


def test_request_when_its_body_is_not_what_it_is_said_to_be(caplog: pytest.LogCaptureFixture):
    """A body that is no gzip is answered 400 in one sentence, and nothing of it goes to the log."""

    async def read(request: Request) -> Answer:
        return Answer(200, [], await request.read())

    async def scenario(port: Port) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port.number)
        head = "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Encoding: gzip\r\nContent-Length: 7\r\nUpgrade: websocket\r\n\r\n"
        writer.write(head.encode() + b"garbage")
        answer = await reader.read()
        assert answer.startswith(b"HTTP/1.1 400 ") and b"The body cannot be read: " in answer
        writer.close()
        await port.stop()

    on_a_port(read, scenario)
    assert caplog.records == []


class Bodies:
    """A handler that gives back the body of everybody, and waits for those who are known with ``X-Known``."""

    def __init__(self) -> None:
        self._begun: asyncio.Queue[None] = asyncio.Queue()

    async def __call__(self, request: Request) -> Answer:
        self._begun.put_nowait(None)
        return Answer(200, [], await (request.read() if "x-known" in request.headers else request.read_from_stranger()))

    async def ask(self, port: Port, body: bytes, *, length: int, extra: str = "", is_read: bool = True) -> tuple:
        """Sends a head that only aiohttp reads, and a body or its beginning; returns when the handler waits for it."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port.number)
        head = f"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\n{extra}TE: a\r\nUpgrade: websocket\r\nContent-Length: {length}\r\n\r\n"
        writer.write(head.encode() + body)
        if is_read:
            await self._begun.get()
        return reader, writer


def test_bodies_when_too_many_are_not_whole(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture):
    """Over the budget a stranger is told so at once; the known one's body and those that had begun are read whole."""
    monkeypatch.setattr("localstage.port.awaited_bodies.LIMIT", 400)
    bodies = Bodies()

    async def scenario(port: Port) -> None:
        known, sending = await bodies.ask(port, b"", length=2000, extra="X-Known: 1\r\n")
        half, ending = await bodies.ask(port, b"x" * 19, length=20)
        over, refused = await bodies.ask(port, b"x" * 300, length=9000, is_read=False)
        assert (await over.read()).startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
        sending.write(b"k" * 2000)
        assert (await known.readuntil(b"k" * 2000)).startswith(b"HTTP/1.1 200 OK\r\n")
        ending.write(b"x")
        assert (await half.readuntil(b"x" * 20)).startswith(b"HTTP/1.1 200 OK\r\n")
        later, asking = await bodies.ask(port, b"y" * 250, length=250)
        assert (await later.readuntil(b"y" * 250)).startswith(b"HTTP/1.1 200 OK\r\n")
        for writer in (sending, ending, refused, asking):
            writer.close()
        await port.stop()

    on_a_port(bodies, scenario)
    assert caplog.records == []


def test_bodies_when_a_stranger_never_ends_one(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture):
    """It is not waited for without end; who leaves instead keeps nothing of the budget, and nothing goes to the log."""
    monkeypatch.setattr("localstage.port.awaited_bodies.LIMIT", 400)
    bodies = Bodies()

    async def scenario(port: Port) -> None:
        for _ in range(3):
            _, leaving = await bodies.ask(port, b"x" * 250, length=9000)
            leaving.transport.abort()
            reader, writer = await asyncio.open_connection("127.0.0.1", port.number)
            writer.write(b"GET /_localstage/x HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
            assert b" 404 " in await reader.readuntil(b"\r\n")  # By then the port has noticed that the other left.
            writer.close()
        monkeypatch.setattr("localstage.port.small_requests.HEAD_WITHIN_S", 0.05)
        half, staying = await bodies.ask(port, b"x" * 250, length=9000)
        assert (await half.readuntil(b"\r\n")).startswith(b"HTTP/1.1 408 ")
        staying.close()
        await port.stop()

    on_a_port(bodies, scenario)
    assert caplog.records == []

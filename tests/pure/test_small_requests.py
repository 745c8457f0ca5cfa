"""The port's server for small requests: what it takes, what it leaves to aiohttp, and how a connection goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from aiohttp.http_exceptions import BadHttpMessage
from aiohttp.http_parser import HttpRequestParser

from localstage.port.awaited_bodies import AwaitedBodies
from localstage.port.exchange import Answer, Handler, Request
from localstage.port.small_requests import SmallRequests
from localstage.port.wire import BODY_LIMIT, SmallRequest, read_head, wire_format

PLAIN = b"POST /prod/%40connections/x%3D HTTP/1.1\r\nHost: localhost:4566\r\nContent-Length: 5\r\nX-A: 1\r\nx-a:  2 \t"
UPGRADE = (
    b"GET /prod HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13"
)


def test_head_when_it_is_plain():
    """Method and target as sent, each header as sent and joined by name, and the body's length."""
    request = read_head(PLAIN)
    assert request is not None
    assert (request.method, request.target, request.length, request.closes) == (
        "POST",
        "/prod/%40connections/x%3D",
        5,
        False,
    )
    assert request.sent == (("Host", "localhost:4566"), ("Content-Length", "5"), ("X-A", "1"), ("x-a", "2"))
    assert request.headers["x-a"] == "1,2"


@pytest.mark.parametrize(
    "head", [UPGRADE, PLAIN + b"\r\nConnection: Keep-Alive", b"GET / HTTP/1.1\r\nHost: \xff\xc3\xa4"]
)
def test_head_when_it_is_taken(head: bytes):
    """Handshakes, connections that are kept, and any bytes in a value."""
    assert read_head(head) is not None


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"GET",
        b"GET /",
        b"GET / HTTP/1.0\r\nHost: a",
        b"GET / HTTP/1.2\r\nHost: a",
        b"GET / HTTP/2.0\r\nHost: a",
        b"GET / http/1.1\r\nHost: a",
        b"GET  / HTTP/1.1\r\nHost: a",
        b"GET /  HTTP/1.1\r\nHost: a",
        b"GET / HTTP/1.1 \r\nHost: a",
        b" GET / HTTP/1.1\r\nHost: a",
        b"\r\nGET / HTTP/1.1\r\nHost: a",
        b"get / HTTP/1.1\r\nHost: a",
        b"HEAD / HTTP/1.1\r\nHost: a",
        b"CONNECT a:443 HTTP/1.1\r\nHost: a",
        b"OPTIONS * HTTP/1.1\r\nHost: a",
        b"GET http://a/ HTTP/1.1\r\nHost: a",
        b"GET /\x00 HTTP/1.1\r\nHost: a",
        b"GET /\xc3\xa4 HTTP/1.1\r\nHost: a",
        b"GET /\ta HTTP/1.1\r\nHost: a",
        b"GET / HTTP/1.1",
        b"GET / HTTP/1.1\r\nX: a",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: a",
        b"GET / HTTP/1.1\nHost: a",
        b"GET / HTTP/1.1\r\nHost: a\nX: b",
        b"GET / HTTP/1.1\r\nHost: a\rX: b",
        b"GET / HTTP/1.1\r\nHost: a\r\r\nX: b",
        b"GET / HTTP/1.1\r\nHost: a\r\n X: folded",
        b"GET / HTTP/1.1\r\nHost: a\r\n\tfolded",
        b"GET / HTTP/1.1\r\nHost: a\r\nX : b",
        b"GET / HTTP/1.1\r\nHost: a\r\n: b",
        b"GET / HTTP/1.1\r\nHost: a\r\nX",
        b"GET / HTTP/1.1\r\nHost: a\r\nX(y): b",
        b"GET / HTTP/1.1\r\nHost: a\r\nX\xc3\xa4: b",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: \x00",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: \x7f",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer_Encoding : chunked",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 5",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +5",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -5",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5 5",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x5",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1_0",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \xd9\xa5",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length:",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d" % (BODY_LIMIT + 1),
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Encoding: gzip",
        b"GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade",
        b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close, keep-alive",
        b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nConnection: close",
        b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA",
        UPGRADE + b"\r\nContent-Length: 5",
        UPGRADE.replace(b"websocket", b"websocket, h2c"),
    ],
)
def test_head_when_it_is_left_to_others(head: bytes):
    """Other versions and methods, all that is malformed, and all that could be read in two ways."""
    assert read_head(head) is None


def test_head_when_aiohttp_reads_it_too():
    """Whatever is taken, however it has been changed, aiohttp reads as the same request."""
    random, taken = Random(12), 0
    pieces = [
        b"\r\n",
        b"\n",
        b"\r",
        b" ",
        b"\t",
        b":",
        b"\x00",
        b"Host: b",
        b"0",
        b"5",
        b",",
        b"\xff",
        b"chunked",
        b"X",
    ]
    for _ in range(4000):
        head = random.choice([PLAIN, UPGRADE])
        for _ in range(random.randint(1, 3)):
            at, until = sorted(random.choices(range(len(head) + 1), k=2))
            piece = random.choice([*pieces, head[at:until]])
            head = head[:at] + piece + head[at + random.randint(0, 3) :]
        request = read_head(head)
        if request is None:
            continue
        taken += 1
        message = _read_by_aiohttp(head)
        assert (message.method, message.path) == (request.method, request.target), head
        assert tuple(message.headers.items()) == request.sent, head
        assert message.chunked is False and message.compression is None
        assert request.length == int(message.headers.get("Content-Length", 0))
        assert message.upgrade is (
            "upgrade" in request.headers and "upgrade" in request.headers.get("connection", "").lower()
        )
        assert message.should_close is request.closes, head
    assert taken > 100


def _read_by_aiohttp(head: bytes) -> Any:
    loop = asyncio.new_event_loop()
    try:
        protocol: Any = asyncio.Protocol()
        messages, _, _ = HttpRequestParser(protocol, loop, 2**16).feed_data(head + b"\r\n\r\n")
    except BadHttpMessage as error:
        raise AssertionError(f"aiohttp refuses {head!r}: {error}") from error
    finally:
        loop.close()
    return messages[0][0]


class Line(asyncio.Transport):
    """A transport that keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.protocol: asyncio.BaseProtocol | None = None
        self.closed = False
        self.ended = asyncio.Event()
        self.reads = True

    def write(self, data: Any) -> None:
        self.written += data

    def close(self) -> None:
        self.closed = True
        self.ended.set()

    abort = close

    def is_closing(self) -> bool:
        return self.closed

    def can_write_eof(self) -> bool:
        return False

    def pause_reading(self) -> None:
        self.reads = False

    def resume_reading(self) -> None:
        self.reads = True

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self.protocol = protocol


class Other(asyncio.Protocol):
    """Stands for aiohttp."""

    def __init__(self) -> None:
        self.received = b""

    def data_received(self, data: bytes) -> None:
        self.received += data


def none_is_secured(transport: asyncio.Transport, received: bytes) -> None:
    raise AssertionError(f"no TLS begins with {received!r}")


def on_a_line(handler: Handler, scenario: Callable[[Line, Any], Any], find: Any = None) -> None:
    """Runs a scenario with a line and the protocol of its server."""

    async def run() -> None:
        server = SmallRequests(
            find or (lambda request: handler), Other, AwaitedBodies(), lambda request: False, none_is_secured
        )
        line, connection = Line(), server()
        connection.connection_made(line)
        await scenario(line, connection)
        connection.connection_lost(None)

    asyncio.run(run())


def request(body: bytes = b"", path: str = "/", extra: str = "") -> bytes:
    return f"POST {path} HTTP/1.1\r\nHost: localhost\r\n{extra}Content-Length: {len(body)}\r\n\r\n".encode() + body


def echo(request: Request) -> Answer:
    return Answer(200, [("X-Path", request.target), ("Content-Length", "7"), ("Date", "never")], request.body or b"")


def test_connection_when_requests_come_in_one_piece():
    """Each is answered, in order, with a length and a date of the server's own."""

    async def scenario(line: Line, connection: Any) -> None:
        connection.data_received(request(b"first", "/1") + request(b"", "/2") + request(b"last", "/3")[:-2])
        assert line.written.count(b"HTTP/1.1 200 OK\r\n") == 2
        connection.data_received(b"st")
        first, second, third = line.written.split(b"HTTP/1.1 200 OK\r\n")[1:]
        assert first.endswith(b"\r\nX-Path: /1\r\nContent-Length: 5\r\n\r\nfirst") and b"never" not in first
        assert second.endswith(b"\r\nX-Path: /2\r\nContent-Length: 0\r\n\r\n")
        assert third.endswith(b"\r\nX-Path: /3\r\nContent-Length: 4\r\n\r\nlast")
        assert not line.closed

    on_a_line(echo, scenario)


def test_connection_when_an_answer_takes_its_time():
    """What comes behind waits, and past some amount nothing more is read."""
    gates: list[asyncio.Event] = []

    async def slow(request: Request) -> Answer:
        gates.append(asyncio.Event())
        await gates[-1].wait()
        return echo(request)

    async def scenario(line: Line, connection: Any) -> None:
        connection.data_received(request(b"1", "/1") + request(b"2", "/2"))
        await asyncio.sleep(0)
        assert len(gates) == 1 and line.written == b""
        connection.data_received(request(b"x" * BODY_LIMIT) * 2)
        assert not line.reads
        while len(gates) < 4 or not gates[3].is_set():
            gates[-1].set()
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert line.reads and line.written.count(b"HTTP/1.1 200 OK\r\n") == 4

    on_a_line(slow, scenario)


def test_connection_when_tls_begins():
    """All that has come goes on with the transport; inside TLS, more of it is another server's."""
    secured: list[tuple[asyncio.Transport, bytes]] = []

    async def run() -> None:
        begun = b"\x16\x03\x01\x02"
        server = SmallRequests(
            lambda request: echo, Other, AwaitedBodies(), lambda request: False, lambda *taken: secured.append(taken)
        )
        line, connection = Line(), server()
        connection.connection_made(line)
        connection.data_received(begun)
        assert secured == [(line, begun)] and line.protocol is None
        inner, inside = Line(), server()
        inside.connection_made(inner)
        inside.secure = True
        inside.data_received(begun)
        assert len(secured) == 1 and isinstance(inner.protocol, Other) and inner.protocol.received == begun
        await server.close(0)

    asyncio.run(run())


@pytest.mark.parametrize("first", [b"", request(b"first")], ids=["at once", "after a request"])
@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\nHo",
        b"\x15\x03\x01",
        b"GET /x HTTP/1.0\r\n\r\n",
        request(b"a" * 3, extra="Expect: 100-continue\r\n"),
        request(b"foreign", "/foreign"),
        b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
    ],
)
def test_connection_when_the_rest_is_somebody_elses(first: bytes, data: bytes):
    """The other server gets every byte from where the request begins, and the connection from then on."""

    async def scenario(line: Line, connection: Any) -> None:
        connection.data_received(first + data)
        assert isinstance(line.protocol, Other) and line.protocol.received == data
        assert line.written.count(b"HTTP/1.1 ") == bool(first)

    def find(request: SmallRequest) -> Handler | None:
        return None if request.target == "/foreign" else echo

    on_a_line(echo, scenario, find)


def test_connection_when_a_handler_fails(caplog: pytest.LogCaptureFixture):
    """A defect is 500 and the end of the connection, whether it comes at once, later, or in a header."""

    def at_once(request: Request) -> Answer:
        raise ValueError("a defect")

    async def later(request: Request) -> Answer:
        raise ValueError("a defect")

    def in_a_header(request: Request) -> Answer:
        return Answer(200, [("X-A", "1\r\nX-Injected: 2")])

    async def scenario(line: Line, connection: Any) -> None:
        connection.data_received(request(b"1") + request(b"2"))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert line.written.startswith(b"HTTP/1.1 500 ") and line.written.count(b"HTTP/1.1") == 1
        assert line.closed and b"Connection: close" in line.written and b"Injected" not in line.written

    for handler in (at_once, later, in_a_header):
        on_a_line(handler, scenario)
    assert len(caplog.records) == 3


def test_connection_when_the_client_wants_it_closed():
    """``Connection: close`` ends it behind the answer."""

    async def scenario(line: Line, connection: Any) -> None:
        connection.data_received(request(b"1", extra="Connection: close\r\n") + request(b"2"))
        assert line.closed and line.written.count(b"HTTP/1.1") == 1 and b"\r\nConnection: close\r\n" in line.written

    on_a_line(echo, scenario)


def test_connection_when_the_client_does_not_read():
    """No further request is begun until its answers have gone out."""

    async def scenario(line: Line, connection: Any) -> None:
        connection.pause_writing()
        connection.data_received(request(b"1"))
        assert line.written == b""
        connection.resume_writing()
        assert line.written.count(b"HTTP/1.1 200 OK\r\n") == 1

    on_a_line(echo, scenario)


@pytest.mark.parametrize("first", [b"", request(b"first")], ids=["at once", "after a request"])
def test_connection_when_a_body_does_not_come(monkeypatch: pytest.MonkeyPatch, first: bytes):
    """A client that does not end its body is cut after some time, however much it has asked before."""
    monkeypatch.setattr("localstage.port.small_requests.HEAD_WITHIN_S", 0.02)

    async def scenario(line: Line, connection: Any) -> None:
        connection.data_received(first + request(b"whole")[:-2])
        connection.data_received(b"le" + request(b"never")[:-2])
        assert not line.closed and line.written.endswith(b"whole")
        await asyncio.wait_for(line.ended.wait(), 60)

    on_a_line(echo, scenario)


def test_connection_when_nobody_uses_it(monkeypatch: pytest.MonkeyPatch):
    """It is closed after some time; one whose request is still being answered then, as long after the answer."""
    monkeypatch.setattr("localstage.port.small_requests.KEPT_S", 0.02)

    async def run() -> None:
        late: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        handlers: dict[str, Handler] = {"/": echo, "/later": lambda request: late}
        server = SmallRequests(
            lambda request: handlers[request.target], Other, AwaitedBodies(), lambda request: False, none_is_secured
        )
        asking, resting = Line(), Line()
        for line, path in ((asking, "/later"), (resting, "/")):
            connection = server()
            connection.connection_made(line)
            connection.data_received(request(b"1", path))
        await asyncio.wait_for(resting.ended.wait(), 60)
        assert resting.written and not asking.closed and not asking.written
        late.set_result(Answer(200, []))
        await asyncio.wait_for(asking.ended.wait(), 60)
        assert asking.written.startswith(b"HTTP/1.1 200 OK\r\n")
        await server.close(0)

    asyncio.run(run())


def test_connection_when_many_bodies_do_not_come(monkeypatch: pytest.MonkeyPatch):
    """What is awaited of strangers is bounded; one over it is told 503, until others have come or gone."""
    monkeypatch.setattr("localstage.port.awaited_bodies.LIMIT", 10)

    async def run() -> None:
        awaited = AwaitedBodies()
        server = SmallRequests(
            lambda request: echo, Other, awaited, lambda request: request.target == "/known", none_is_secured
        )

        def begun(data: bytes) -> tuple[Line, Any]:
            line, connection = Line(), server()
            connection.connection_made(line)
            connection.data_received(data)
            return line, connection

        first, over = begun(request(b"1234567")[:-1]), begun(request(b"abcd")[:-1])
        assert over[0].written.startswith(b"HTTP/1.1 503 ") and over[0].written.endswith(b"try again in a moment.\n")
        over[0].protocol.data_received(b"d" * 1000)
        assert over[0].written.count(b"HTTP/1.1") == 1 and awaited.bytes == 7
        known = begun(request(b"abcd", "/known")[:-1])
        known[1].data_received(b"d")
        assert known[0].written.endswith(b"abcd")
        assert begun(request(b"a whole body waits for nothing"))[0].written
        first[1].data_received(b"7")
        assert first[0].written.endswith(b"1234567")
        for _ in range(3):
            line, gone = begun(request(b"1234567")[:-1])
            assert line.protocol is None
            gone.connection_lost(None)
        assert awaited.bytes == 0
        await server.close(0)

    asyncio.run(run())


def test_connection_when_a_handler_takes_it():
    """The handler has the transport and what came behind the request; the server writes nothing."""
    taken: list[tuple[asyncio.Transport, bytes]] = []

    def take(request: Request) -> None:
        taken.append(request.detach())

    async def scenario(line: Line, connection: Any) -> None:
        connection.data_received(UPGRADE + b"\r\n\r\n" + b"early")
        assert taken == [(line, b"early")] and line.written == b""

    on_a_line(take, scenario)


@pytest.mark.parametrize("status", [204, 304])
def test_answer_when_it_has_no_body(status: int):
    """These have no length either (RFC 9110, section 8.6)."""
    assert b"Content-Length" not in wire_format(Answer(status, []))

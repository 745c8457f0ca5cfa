"""An HTTP/1.1 server for the requests that programs send all the time, and for no others.

It takes a request whose head has come in one piece and which ``wire.py`` can read;
aiohttp costs three times as much for each. A connection that begins with TLS is handed
on; whatever else begins on one is left to another server, from its first byte: that one
knows chunks, ``Expect``, other versions, and how malformed requests are refused. Does not know what is asked.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from weakref import WeakSet

from localstage.port.awaited_bodies import AwaitedBodies, refuse
from localstage.port.exchange import Answer, Handler, Reply, reply_of
from localstage.port.wire import BODY_LIMIT, HEAD_LIMIT, SmallRequest, read_head, wire_format

HEAD_WITHIN_S = 30.0
"""How long a client may take for the head of its first request, and for the body of each."""
KEPT_S = 300.0
"""How long a connection may rest between two requests."""
_WAITING_LIMIT = BODY_LIMIT + HEAD_LIMIT
"""What may come behind a request that is being answered, before nothing more is read."""
_TLS = 22
"""The first byte of a TLS connection: the type of a record with a handshake in it (RFC 8446, section 5.1)."""
_FAILED = Answer(500, [("Content-Type", "text/plain")], b"500 Internal Server Error\n")

log = logging.getLogger(__name__)


class SmallRequests:
    """The server. It makes a protocol for each connection; ``close`` must be called in the end.

    ``find`` says who answers a request, None for one that is the other server's;
    ``other`` makes a protocol of that one, ``secure`` takes over a transport that has received
    the beginning of TLS. ``is_known`` says by a head whether its sender
    is waited for even when ``awaited`` is full. Lives on one event loop.
    """

    def __init__(
        self,
        find: Callable[[SmallRequest], Handler | None],
        other: Callable[[], asyncio.Protocol],
        awaited: AwaitedBodies,
        is_known: Callable[[SmallRequest], bool],
        secure: Callable[[asyncio.Transport, bytes], None],
    ) -> None:
        self.find = find
        self.other = other
        self.awaited = awaited
        self.is_known = is_known
        self.secure = secure
        self._connections: set[Connection] = set()
        self._transports: WeakSet[asyncio.Transport] = WeakSet()
        self._empty = asyncio.Event()

    def __call__(self) -> Connection:
        return Connection(self)

    def opened(self, connection: Connection, transport: asyncio.Transport) -> None:
        """There is a new connection."""
        self._connections.add(connection)
        self._transports.add(transport)

    def left(self, connection: Connection) -> None:
        """A connection has ended, or is somebody else's now."""
        self._connections.discard(connection)
        if not self._connections:
            self._empty.set()

    async def close(self, grace_s: float) -> None:
        """Closes the connections, those with a request when it is answered; waits for them so long at most."""
        for connection in list(self._connections):
            connection.close_soon()
        if self._connections:
            self._empty.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._empty.wait(), grace_s)

    def abort(self) -> None:
        """Cuts every connection that it has ever had, whoever has it now, and drops what waits to be sent."""
        for transport in list(self._transports):
            transport.abort()


class Connection(asyncio.Protocol):
    """One connection: its requests, one after the other."""

    def __init__(self, server: SmallRequests):
        self.remote = ""
        self.secure = False
        self._server = server
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._received = b""
        self._awaited: tuple[SmallRequest, Handler, int] | None = None
        """A request whose body has not come yet, and where that begins."""
        self._answering: SmallRequest | None = None
        self._is_full = False
        """Whether the client reads its answers more slowly than it asks."""
        self._closes = False
        self._watch: asyncio.TimerHandle | None = None
        self._due = 0.0
        """When what is waited for must have come, by the loop's clock."""
        self._overdue: Callable[[], None] | None = None

    # What the transport tells.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        name = transport.get_extra_info("peername")
        self.remote = str(name[0]) if name else ""
        self.secure = transport.get_extra_info("sslcontext") is not None
        self._await_for(HEAD_WITHIN_S, transport.abort)
        self._server.opened(self, transport)
        self._read()  # What came behind a TLS handshake is here before its end is known.

    def connection_lost(self, exc: Exception | None) -> None:
        self._leave()

    def data_received(self, data: bytes) -> None:
        self._received = self._received + data if self._received else data
        if self._answering is None:
            self._read()
        elif len(self._received) > _WAITING_LIMIT and self._transport is not None:
            self._transport.pause_reading()

    def pause_writing(self) -> None:
        self._is_full = True

    def resume_writing(self) -> None:
        self._is_full = False
        self._read()

    # What is done with requests.

    def close_soon(self) -> None:
        """Closes when the request that is being answered is answered; without one at once."""
        self._closes = True
        if self._answering is None and self._transport is not None:
            self._transport.close()

    def detach(self) -> tuple[asyncio.Transport, bytes]:
        """As ``exchange.Request.detach``."""
        transport, early = self._transport, self._received
        if transport is None or transport.is_closing():
            raise ConnectionResetError("the client has gone")
        transport.resume_reading()
        self._leave()
        return transport, early

    def _read(self) -> None:
        """Begins with what has come, as far as it is whole, and until something must be waited for."""
        while self._received and self._answering is None and not self._is_full:
            transport = self._transport
            if transport is None or transport.is_closing():
                return
            awaited = self._awaited or self._next_request()
            if awaited is None:
                return
            request, handler, start = awaited
            end = start + request.length
            if len(self._received) < end:
                if self._awaited is None:
                    self._await_body(awaited, transport)
                return
            if self._awaited is not None:
                self._awaited = None
                self._server.awaited.give_back(self)
            self._await_for(KEPT_S, self._end_rest)
            request.belongs_to(self, self._received[start:end])
            self._received = self._received[end:]
            self._answer(request, handler)

    def _next_request(self) -> tuple[SmallRequest, Handler, int] | None:
        """The request that begins here, who answers it, and where its body begins; None: the rest is another server's."""
        end = self._received.find(b"\r\n\r\n", 0, HEAD_LIMIT)
        request = read_head(self._received[:end]) if end > 0 else None
        handler = self._server.find(request) if request is not None else None
        if request is None or handler is None:
            self._hand_over()
            return None
        return request, handler, end + 4

    def _await_body(self, begun: tuple[SmallRequest, Handler, int], transport: asyncio.Transport) -> None:
        request = begun[0]
        if self._server.awaited.take(self, request.length) or self._server.is_known(request):
            self._awaited = begun
            self._await_for(HEAD_WITHIN_S, transport.abort)
        else:
            self._leave()
            refuse(transport)

    def _hand_over(self) -> None:
        transport, received = self._transport, self._received
        assert transport is not None, "who has received something has a transport"
        transport.resume_reading()
        self._leave()
        if received[0] == _TLS and not self.secure:
            self._server.secure(transport, received)
            return
        other = self._server.other()
        transport.set_protocol(other)
        other.connection_made(transport)
        other.data_received(received)

    def _answer(self, request: SmallRequest, handler: Handler) -> None:
        self._answering = request
        try:
            outcome = handler(request)
        except Exception as error:
            self._fail(request, error)
            return
        if outcome is None or isinstance(outcome, Answer):
            self._reply(outcome)
            return
        later = outcome if isinstance(outcome, asyncio.Future) else self._loop.create_task(_reply_of(outcome))
        later.add_done_callback(self._reply_came)

    def _reply_came(self, later: asyncio.Future[Reply]) -> None:
        request = self._answering
        if later.cancelled() or request is None:
            if self._transport is not None:
                self._transport.abort()
            return
        error = later.exception()
        if error is not None:
            self._fail(request, error)
        else:
            self._reply(later.result())
        self._read()

    def _fail(self, request: SmallRequest, error: BaseException) -> None:
        """A handler has failed: that is localstage's fault, and its log's business."""
        log.error("%s %s could not be answered", request.method, request.target, exc_info=error)
        self._closes = True
        self._reply(_FAILED)

    def _reply(self, answer: Reply) -> None:
        request, transport = self._answering, self._transport
        if answer is None or request is None or transport is None:
            return  # The connection is the handler's, or gone.
        self._answering = None
        closes = self._closes or request.closes
        try:
            data = wire_format(answer, closes)
        except ValueError as error:
            log.error("%s %s: %s", request.method, request.target, error)
            closes, data = True, wire_format(_FAILED, True)
        transport.write(data)
        self._await_for(KEPT_S, self._end_rest)
        if closes:
            transport.close()
        elif self._received:
            transport.resume_reading()

    def _end_rest(self) -> None:
        """Closes a connection that nobody uses; one whose request is still being answered may rest afterwards."""
        if self._answering is not None:
            self._await_for(KEPT_S, self._end_rest)
        elif self._transport is not None:
            self._transport.close()

    def _await_for(self, seconds: float, otherwise: Callable[[], None]) -> None:
        """Does something after a time, unless something else is waited for until then.

        Each request says so twice and more, so a timer that comes early enough is left to look again.
        """
        self._due, self._overdue = self._loop.time() + seconds, otherwise
        if self._watch is None or self._watch.when() > self._due:
            if self._watch is not None:
                self._watch.cancel()
            self._watch = self._loop.call_at(self._due, self._look)

    def _look(self) -> None:
        """The timer has come: what was waited for is overdue, or it is something later by now."""
        came, self._watch = self._watch, None
        if came is not None and came.when() < self._due:
            self._watch = self._loop.call_at(self._due, self._look)
        elif self._overdue is not None:
            self._overdue()

    def _leave(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
        self._server.awaited.give_back(self)
        self._transport = self._answering = self._awaited = self._overdue = None
        self._received = b""
        self._server.left(self)


async def _reply_of(outcome: Awaitable[Reply]) -> Reply:
    return await reply_of(outcome)

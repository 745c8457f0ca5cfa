"""The one port: tells the kinds of traffic apart and hands each on.

Lives here: listening, classification. Does not know AWS's services, routes or
functions; those are the handlers that it is given.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import unquote
from weakref import WeakSet

from aiohttp import HttpVersion11
from aiohttp.http_exceptions import HttpProcessingError

from localstage.core.management import is_management_path, read_execute_api_host
from localstage.port import small_requests, web, wire
from localstage.port.awaited_bodies import AwaitedBodies, refuse
from localstage.port.certificates import Authority
from localstage.port.detach import NoResponse, detach_transport
from localstage.port.exchange import Answer, BodyNeverCame, Handler, Reply, Request, by_name, reply_of
from localstage.port.hosts import is_aws_host, is_own_host
from localstage.port.pages import PAGES_PATH
from localstage.port.peer import is_anothers
from localstage.port.tunnel import Tunnels, users_proxy

PageHandler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]

LOOPBACK = "127.0.0.1"
_RUNTIME_PATH = re.compile(r"^/([0-9a-zA-Z_-]{16,})/(2018-06-01/runtime/.*)$")
_SIGNED_FOR = re.compile(r"Credential=[^/]+/\d{8}/[^/]+/([^/]+)/aws4_request")
_GRACE_S = 1.0
_BODY_LIMIT = 512 * 1024 * 1024

_HAS_NO_TARGET = "has-no-target"


@dataclass(frozen=True)
class Handlers:
    """Who answers what; ``emulator`` answers for the emulator itself.

    Pages and what the emulator shows are read in a browser and know aiohttp; the others know no server.
    """

    aws_api: Handler
    handshake: Handler
    management: Handler
    emulator: PageHandler
    runtime_api: Callable[[str, str, Request], Reply | Awaitable[Reply]]
    pages: PageHandler
    is_known: Callable[[Request], bool] = lambda request: False
    """Whether a request's head names a key of this emulator: its body is waited for, however many others are."""


class PortBusy(Exception):
    """Another program listens on the port."""


class _HttpServer(web.Server):
    """aiohttp's server, which also knows the transports that have been taken out of it, and waits for no slow head."""

    def __init__(self, handler: PageHandler, awaited: AwaitedBodies, **options: Any):
        super().__init__(handler, request_factory=self._new_request, **options)
        self.awaited = awaited
        self._options = options
        self._transports: WeakSet[asyncio.Transport] = WeakSet()
        self._without_head: dict[Any, asyncio.TimerHandle] = {}

    def __call__(self) -> web.RequestHandler:
        return _Connection(self, loop=asyncio.get_running_loop(), **self._options)

    def connection_made(self, handler: Any, transport: asyncio.Transport) -> None:
        self._transports.add(transport)
        self._without_head[handler] = asyncio.get_running_loop().call_later(
            small_requests.HEAD_WITHIN_S, transport.abort
        )
        super().connection_made(handler, transport)

    def connection_lost(self, handler: Any, exc: BaseException | None = None) -> None:
        self._has_sent_head(handler)
        self.awaited.give_back(handler)
        super().connection_lost(handler, exc)

    def _new_request(self, message: Any, payload: Any, protocol: Any, writer: Any, task: Any) -> web.BaseRequest:
        self._has_sent_head(protocol)
        loop = asyncio.get_running_loop()
        new = partial(web.BaseRequest, loop=loop, client_max_size=_BODY_LIMIT)
        try:
            return new(message, payload, protocol, writer, task)
        except ValueError:  # A target such as xn--:443: no name that IDNA knows. Nobody would answer.
            request = new(message._replace(url=type(message.url)("/")), payload, protocol, writer, task)
            request[_HAS_NO_TARGET] = True
            return request

    def _has_sent_head(self, handler: Any) -> None:
        timer = self._without_head.pop(handler, None)
        if timer is not None:
            timer.cancel()

    def abort(self) -> None:
        """Cuts every connection there is, whoever has it now, and drops what waits to be sent."""
        for transport in list(self._transports):
            transport.abort()


class _Connection(web.RequestHandler):
    """One connection of aiohttp's, of which what has come is counted until its request is answered or its sender known."""

    def __init__(self, server: _HttpServer, **options: Any):
        super().__init__(server, **options)
        self._awaited = server.awaited
        self._is_known = False

    def data_received(self, data: bytes) -> None:
        transport = self.transport
        if self._is_known or transport is None or self._awaited.take(self, len(data)):
            super().data_received(data)
            return
        self.transport = None  # else it would be closed
        self.force_close()
        asyncio.get_running_loop().call_soon(self.connection_lost, None)  # Behind the first step of its task.
        refuse(transport)

    def sender_is_known(self) -> None:
        """Until the request is answered, what comes is not counted: it was asked for."""
        self._is_known = True
        self._awaited.give_back(self)

    def is_answered(self) -> None:
        """What came with the request is forgotten; the next one's sender is not known yet."""
        self._is_known = False
        self._awaited.give_back(self)


class Port:
    """The listening socket. ``start`` returns when it accepts; ``stop`` when it is gone."""

    def __init__(self, authority: Authority, handlers: Handlers, pages_for_any_host: bool = False):
        """``pages_for_any_host``: another name in Host is expected there, because a proxy stands in front."""
        self._handlers = handlers
        self._pages_for_any_host = pages_for_any_host
        awaited = AwaitedBodies()
        self._server = _HttpServer(
            self._answer, awaited, access_log=None, logger=_log(), keepalive_timeout=300, lingering_time=2
        )
        self._small = small_requests.SmallRequests(
            self._find, self._server, awaited, handlers.is_known, lambda *begun: self._tunnels.secure(*begun)
        )
        self._tunnels = Tunnels(authority, self._small, users_proxy())
        self._listener: asyncio.Server | None = None

    @property
    def number(self) -> int:
        """The port's number. Only after ``start``."""
        assert self._listener is not None, "the port is not open"
        return self._listener.sockets[0].getsockname()[1]

    @property
    def proxy_url(self) -> str:
        """What programs name as their proxy. Only after ``start``."""
        return f"http://{self._tunnels.credentials}{LOOPBACK}:{self.number}"

    async def start(self, number: int) -> None:
        """Listens on the loopback address. Raises PortBusy."""
        loop = asyncio.get_running_loop()
        try:
            self._listener = await loop.create_server(self._small, LOOPBACK, number, backlog=2048)
        except OSError as error:
            why = os.strerror(error.errno or 0).lower()
            raise PortBusy(
                f"Port {number} on {LOOPBACK} cannot be used ({why}); "
                "choose another with --port, or 0 for any free one."
            ) from error

    async def stop(self) -> None:
        """Closes the port; connections get a moment to end by themselves and are cut then."""
        if self._listener is None:
            return
        self._listener.close()
        await self._tunnels.stop()
        await asyncio.gather(self._small.close(_GRACE_S), self._server.shutdown(_GRACE_S))
        with suppress(TimeoutError):
            # From Python 3.12.1 on this waits for every accepted connection, before for none.
            await asyncio.wait_for(self._listener.wait_closed(), _GRACE_S)
        self._small.abort()
        self._server.abort()
        await self._listener.wait_closed()

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        try:
            return await self._hand_on(request)
        except web.RequestPayloadError as error:  # A body that is not in the encoding that it is said to be.
            return web.Response(
                status=400,
                text=f"The body cannot be read: {' '.join(str(error).split())}\n",
                headers={"Connection": "close"},
            )
        except BodyNeverCame:
            return web.Response(status=408, text="The body did not come.\n", headers={"Connection": "close"})
        except ConnectionResetError:  # The client has gone before its body was whole: there is nobody to be answered.
            return NoResponse()
        finally:
            if isinstance(request.protocol, _Connection):
                request.protocol.is_answered()

    async def _hand_on(self, request: web.BaseRequest) -> web.StreamResponse:
        """What aiohttp has read."""
        if _HAS_NO_TARGET in request:
            return web.Response(status=400, text="The target of the request is none: its host is no name.\n")
        if request.method == "CONNECT":
            return await self._tunnels.answer(request)
        whole = _AiohttpRequest(request)
        handler = self._find(whole)
        if handler is not None:
            return _response(request, await reply_of(handler(whole)))
        is_page = _is_page(request.raw_path)
        if is_anothers(request.transport) and not (is_page and self._pages_for_any_host):  # There a proxy asks.
            sentence = "localstage shows its pages to the user who runs it, not to others of this machine.\n"
            return web.Response(status=403, text=sentence)
        return await (self._handlers.pages if is_page else self._handlers.emulator)(request)

    def _find(self, request: Request) -> Handler | None:
        """Who answers a request; None: those who know aiohttp."""
        host, path = request.headers.get("host", ""), request.target.partition("?")[0]
        is_page, wants_websocket = _is_page(path), request.headers.get("upgrade", "").lower() == "websocket"
        # Proxies in front may keep their own name in a WebSocket's Host; those are open to all anyway.
        any_host = self._pages_for_any_host if is_page else wants_websocket
        if not any_host and not is_own_host(host):
            return _misdirected
        runtime = _RUNTIME_PATH.match(path)
        if runtime:
            return partial(self._handlers.runtime_api, runtime.group(1), runtime.group(2))
        if is_page or path.startswith("/_localstage/"):
            return None
        if _is_for_connections(request, host, path):
            return self._handlers.management
        if wants_websocket or read_execute_api_host(host):
            return self._handlers.handshake
        return self._handlers.aws_api


class _AiohttpRequest:
    """A request that aiohttp has read, as handlers see it."""

    def __init__(self, request: web.BaseRequest):
        self.method = request.method
        self.target = request.raw_path
        self.sent = tuple(request.headers.items())
        self.headers: Mapping[str, str] = by_name(self.sent)
        self.body: bytes | None = None
        self.remote = request.remote or ""
        transport = request.transport
        self.secure = transport is not None and transport.get_extra_info("sslcontext") is not None
        self.is_bare = request.version >= HttpVersion11 and not request.can_read_body
        self._request = request

    async def read(self) -> bytes:
        if isinstance(self._request.protocol, _Connection):
            self._request.protocol.sender_is_known()
        return await self._read()

    async def read_from_stranger(self) -> bytes:
        try:
            async with asyncio.timeout(small_requests.HEAD_WITHIN_S):
                return await self._read()
        except TimeoutError:
            raise BodyNeverCame from None

    async def _read(self) -> bytes:
        if self.body is None:
            transport = self._request.transport
            if self.headers.get("expect", "").lower() == "100-continue" and transport is not None:
                transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self.body = await self._request.read()
        return self.body

    def detach(self) -> tuple[asyncio.Transport, bytes]:
        return detach_transport(self._request)


def _response(request: web.BaseRequest, reply: Reply) -> web.StreamResponse:
    """A reply as aiohttp sends it."""
    if reply is None:
        return NoResponse()
    response = web.Response(status=reply.status, body=reply.body)
    response.headers.popall("Content-Type", None)
    for name, value in reply.headers:
        if name.lower() not in wire.FRAMING:
            response.headers.add(name, value)
    if request.method == "HEAD":
        length = next((value for name, value in reply.headers if name.lower() == "content-length"), "0")
        response.headers["Content-Length"] = length
    return response


def _misdirected(request: Request) -> Answer:
    sentence = f"localstage answers for this machine and AWS's hosts, not for {request.headers.get('host', '')!r}.\n"
    return Answer(421, [("Content-Type", "text/plain; charset=utf-8")], sentence.encode())


def _is_page(path: str) -> bool:
    return path.startswith(PAGES_PATH)


def _is_for_connections(request: Request, host: str, path: str) -> bool:
    """Whether a request is one of the management API, ``@connections``.

    On this machine's own address a path can be both that and the key of an S3
    object, so a request that is signed for another service is that service's.
    """
    if "connections" not in path and "%" not in path:
        return False
    if is_aws_host(host.partition(":")[0]) and read_execute_api_host(host) is None:
        return False
    credential = request.headers.get("authorization") or unquote(request.target.partition("?")[2])
    signed_for = _SIGNED_FOR.search(credential)
    return is_management_path(host, path) and (signed_for is None or signed_for.group(1) == "execute-api")


def _log() -> logging.Logger:
    """The HTTP server's log, without the requests that are no HTTP: those are answered, and no fault of localstage."""
    log = logging.getLogger(__name__)
    log.addFilter(_is_no_bad_request)
    return log


def _is_no_bad_request(record: logging.LogRecord) -> bool:
    return not (record.exc_info and isinstance(record.exc_info[1], (HttpProcessingError, web.RequestPayloadError)))

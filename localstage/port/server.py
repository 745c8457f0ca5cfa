"""The one port: tells the kinds of traffic apart and hands each on.

Lives here: listening, classification. Does not know AWS's services, routes or
functions; those are the handlers that it is given.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote
from weakref import WeakSet

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from localstage.core.management import is_management_path, read_execute_api_host
from localstage.port.certificates import Authority
from localstage.port.hosts import is_aws_host, is_own_host
from localstage.port.pages import PAGES_PATH
from localstage.port.tunnel import Tunnels, users_proxy

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]

LOOPBACK = "127.0.0.1"
_RUNTIME_PATH = re.compile(r"^/([0-9a-zA-Z_-]{16,})/(2018-06-01/runtime/.*)$")
_SIGNED_FOR = re.compile(r"Credential=[^/]+/\d{8}/[^/]+/([^/]+)/aws4_request")
_GRACE_S = 1.0
_HEAD_WITHIN_S = 30.0
"""How long a client may take for the head of its first request."""
_BODY_LIMIT = 512 * 1024 * 1024


@dataclass(frozen=True)
class Handlers:
    """Who answers what; ``emulator`` answers for the emulator itself."""

    aws_api: Handler
    handshake: Handler
    management: Handler
    emulator: Handler
    runtime_api: Callable[[str, str, web.BaseRequest], Awaitable[web.StreamResponse]]
    pages: Handler


class PortBusy(Exception):
    """Another program listens on the port."""


class _HttpServer(web.Server):
    """aiohttp's server, which also knows the transports that have been taken out of it, and waits for no slow head."""

    def __init__(self, handler: Handler, **options: Any):
        super().__init__(handler, request_factory=self._new_request, **options)
        self._transports: WeakSet[asyncio.Transport] = WeakSet()
        self._without_head: dict[Any, asyncio.TimerHandle] = {}

    def connection_made(self, handler: Any, transport: asyncio.Transport) -> None:
        self._transports.add(transport)
        self._without_head[handler] = asyncio.get_running_loop().call_later(_HEAD_WITHIN_S, transport.abort)
        super().connection_made(handler, transport)

    def connection_lost(self, handler: Any, exc: BaseException | None = None) -> None:
        self._has_sent_head(handler)
        super().connection_lost(handler, exc)

    def _new_request(self, message: Any, payload: Any, protocol: Any, writer: Any, task: Any) -> web.BaseRequest:
        self._has_sent_head(protocol)
        loop = asyncio.get_running_loop()
        return web.BaseRequest(message, payload, protocol, writer, task, loop, client_max_size=_BODY_LIMIT)

    def _has_sent_head(self, handler: Any) -> None:
        timer = self._without_head.pop(handler, None)
        if timer is not None:
            timer.cancel()

    def abort(self) -> None:
        """Cuts every connection there is, whoever has it now, and drops what waits to be sent."""
        for transport in list(self._transports):
            transport.abort()


class Port:
    """The listening socket. ``start`` returns when it accepts; ``stop`` when it is gone."""

    def __init__(self, authority: Authority, handlers: Handlers, pages_for_any_host: bool = False):
        """``pages_for_any_host``: another name in Host is expected there, because a proxy stands in front."""
        self._handlers = handlers
        self._pages_for_any_host = pages_for_any_host
        self._server = _HttpServer(
            self._answer, access_log=None, logger=_log(), keepalive_timeout=300, lingering_time=2
        )
        self._tunnels = Tunnels(authority, self._server, users_proxy())
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
            self._listener = await loop.create_server(self._server, LOOPBACK, number, backlog=2048)
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
        await self._server.shutdown(_GRACE_S)
        with suppress(TimeoutError):
            # From Python 3.12.1 on this waits for every accepted connection, before for none.
            await asyncio.wait_for(self._listener.wait_closed(), _GRACE_S)
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

    async def _hand_on(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.method == "CONNECT":
            return await self._tunnels.answer(request)
        host = request.headers.get("Host", "")
        path = request.raw_path.partition("?")[0]
        is_page = path.startswith(PAGES_PATH)
        # Proxies in front may keep their own name in a WebSocket's Host; those are open to all anyway.
        any_host = self._pages_for_any_host if is_page else _wants_websocket(request)
        if not any_host and not is_own_host(host):
            sentence = f"localstage answers for this machine and AWS's hosts, not for {host!r}.\n"
            return web.Response(status=421, text=sentence)
        if is_page:
            return await self._handlers.pages(request)
        runtime = _RUNTIME_PATH.match(path)
        if runtime:
            return await self._handlers.runtime_api(runtime.group(1), runtime.group(2), request)
        if path.startswith("/_localstage/"):
            return await self._handlers.emulator(request)
        if _is_for_connections(request, host, path):
            return await self._handlers.management(request)
        if _wants_websocket(request) or read_execute_api_host(host):
            return await self._handlers.handshake(request)
        return await self._handlers.aws_api(request)


def _is_for_connections(request: web.BaseRequest, host: str, path: str) -> bool:
    """Whether a request is one of the management API, ``@connections``.

    On this machine's own address a path can be both that and the key of an S3
    object, so a request that is signed for another service is that service's.
    """
    if is_aws_host(host.partition(":")[0]) and read_execute_api_host(host) is None:
        return False
    credential = request.headers.get("Authorization") or unquote(request.raw_path.partition("?")[2])
    signed_for = _SIGNED_FOR.search(credential)
    return is_management_path(host, path) and (signed_for is None or signed_for.group(1) == "execute-api")


def _wants_websocket(request: web.BaseRequest) -> bool:
    return request.headers.get("Upgrade", "").lower() == "websocket"


def _log() -> logging.Logger:
    """The HTTP server's log, without the requests that are no HTTP: those are answered, and no fault of localstage."""
    log = logging.getLogger(__name__)
    log.addFilter(_is_no_bad_request)
    return log


def _is_no_bad_request(record: logging.LogRecord) -> bool:
    return not (record.exc_info and isinstance(record.exc_info[1], (HttpProcessingError, web.RequestPayloadError)))

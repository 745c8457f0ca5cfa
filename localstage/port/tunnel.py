"""TLS for AWS's hosts ends here, behind an HTTP CONNECT or without one; to other hosts CONNECT passes through.

Does not know what is asked inside: a connection to an AWS host is handed back
to the HTTP server as a new one.
"""

from __future__ import annotations

import asyncio
import base64
import os
import secrets
from collections.abc import Callable
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import proxy_bypass_environment  # type: ignore[attr-defined]  # Public, and not in typeshed.

from localstage.port import web
from localstage.port.certificates import Authority
from localstage.port.detach import NoResponse, detach_transport
from localstage.port.hosts import is_aws_host, split_authority
from localstage.port.secured import Secured, new_buffer

_ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"
_CONNECT_TIMEOUT_S = 30.0
_HEAD_LIMIT = 64 * 1024
_USER = "localstage"


class Tunnels:
    """Answers CONNECT requests, and TLS without one. ``new_connection`` makes an HTTP server's protocol."""

    def __init__(
        self, authority: Authority, new_connection: Callable[[], asyncio.Protocol], upstream_proxy: str | None = None
    ):
        self._authority = authority
        self._by_name = authority.context_by_name(is_aws_host)
        self._buffer = new_buffer()
        self._new_connection = new_connection
        self._upstream_proxy = upstream_proxy
        has_password = upstream_proxy is not None and bool(_parts(upstream_proxy).username)
        self._secret = secrets.token_urlsafe(24) if has_password else ""
        self._pumps: set[asyncio.Task[None]] = set()

    @property
    def credentials(self) -> str:
        """What stands before the host in this proxy's URL; "" where the user's own proxy needs no password.

        Who knows them may use the user's password there: not every program that reaches this port.
        """
        return f"{_USER}:{self._secret}@" if self._secret else ""

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answers one CONNECT request; 4xx and 502 are said in one sentence."""
        try:
            host, port = split_authority(request.raw_path)
        except ValueError as error:
            return web.Response(status=400, text=f"CONNECT needs host:port; {error}.\n")
        if not is_aws_host(host):
            return await self._pass_through(request, host, port)
        if port != 443:
            sentence = f"{host}:{port} is AWS's; localstage answers for port 443 only.\n"
            return web.Response(status=403, text=sentence)
        return self._end_tls(request, host.lower())

    def secure(self, transport: asyncio.Transport, received: bytes) -> None:
        """Takes a connection over that begins with TLS: as if it had been asked for by CONNECT, to the host that it names."""
        Secured(transport, self._by_name, self._new_connection, self._buffer, received)

    async def stop(self) -> None:
        """Ends all tunnels."""
        for pump in self._pumps:
            pump.cancel()
        await asyncio.gather(*self._pumps, return_exceptions=True)

    def _end_tls(self, request: web.BaseRequest, host: str) -> web.StreamResponse:
        try:
            context = self._authority.server_context(host)
        except ValueError:  # The certificate is made for a name, and this is none.
            return web.Response(status=400, text=f"{host[:300]!r} is no name of a host.\n")
        try:
            transport, early = detach_transport(request)
        except ConnectionResetError:
            return NoResponse()
        transport.write(_ESTABLISHED)
        Secured(transport, context, self._new_connection, self._buffer, early)
        return NoResponse()

    async def _pass_through(self, request: web.BaseRequest, host: str, port: int) -> web.StreamResponse:
        try:
            reader, writer = await asyncio.wait_for(self._open(host, port, self._is_users(request)), _CONNECT_TIMEOUT_S)
        except (TimeoutError, OSError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            # ValueError: a name that cannot be asked for.
            return web.Response(status=502, text=f"No connection to {host}:{port}: {error or type(error).__name__}.\n")
        try:
            transport, early = detach_transport(request)
        except ConnectionResetError:  # The client left while we connected.
            writer.close()
            return NoResponse()
        loop = asyncio.get_running_loop()
        inner_reader = asyncio.StreamReader(loop=loop)
        inner_protocol = asyncio.StreamReaderProtocol(inner_reader, loop=loop)
        transport.set_protocol(inner_protocol)
        inner_protocol.connection_made(transport)
        transport.write(_ESTABLISHED)
        inner_writer = asyncio.StreamWriter(transport, inner_protocol, inner_reader, loop)
        writer.write(early)
        pump = asyncio.create_task(_pump_both((inner_reader, inner_writer), (reader, writer)))
        self._pumps.add(pump)
        pump.add_done_callback(self._pumps.discard)
        return NoResponse()

    def _is_users(self, request: web.BaseRequest) -> bool:
        """Whether whoever asks may spend the password that the user has for their proxy."""
        sent = request.headers.get("Proxy-Authorization", "")
        return bool(self._secret) and secrets.compare_digest(sent.encode(), _basic(_USER, self._secret).encode())

    async def _open(
        self, host: str, port: int, with_password: bool
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        proxy = self._upstream_proxy
        if not proxy or proxy_bypass_environment(host):
            return await asyncio.open_connection(host, port)
        parts = _parts(proxy)
        secured = parts.scheme == "https"
        reader, writer = await asyncio.open_connection(
            parts.hostname, parts.port or (443 if secured else 80), ssl=secured or None
        )
        head = f"CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n"
        if with_password:
            authorization = _basic(unquote(parts.username or ""), unquote(parts.password or ""))
            head += f"Proxy-Authorization: {authorization}\r\n"
        try:
            writer.write(head.encode() + b"\r\n")
            status_line = (await reader.readuntil(b"\r\n\r\n"))[:_HEAD_LIMIT].split(b"\r\n", 1)[0]
            if status_line.split(b" ")[1:2] != [b"200"]:
                raise ConnectionRefusedError(f"the proxy {parts.hostname} answered {status_line.decode('latin-1')}")
        except BaseException:  # That it took too long comes as a cancellation.
            writer.close()
            raise
        return reader, writer


def users_proxy() -> str | None:
    """The HTTPS proxy that the user's environment names, if any."""
    return os.environ.get("HTTPS_PROXY") or os.environ.get("https_proxy") or None


def _parts(proxy: str) -> SplitResult:
    return urlsplit(proxy if "//" in proxy else f"http://{proxy}")


def _basic(user: str, password: str) -> str:
    """The value of a Proxy-Authorization header."""
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"


async def _pump_both(
    a: tuple[asyncio.StreamReader, asyncio.StreamWriter], b: tuple[asyncio.StreamReader, asyncio.StreamWriter]
) -> None:
    try:
        await asyncio.gather(_pump(a[0], b[1]), _pump(b[0], a[1]))
    except OSError:
        pass  # One side was cut; both are closed below.
    finally:
        for _, writer in (a, b):
            writer.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while chunk := await reader.read(64 * 1024):
        writer.write(chunk)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()

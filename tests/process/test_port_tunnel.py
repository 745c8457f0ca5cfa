"""CONNECT: what passes through, by which way, and what never leaves."""

import asyncio
import base64
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from aiohttp import web
from cryptography import x509

from localstage.port.certificates import Authority
from localstage.port.exchange import Answer
from localstage.port.server import Handlers, Port, PortBusy


async def nobody(*_: object) -> Answer:
    return Answer(404, [])


async def nobody_of_aiohttp(*_: object) -> web.Response:
    return web.Response(status=404)


HANDLERS = Handlers(nobody, nobody, nobody, nobody_of_aiohttp, nobody, nobody_of_aiohttp)


async def shouting_server(heard: list[bytes]) -> asyncio.Server:
    """A server that answers each line in capitals."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = await reader.readline()
        heard.append(line)
        writer.write(line.upper())
        writer.close()

    return await asyncio.start_server(serve, "127.0.0.1", 0)


async def users_proxy(asked: list[bytes], target_port: int, status: bytes = b"200 OK") -> asyncio.Server:
    """An HTTPS proxy as a user may have one: notes the request's head and connects to ``target_port``."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 " + status + b"\r\n\r\n")
        if status.startswith(b"200"):
            onward_reader, onward = await asyncio.open_connection("127.0.0.1", target_port)
            onward.write(await reader.readline())
            writer.write(await onward_reader.read())
            onward.close()
        writer.close()

    return await asyncio.start_server(serve, "127.0.0.1", 0)


async def connect_through(
    port: int, authority: str, line: bytes = b"hello\n", headers: str = ""
) -> tuple[bytes, bytes]:
    """The head of the answer to CONNECT and, if it was 200, the answer to one line."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(f"CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n{headers}\r\n".encode())
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 60)
        if b" 200 " not in head.split(b"\r\n")[0]:
            return head, await asyncio.wait_for(reader.read(4096), 60)
        writer.write(line)
        return head, await asyncio.wait_for(reader.read(), 60)
    finally:
        writer.close()


def number_of(server: asyncio.Server) -> int:
    return server.sockets[0].getsockname()[1]


def on_a_port(scenario) -> None:
    """Runs a scenario with an open port; the port is closed again."""

    async def run() -> None:
        port = Port(Authority(), HANDLERS)
        await port.start(0)
        try:
            await asyncio.wait_for(scenario(port.number), 120)
        finally:
            await port.stop()

    asyncio.run(run())


@pytest.fixture(autouse=True)
def no_proxy_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)


def test_connect_when_the_host_is_not_awss():
    """Bytes to and from another host pass untouched."""

    async def scenario(port: int) -> None:
        heard: list[bytes] = []
        server = await shouting_server(heard)
        async with server:
            _, answer = await connect_through(port, f"127.0.0.1:{number_of(server)}")
        assert (heard, answer) == ([b"hello\n"], b"HELLO\n")

    on_a_port(scenario)


@pytest.mark.parametrize(
    ("credentials", "knows", "spent"),
    [("", True, b""), ("ann:se%20cret@", True, b"ann:se cret"), ("ann:se%20cret@", False, b"")],
)
def test_connect_when_the_user_has_a_proxy(monkeypatch, credentials: str, knows: bool, spent: bytes):
    """Hosts that are not AWS's are reached through the HTTPS proxy that the user already has.

    Their password there is used for programs that know this emulator's own secret, which stands in its proxy URL.
    """

    async def scenario() -> None:
        asked: list[bytes] = []
        server = await shouting_server([])
        proxy = await users_proxy(asked, number_of(server))
        monkeypatch.setenv("HTTPS_PROXY", f"http://{credentials}127.0.0.1:{number_of(proxy)}")
        port = Port(Authority(), HANDLERS)
        await port.start(0)
        try:
            async with server, proxy:
                parts = urlsplit(port.proxy_url)
                own = f"{parts.username}:{parts.password}" if knows else "localstage:guessed"
                sent = f"Proxy-Authorization: Basic {base64.b64encode(own.encode()).decode()}\r\n"
                _, answer = await connect_through(port.number, "packages.example:443", headers=sent)
        finally:
            await port.stop()
        assert answer == b"HELLO\n"
        assert parts.username == ("localstage" if credentials else None)
        assert asked[0].startswith(b"CONNECT packages.example:443 HTTP/1.1\r\n")
        head = [line for line in asked[0].split(b"\r\n") if line.startswith(b"Proxy-Authorization: ")]
        assert head == ([b"Proxy-Authorization: Basic " + base64.b64encode(spent)] if spent else [])

    asyncio.run(asyncio.wait_for(scenario(), 120))


def test_connect_when_the_users_proxy_refuses(monkeypatch: pytest.MonkeyPatch):
    """A refusal of the user's proxy is told as 502 with its status line."""

    async def scenario() -> None:
        proxy = await users_proxy([], 1, b"407 Proxy Authentication Required")
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{number_of(proxy)}")
        port = Port(Authority(), HANDLERS)
        await port.start(0)
        try:
            async with proxy:
                head, text = await connect_through(port.number, "packages.example:443")
        finally:
            await port.stop()
        assert head.startswith(b"HTTP/1.1 502 ")
        assert b"407 Proxy Authentication Required" in text

    asyncio.run(asyncio.wait_for(scenario(), 120))


@pytest.mark.parametrize(
    ("authority", "status"),
    [
        ("dynamodb.us-east-1.amazonaws.com:80", b"403"),
        ("nonsense", b"400"),
        ("../x", b"400"),
        ("127.0.0.1:1", b"502"),
        ("a..amazonaws.com:443", b"400"),
        ("%0d%0a.amazonaws.com:443", b"400"),
        (f"{'x' * 300}.amazonaws.com:443", b"400"),
        (f"{'x' * 300}.example:443", b"502"),
    ],
)
def test_connect_when_it_cannot_be(authority: str, status: bytes):
    """Another port of AWS, malformed targets and a dead host have their own answers."""

    async def scenario(port: int) -> None:
        head, _ = await connect_through(port, authority)
        assert head.split(b" ")[1] == status

    on_a_port(scenario)


def trusting(authority: Authority, folder: Path) -> ssl.SSLContext:
    """A client's context that trusts the port's certificates."""
    authority.write_own(folder / "ca.pem")
    return ssl.create_default_context(cafile=str(folder / "ca.pem"))


async def ask_twice(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str) -> None:
    for body in ("", "Transfer-Encoding: chunked\r\n"):
        end = "0\r\n\r\n" if body else ""
        writer.write(f"POST /prod HTTP/1.1\r\nHost: {host}\r\n{body}\r\n{end}".encode())
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 404 ")


@pytest.mark.parametrize("by_connect", [True, False])
def test_connect_when_the_host_is_awss(tmp_path: Path, by_connect: bool):
    """A connection to AWS ends at the stage with a certificate for exactly that host, with CONNECT and without."""

    async def scenario() -> None:
        authority = Authority()
        context = trusting(authority, tmp_path)
        port = Port(authority, HANDLERS)
        await port.start(0)
        host = "abc123.execute-api.eu-central-1.amazonaws.com"
        try:
            if by_connect:
                reader, writer = await asyncio.open_connection("127.0.0.1", port.number)
                writer.write(f"CONNECT {host}:443 HTTP/1.1\r\nHost: {host}:443\r\n\r\n".encode())
                assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
                await writer.start_tls(context, server_hostname=host)
            else:
                reader, writer = await asyncio.open_connection(
                    "127.0.0.1", port.number, ssl=context, server_hostname=host
                )
            names = writer.get_extra_info("ssl_object").getpeercert()["subjectAltName"]
            assert names == (("DNS", host),)
            await ask_twice(reader, writer, host)
            writer.close()
        finally:
            await port.stop()

    asyncio.run(asyncio.wait_for(scenario(), 120))


@pytest.mark.parametrize("name", ["example.com", "amazonaws.com.example.org", None])
def test_tls_when_it_names_no_host_of_awss(tmp_path: Path, name: str | None):
    """Without CONNECT, too, there are certificates for AWS's hosts only; others are told that their name is not known."""

    async def scenario() -> None:
        authority = Authority()
        context = trusting(authority, tmp_path)
        context.check_hostname = False
        port = Port(authority, HANDLERS)
        await port.start(0)
        try:
            with pytest.raises(ssl.SSLError, match="(?i)unrecognized.name"):
                await asyncio.open_connection("127.0.0.1", port.number, ssl=context, server_hostname=name or "")
        finally:
            await port.stop()

    asyncio.run(asyncio.wait_for(scenario(), 120))


def test_port_when_it_is_busy():
    """A busy port is one sentence that says what to do."""

    async def scenario(port: int) -> None:
        with pytest.raises(PortBusy, match=rf"Port {port} on 127\.0\.0\.1 cannot be used .* --port"):
            await Port(Authority(), HANDLERS).start(port)

    on_a_port(scenario)


@pytest.mark.parametrize("years", [-5, 5])
def test_certificate_when_the_computers_clock_jumps(years: int):
    """A clock that is set back, or forwards, makes no certificate invalid that is in use."""
    ca = x509.load_pem_x509_certificate(Authority()._ca.cert_pem.bytes())
    leaf = x509.load_pem_x509_certificate(Authority()._ca.issue_cert("sts.amazonaws.com").cert_chain_pems[0].bytes())
    then = datetime.now(UTC) + timedelta(days=365 * years)
    assert all(one.not_valid_before_utc < then < one.not_valid_after_utc for one in (ca, leaf))


def test_authority_when_it_writes_files(tmp_path: Path):
    """The key of the certificate authority, and those of its certificates, are in no file."""
    authority = Authority()
    authority.server_context("sts.amazonaws.com")
    authority.write_own(tmp_path / "ca.pem")
    authority.write_bundle(tmp_path / "bundle.pem")
    assert not [path for path in tmp_path.iterdir() if b"PRIVATE KEY" in path.read_bytes()]

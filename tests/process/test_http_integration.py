"""HTTP integrations against endpoints that misbehave on purpose."""

import asyncio
import socket
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest
import trustme
from aiohttp import web

from localstage.core.snapshot import ApiSnapshot, Integration, ServedStage
from localstage.gateway.http_integration import HttpUnreachable, _public_roots, call_http

STAGE = ServedStage("api", "prod", "us-east-1", "1", ApiSnapshot("api", "d", "$request.body.action"))


def result_of(
    answer: web.Response | Callable[[int], web.Response],
    host: str = "127.0.0.1",
    allow_host: str = "",
    tls: ssl.SSLContext | None = None,
):
    """What the integration gives for this answer (or the one for this port), and the paths that were asked for."""

    async def run():
        asked = []

        async def serve(request: web.BaseRequest) -> web.Response:
            asked.append(request.path)
            return answer if isinstance(answer, web.Response) else answer(number)

        runner = web.ServerRunner(web.Server(serve))
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
        await site.start()
        try:
            number = runner.addresses[0][1]
            integration = Integration("i", "HTTP_PROXY", f"http{'s' if tls else ''}://{host}:{number}/first", "POST")
            return await call_http(integration, STAGE, {"body": "hello"}, allow_host), asked
        finally:
            await runner.cleanup()

    return asyncio.run(asyncio.wait_for(run(), 120))


def test_http_integration_when_the_endpoint_redirects():
    """A redirect is the result and is not followed: it could lead off this machine."""
    result, asked = result_of(web.Response(status=302, headers={"Location": "/second"}))
    assert (result.status_code, asked) == (302, ["/first"])


def test_http_integration_when_the_answer_is_not_text():
    """Bytes that are not text in the declared charset become U+FFFD."""
    result, _ = result_of(web.Response(body=b"\xff\xfehi", headers={"Content-Type": "text/plain; charset=utf-8"}))
    assert (result.status_code, result.body) == (200, "\ufffd\ufffdhi")


def test_http_integration_when_the_endpoint_has_a_certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """An https endpoint is called if its certificate is signed by a root of this machine's, and otherwise is not."""
    authority, tls = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    with pytest.raises(HttpUnreachable, match="certificate verify failed"):
        result_of(web.Response(text="hello"), tls=tls)
    authority.cert_pem.write_to_path(str(tmp_path / "roots.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "roots.pem"))
    _public_roots.cache_clear()
    result, _ = result_of(web.Response(text="hello"), tls=tls)
    assert (result.status_code, result.body) == (200, "hello")
    _public_roots.cache_clear()


ELSEWHERE = "api.example.org"


@pytest.fixture
def looked_up(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every name leads to this machine; the names that were looked up."""
    names: list[str] = []

    def here(name: str, port: int, *_, **__) -> list[tuple]:
        names.append(name)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(socket, "getaddrinfo", here)
    return names


@pytest.mark.parametrize("allowed", ["", "example.org", "api.example.org.evil.example"])
def test_http_integration_when_the_host_is_not_allowed(looked_up: list[str], allowed: str):
    """A host that is not this machine is not called, whatever other host is allowed; the sentence says what allows it."""
    with pytest.raises(HttpUnreachable, match=r"of this machine only.*; --allow-host api\.example\.org allows it\.$"):
        result_of(web.Response(), ELSEWHERE, allowed)
    assert ELSEWHERE not in looked_up


@pytest.mark.parametrize("host", ["api.example.org", "API.Example.org", "localhost"])
def test_http_integration_when_a_host_is_allowed(looked_up: list[str], host: str):
    """The host that is allowed is called, by any case of its name, and this machine still is."""
    result, asked = result_of(web.Response(text="hello yourself"), host, "Api.example.org")
    assert (result.status_code, result.body, asked) == (200, "hello yourself", ["/first"])


@pytest.mark.parametrize("to", ["http://other.example.org:{}/second", "http://api.example.org:{}/second"])
def test_http_integration_when_an_allowed_host_redirects(looked_up: list[str], to: str):
    """A redirect of the host that is allowed is handed on, wherever it leads: no second request is made."""
    result, asked = result_of(
        lambda n: web.Response(status=307, headers={"Location": to.format(n)}), ELSEWHERE, ELSEWHERE
    )
    assert (result.status_code, asked) == (307, ["/first"])
    assert "other.example.org" not in looked_up

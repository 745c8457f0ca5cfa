"""How the handlers call @connections: signed as botocore signs, over connections that are kept, past proxies."""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

from tests.pure.chat_account import load_handler

HOST = "abcdef1234.execute-api.us-east-1.amazonaws.com"
ENDPOINT = f"https://{HOST}/prod"


class Server:
    """Pretends to be API Gateway behind ``http.client``; ``answers`` says what happens to the next requests."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, bytes] | Exception] = []
        self.opened: list[FakeConnection] = []
        self.requests: list[tuple[str, str, bytes, dict[str, str]]] = []

    def connection(self, host: str, port: int | None = None, **options: Any) -> FakeConnection:
        self.opened.append(FakeConnection(self, host, port, options))
        return self.opened[-1]


class FakeConnection:
    """One HTTPSConnection of a ``Server``."""

    def __init__(self, server: Server, host: str, port: int | None, options: dict[str, Any]):
        self._server, self.host, self.port, self.options = server, host, port, options
        self.tunnel: tuple[str, int] | None = None
        self.closed = 0

    def set_tunnel(self, host: str, port: int) -> None:
        self.tunnel = (host, port)

    def request(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> None:
        self._server.requests.append((method, path, body, headers))

    def getresponse(self) -> FakeConnection:
        self._answer = self._server.answers.pop(0) if self._server.answers else (200, b"")
        if isinstance(self._answer, Exception):
            raise self._answer
        self.status = self._answer[0]
        return self

    def read(self) -> bytes:
        return self._answer[1]  # type: ignore[index]

    def close(self) -> None:
        self.closed += 1


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    server = Server()
    monkeypatch.setattr(http.client, "HTTPSConnection", server.connection)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKID")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "token")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    for name in ("HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy", "AWS_CA_BUNDLE", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    return server


@pytest.fixture
def api(server: Server, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Any]:
    return lambda: load_handler("management", monkeypatch).ManagementApi(ENDPOINT)


def test_call_signed_as_botocore_signs(api: Callable[[], Any], server: Server) -> None:
    """Method, encoded path, date, session token and body are what the signature is over, and what is sent."""
    assert api().call("POST", "Ab+c/d=", b"hello") == (200, b"")
    [(method, path, body, headers)] = server.requests
    assert (method, path, body) == ("POST", "/prod/@connections/Ab%2Bc%2Fd%3D", b"hello")
    again = AWSRequest("POST", f"https://{HOST}{path}", data=body)
    signer = SigV4Auth(boto3.Session().get_credentials(), "execute-api", "us-east-1")
    again.context["timestamp"] = headers["X-Amz-Date"]
    again.headers["X-Amz-Date"] = headers["X-Amz-Date"]
    again.headers["X-Amz-Security-Token"] = "token"
    expected = signer.signature(signer.string_to_sign(again, signer.canonical_request(again)), again)
    assert headers["Authorization"].endswith(f"Signature={expected}")
    assert headers["X-Amz-Security-Token"] == "token"


def test_connection_kept_when_calls_follow_each_other(api: Callable[[], Any], server: Server) -> None:
    """One call after the other uses one connection, whatever the answers are."""
    api = api()
    server.answers = [(200, b""), (410, b""), (429, b"slow down"), (200, b"")]
    assert [api.call("POST", "a=")[0] for _ in range(4)] == [200, 410, 429, 200]
    assert len(server.opened) == 1 and server.opened[0].closed == 0


@pytest.mark.parametrize(
    "cut", [http.client.RemoteDisconnected(), BrokenPipeError(), ConnectionResetError(), ssl.SSLEOFError()], ids=repr
)
def test_call_repeated_when_a_kept_connection_was_closed(
    api: Callable[[], Any], server: Server, cut: Exception
) -> None:
    """API Gateway closes what is idle for long: the call is sent once more, over a connection that opens anew."""
    api = api()
    server.answers = [(200, b""), cut, (200, b"second")]
    api.call("POST", "a=")
    assert api.call("POST", "a=") == (200, b"second")
    assert server.opened[0].closed == 1


@pytest.mark.parametrize("error", [TimeoutError("timed out"), http.client.RemoteDisconnected(), ssl.SSLError("?")])
def test_call_not_repeated_when_its_connection_is_new(api: Callable[[], Any], server: Server, error: Exception) -> None:
    """What fails on a fresh connection is the caller's to know, and that connection is not used again."""
    api = api()
    server.answers = [error]
    with pytest.raises(type(error)):
        api.call("POST", "a=")
    assert len(server.requests) == 1 and not api.idle


def test_call_not_repeated_when_the_answer_is_late(api: Callable[[], Any], server: Server) -> None:
    """A time-out on a kept connection is no sign that it was closed: the frame may have arrived."""
    api = api()
    server.answers = [(200, b""), TimeoutError("timed out")]
    api.call("POST", "a=")
    with pytest.raises(TimeoutError):
        api.call("POST", "a=")
    assert len(server.requests) == 2


def test_way_out_is_the_environments(api: Callable[[], Any], server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """HTTPS_PROXY leads through a tunnel unless NO_PROXY names the host; without either the way is direct."""
    api().call("GET", "a=")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:4566")
    api().call("GET", "a=")
    monkeypatch.setenv("NO_PROXY", "amazonaws.com")
    api().call("GET", "a=")
    ways = [(one.host, one.port, one.tunnel) for one in server.opened]
    assert ways == [(HOST, None, None), ("127.0.0.1", 4566, (HOST, 443)), (HOST, None, None)]
    assert all(one.options["timeout"] <= 5 for one in server.opened)


def test_trust_comes_from_the_environment(
    api: Callable[[], Any], server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """AWS_CA_BUNDLE is what certificates are checked against; a bundle that is not there is an error."""
    assert api().trust.verify_mode == ssl.CERT_REQUIRED and api().trust.check_hostname
    monkeypatch.setenv("AWS_CA_BUNDLE", "/nowhere.pem")
    with pytest.raises(FileNotFoundError):
        api()

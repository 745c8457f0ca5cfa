"""The pre-flight check on this machine: a real port and a real WebSocket."""

from __future__ import annotations

from classroom import EchoServer, preflight
from classroom.operations.preflight import FACTS, websocket_fault


def test_preflight_when_all_is_well(capsys):
    """Where the tests run, the course runs: one ok line for each fact."""
    preflight()
    assert capsys.readouterr().out.splitlines() == [f"ok: {fact.what}" for fact in FACTS]


def test_websocket_when_a_proxy_is_set(monkeypatch):
    """The loopback address is reached without a proxy, whatever the environment names."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    assert websocket_fault() == ""


def test_websocket_when_nobody_answers(monkeypatch):
    """A connection that is refused is told as the system tells it."""
    begin = EchoServer.__init__

    def begin_elsewhere(server):
        begin(server)
        server.port = 9

    monkeypatch.setattr(EchoServer, "__init__", begin_elsewhere)
    assert "refused" in websocket_fault()

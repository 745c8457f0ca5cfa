"""The echo server to which lesson 00b talks by hand."""

from __future__ import annotations

import socket

import pytest

from classroom.labs.echo import EchoServer


@pytest.fixture
def echo():
    server = EchoServer()
    yield server
    server.stop()


def test_echo_server_when_stopped_while_a_client_stays(echo):
    """A client that was refused and did not hang up is hung up on: the server has no one to wait for."""
    wire = echo.connect()
    wire.sendall(b"GET /chat HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert wire.recv(100).startswith(b"HTTP/1.1 426 Upgrade Required\r\n")
    echo.stop()
    assert wire.fileno() == -1
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", echo.port), timeout=60)


def test_echo_server_when_stopped_twice_and_connected_to(echo):
    """Stopping again does no harm, and who connects afterwards finds it running."""
    echo.stop()
    echo.stop()
    wire = echo.connect()
    wire.sendall(b"GET /chat HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert wire.recv(100).startswith(b"HTTP/1.1 426 Upgrade Required\r\n")
    assert echo.url == f"ws://127.0.0.1:{echo.port}/chat"

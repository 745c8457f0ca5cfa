"""Which connections of a Python function are led to localstage's proxy, and how."""

from __future__ import annotations

import socket
from threading import Thread

import pytest

from localstage.functions.python_aws_hosts import AWS_HOST, lead_aws_hosts_through
from localstage.port.hosts import is_aws_host


@pytest.mark.parametrize(
    "host",
    [
        *("s3.amazonaws.com", "b.s3.us-east-1.amazonaws.com.", "S3.cn-north-1.amazonaws.com.cn", "lambda.api.aws"),
        *("x.on.aws", "amazonaws.eu", "x.amazonwebservices.com.cn", "amazonaws.com"),
        *("example.com", "notamazonaws.com", "amazonaws.com.example.org", "aws", "127.0.0.1"),
    ],
)
def test_host_when_it_may_be_awss(host: str):
    """A function takes the same hosts for AWS's as the port does."""
    assert bool(AWS_HOST.search(host)) == is_aws_host(host)


@pytest.mark.parametrize("status", ["200 Connection established", "403 Forbidden", ""])
def test_connection_when_it_is_to_an_aws_host(monkeypatch, status: str):
    """A connection to an AWS host is asked for at the proxy; one that it refuses fails, and all others are as ever."""
    monkeypatch.setattr(socket, "getaddrinfo", socket.getaddrinfo)
    monkeypatch.setattr(socket.socket, "connect", socket.socket.connect)
    asked: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as proxy:

        def serve() -> None:
            client, _ = proxy.accept()
            with client:
                asked.append(client.recv(4096))
                if status:
                    client.sendall(f"HTTP/1.1 {status}\r\n\r\nhello".encode())

        lead_aws_hosts_through(f"http://me:p%40ss@127.0.0.1:{proxy.getsockname()[1]}")
        served = Thread(target=serve)
        served.start()
        if status.startswith("200"):
            with socket.create_connection(("b.s3.amazonaws.com", 443), 10) as connection:
                assert connection.recv(5) == b"hello"
        else:
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(("b.s3.amazonaws.com", 443), 10)
        served.join()
    head = b"CONNECT b.s3.amazonaws.com:443 HTTP/1.1\r\nHost: b.s3.amazonaws.com:443\r\n"
    assert asked == [head + b"Proxy-Authorization: Basic bWU6cEBzcw==\r\n\r\n"]
    with socket.socket() as waits_for_nothing:
        waits_for_nothing.setblocking(False)
        ((*_, address),) = socket.getaddrinfo("b.s3.amazonaws.com", 443)
        with pytest.raises(ConnectionRefusedError, match="HTTPS_PROXY"):
            waits_for_nothing.connect(address)
    with socket.create_server(("127.0.0.1", 0)) as other, socket.create_connection(other.getsockname()) as connection:
        assert connection.getpeername() == other.getsockname()

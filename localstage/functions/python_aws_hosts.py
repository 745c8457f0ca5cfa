"""Leads connections to AWS's hosts through localstage's proxy, in a Python function, as node_aws_hosts.cjs does in Node.js.

boto3, urllib.request and requests read HTTPS_PROXY; http.client and urllib3 by themselves do not, nor what is made of
them, such as most ways to answer for a custom resource. What all of them call in the end is ``socket.getaddrinfo`` and
a socket's ``connect``. Runs inside the execution environment, so it imports the standard library only.
"""

from __future__ import annotations

import base64
import re
import socket
from typing import Any
from urllib.parse import unquote, urlsplit

# As hosts.py has them.
AWS_HOST = re.compile(
    r"(^|\.)(amazonaws\.com(\.cn)?|api\.aws|on\.aws|amazonaws\.eu|amazonwebservices\.com\.cn)\.?$", re.IGNORECASE
)
_HTTPS = (443, "443", "https")


def lead_aws_hosts_through(proxy: str) -> None:
    """From now on a connection to port 443 of an AWS host is one behind the proxy with this URL."""
    parts = urlsplit(proxy)
    where = (parts.hostname or "", parts.port or 80)
    sign_in = ""
    if parts.username:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        sign_in = f"Proxy-Authorization: Basic {base64.b64encode(pair.encode()).decode()}\r\n"
    look_up, connect = socket.getaddrinfo, socket.socket.connect
    stand_ins: dict[str, str] = {}
    hosts: dict[str, str] = {}

    def getaddrinfo(host: Any, port: Any, *arguments: Any, **named: Any) -> Any:
        name = host.decode("ascii", "replace") if isinstance(host, bytes) else host
        if not isinstance(name, str) or port not in _HTTPS or not AWS_HOST.search(name):
            return look_up(host, port, *arguments, **named)
        number = len(stand_ins)
        address = stand_ins.setdefault(name, f"127.255.{number // 256}.{number % 256}")
        hosts[address] = name
        return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (address, 443))]

    def connect_through(self: socket.socket, address: Any) -> None:
        host = hosts.get(address[0]) if isinstance(address, tuple) and address[1:2] == (443,) else None
        if host is None:
            connect(self, address)
            return
        if self.gettimeout() == 0:
            raise ConnectionRefusedError(f"{host} is reached through HTTPS_PROXY only, without waiting")
        connect(self, where)
        self.sendall(f"CONNECT {host}:443 HTTP/1.1\r\nHost: {host}:443\r\n{sign_in}\r\n".encode())
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            piece = self.recv(1)
            if not piece:
                raise ConnectionRefusedError(f"the proxy did not lead to {host}")
            head += piece
        if head.split(b" ", 2)[1:2] != [b"200"]:
            raise ConnectionRefusedError(f"the proxy answered {head.splitlines()[0].decode('latin-1')}")

    socket.getaddrinfo = getaddrinfo
    socket.socket.connect = connect_through  # type: ignore[method-assign, assignment]

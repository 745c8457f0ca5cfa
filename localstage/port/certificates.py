"""The emulator's throw-away certificate authority and a certificate for each host.

The wildcard of one certificate covers one label only, so certificates are made
per host name when a client first asks for it. Does not know sockets or HTTP.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable
from pathlib import Path

import certifi
import trustme

_MOST_HOSTS = 500
"""Certificates that are kept; a lesson needs ten."""


class Authority:
    """A CA that lives as long as its emulator; its key never leaves this process."""

    def __init__(self) -> None:
        self._ca = trustme.CA(organization_name="localstage")
        self._contexts: dict[str, ssl.SSLContext] = {}

    def server_context(self, host: str) -> ssl.SSLContext:
        """A server-side TLS context with a certificate for ``host``; made once per host. Raises ValueError: no name."""
        context = self._contexts.get(host)
        if context is None:
            if len(self._contexts) >= _MOST_HOSTS:
                del self._contexts[next(iter(self._contexts))]
            context = _context()
            self._ca.issue_cert(host).configure_cert(context)
            self._contexts[host] = context
        return context

    def context_by_name(self, is_ours: Callable[[str], bool]) -> ssl.SSLContext:
        """One that has the certificate of the host that the client names; a client that names none of ours is refused."""
        context = _context()

        def choose(connection: ssl.SSLObject | ssl.SSLSocket, name: str | None, _: ssl.SSLContext) -> int | None:
            if name is None or not is_ours(name):
                return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
            try:
                connection.context = self.server_context(name.lower())
            except ValueError:
                return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
            return None

        context.sni_callback = choose
        return context

    def write_own(self, path: Path) -> None:
        """Writes this CA's certificate alone: for programs that call AWS's hosts and no others."""
        self._ca.cert_pem.write_to_path(str(path))

    def write_bundle(self, path: Path) -> None:
        """Writes the certificates that programs must trust: the public ones and this CA's.

        A program's own bundle is replaced by ours, so ours holds what the user
        had (``SSL_CERT_FILE``, else the public roots) besides this CA.
        """
        had = os.environ.get("SSL_CERT_FILE", "")
        roots = Path(had if had and Path(had).is_file() else certifi.where()).read_bytes()
        path.write_bytes(roots.rstrip(b"\n") + b"\n" + self._ca.cert_pem.bytes())


def _context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_alpn_protocols(["http/1.1"])
    return context

"""A WebSocket server that sends back what it gets, on this machine: lesson 00b talks to it by hand.

It stands outside every target: the lesson looks at the protocol, and there is
no AWS in it.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import threading

from websockets.sync.server import Server, ServerConnection, serve

_logger = logging.getLogger("classroom.labs.echo")  # reports every handshake that fails as an error
_logger.addHandler(logging.NullHandler())
_logger.propagate = False


class EchoServer:
    """Ready when made, on a free loopback ``port``; ``stop`` ends it, and so does the kernel.

    ``connect`` starts it again after a ``stop``, perhaps on another port, so
    that the cells of a lesson still work after its clean-up.
    """

    def __init__(self) -> None:
        self._connected: list[socket.socket] = []
        self._start()

    def _start(self) -> None:
        self._server: Server = serve(_echo, "127.0.0.1", 0, logger=_logger, compression=None, server_header=None)
        self.port: int = self._server.socket.getsockname()[1]
        self._thread = threading.Thread(target=self._server.serve_forever, name="echo server", daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Its address, as a browser or a panel takes it."""
        return f"ws://127.0.0.1:{self.port}/chat"

    def connect(self, timeout_s: float = 2.0) -> socket.socket:
        """A TCP connection to the server, on which nothing was said yet; whoever reads waits ``timeout_s`` at most.

        Starts the server if it was stopped. The connection need not be closed: ``stop`` does so.
        """
        if not self._thread.is_alive():
            self._start()
        wire = socket.create_connection(("127.0.0.1", self.port), timeout=timeout_s)
        self._connected.append(wire)
        return wire

    def stop(self) -> None:
        """Close every connection and the port; harmless when it is stopped already.

        Connections made by ``connect`` are closed first: the server would wait
        ten seconds for a client that was refused and did not hang up.
        """
        for wire in self._connected:
            wire.close()
        self._connected.clear()
        with contextlib.suppress(OSError):
            self._server.shutdown()
        self._thread.join()


def _echo(connection: ServerConnection) -> None:
    for message in connection:
        connection.send(message)

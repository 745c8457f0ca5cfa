"""A WebSocket server that sends back what it gets, on this machine: lesson 0 talks to it by hand.

It stands outside every target: lesson 0 looks at the protocol before there is
any AWS.
"""

from __future__ import annotations

import logging
import threading

from websockets.sync.server import ServerConnection, serve


class EchoServer:
    """Ready when made, on a free loopback ``port``; ``stop`` ends it, and so does the kernel."""

    def __init__(self) -> None:
        quiet = logging.getLogger("classroom.labs.echo")
        quiet.addHandler(logging.NullHandler())
        quiet.propagate = False
        self._server = serve(_echo, "127.0.0.1", 0, logger=quiet, compression=None, server_header=None)
        self.port: int = self._server.socket.getsockname()[1]
        self._thread = threading.Thread(target=self._server.serve_forever, name="echo server", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Close every connection and the port."""
        self._server.shutdown()
        self._thread.join()


def _echo(connection: ServerConnection) -> None:
    for message in connection:
        connection.send(message)

"""TLS on a connection of the port: a transport for who answers inside, a protocol for the transport below.

asyncio's own takes twice the processor time for a short request, and 256 KB for as long as a connection
is open. Does not know what is asked inside, nor which certificate belongs to whom: that is the context's matter.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import Any

SHAKEN_WITHIN_S = 20.0
"""How long the two ends may take to agree."""
ENDED_WITHIN_S = 2.0
"""How long what was written last may take, and the client to end its side, once this side has."""
_PIECE = 64 * 1024
_RECORD = 16 * 1024
"""What one record holds at most (RFC 8446, section 5.1)."""


class Secured(asyncio.BufferedProtocol, asyncio.Transport):
    """One connection whose server side is here. ``new_connection`` makes the protocol inside, once both ends agree.

    It takes ``below`` over, with what has come from it before in ``early``. ``buffer``, which
    ``new_buffer`` makes, is used for a moment at a time: all connections of an event loop may have the same.
    """

    def __init__(
        self,
        below: asyncio.Transport,
        context: ssl.SSLContext,
        new_connection: Callable[[], asyncio.Protocol],
        buffer: memoryview,
        early: bytes = b"",
    ):
        super().__init__()
        self._below = below
        self._buffer = buffer
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._new_connection = new_connection
        self._protocol: asyncio.Protocol | None = None
        """Who answers inside; None until both ends agree."""
        self._is_paused = False
        self._ends = False
        """Whether this side has said that nothing more comes from it."""
        self._abort = asyncio.get_running_loop().call_later(SHAKEN_WITHIN_S, below.abort)
        below.set_protocol(self)
        below.resume_reading()
        if early:
            self._receive(early)

    # What the transport below tells.

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        self._receive(self._buffer[:nbytes])

    def eof_received(self) -> None:
        if self._protocol is not None and not self._ends:
            self._protocol.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        self._abort.cancel()
        self._ends = True
        if self._protocol is not None:
            self._protocol.connection_lost(exc)

    def pause_writing(self) -> None:
        if self._protocol is not None:
            self._protocol.pause_writing()

    def resume_writing(self) -> None:
        if self._protocol is not None:
            self._protocol.resume_writing()

    # What who answers inside may ask, as of any transport.

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        if name == "sslcontext":
            return self._tls.context
        return self._tls if name == "ssl_object" else self._below.get_extra_info(name, default)

    def get_protocol(self) -> asyncio.BaseProtocol:
        assert self._protocol is not None, "nobody is inside before both ends agree"
        return self._protocol

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        assert isinstance(protocol, asyncio.Protocol)
        self._protocol = protocol

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self._ends or not data or self._below.is_closing():
            return
        self._tls.write(data)
        self._below.write(self._outgoing.read())

    def can_write_eof(self) -> bool:
        return False

    def get_write_buffer_size(self) -> int:
        return self._below.get_write_buffer_size()

    def get_write_buffer_limits(self) -> tuple[int, int]:
        return self._below.get_write_buffer_limits()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self._below.set_write_buffer_limits(high, low)

    def is_reading(self) -> bool:
        return not self._is_paused and not self.is_closing()

    def pause_reading(self) -> None:
        if not self._ends:
            self._is_paused = True
            self._below.pause_reading()

    def resume_reading(self) -> None:
        if self._is_paused:
            self._is_paused = False
            self._below.resume_reading()
            asyncio.get_running_loop().call_soon(self._deliver)  # What had come before the pause.

    def is_closing(self) -> bool:
        return self._ends or self._below.is_closing()

    def close(self) -> None:
        """Ends this side, behind what was written; then the client has a moment to end its own."""
        if self._ends:
            return
        self._ends = True
        with suppress(ssl.SSLError):  # It is said at once; that the client has not said so yet is no error.
            self._tls.unwrap()
        self._send()
        if self._below.is_closing():
            return
        self._abort.cancel()
        self._abort = asyncio.get_running_loop().call_later(ENDED_WITHIN_S, self._below.abort)
        self._below.resume_reading()
        if self._below.can_write_eof():
            with suppress(OSError):  # The client has gone; its end comes next.
                self._below.write_eof()

    def abort(self) -> None:
        self._ends = True
        self._below.abort()

    # TLS.

    def _receive(self, data: bytes | memoryview) -> None:
        if self._ends:
            return  # Else a client that never ends its side would fill the memory.
        self._incoming.write(data)
        if self._protocol is not None or self._shake():
            self._deliver()

    def _shake(self) -> bool:
        """Goes on agreeing; whether both ends do now."""
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            self._send()
            return False
        except (ssl.SSLError, OSError):  # The client does not trust us, or is none of TLS: it is told, if it can be.
            self._ends = True
            self._send()
            self._below.close()
            return False
        self._abort.cancel()
        self._send()
        self._protocol = self._new_connection()
        self._protocol.connection_made(self)
        return True

    def _deliver(self) -> None:
        """Hands on what has come, as far as it is whole and wanted."""
        while not self._is_paused and not self._ends and (self._incoming.pending or self._tls.pending()):
            try:
                data = self._tls.read(_RECORD)
            except ssl.SSLWantReadError:
                break
            except ssl.SSLError:
                self._send()
                self.abort()
                return
            protocol = self._protocol
            assert protocol is not None, "nothing is readable before both ends agree"
            if not data:
                protocol.eof_received()
                self.close()
                return
            protocol.data_received(data)
        if self._outgoing.pending:  # A new key is answered by another.
            self._send()

    def _send(self) -> None:
        data = self._outgoing.read()
        if data and not self._below.is_closing():
            self._below.write(data)


def new_buffer() -> memoryview:
    """What connections receive into."""
    return memoryview(bytearray(_PIECE))

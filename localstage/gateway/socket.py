"""One WebSocket on the wire: bytes in, messages out, frames and close codes exact.

A thin shell around websockets' sans-I/O protocol. Does not know routes,
events or functions: it calls back with whole text messages and one ending.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from websockets.exceptions import ProtocolError
from websockets.frames import CloseCode, Frame, Opcode
from websockets.protocol import CLOSED, OPEN, SEND_EOF, Protocol, Side

from localstage.core.connection import CUT, Ending, ending_of_client_close
from localstage.settings import Settings

_CLOSE_WAIT_S = 2.0
_UNREAD_LIMIT_BYTES = 4 * 1024 * 1024
"""What waits for a client that does not read, before it gets no more messages."""
_UNREAD_AT_MOST_BYTES = 5 * 1024 * 1024
"""What waits for it, pongs included, before it is cut."""
_FRAMES_PER_TURN = 32
_BYTES_PER_TURN = 16 * 1024
"""How much is read of one client before the others have their turn: whichever is reached first."""
_BYTES_PER_LOOK = 512
"""How much is read before the frames are counted."""


class ClientReadsTooSlowly(Exception):
    """More is waiting for the client than localstage keeps for it."""


class _ServerProtocol(Protocol):
    """The server's side of one WebSocket after the handshake."""

    def __init__(self, settings: Settings):
        super().__init__(Side.SERVER, max_size=(settings.message_limit_bytes, settings.frame_limit_bytes))
        self._fed = self._read = 0

    def receive_data(self, data: bytes | bytearray) -> None:
        self._fed += len(data)
        super().receive_data(data)

    def recv_frame(self, frame: Frame) -> None:
        """Takes a frame whose length is coded as short as it can be. Raises ProtocolError for any other.

        RFC 6455, 5.2: the length MUST be coded in the fewest bytes. Guess (Frames that RFC 6455): a longer one closes with 1002.
        The frame itself does not tell; what it took of the line does.
        """
        size, read = len(frame.data), self._fed - len(self.reader.buffer)
        taken, self._read = read - self._read, read
        if taken != size + (6 if size < 126 else 8 if size < 65_536 else 14):  # with two bytes of head, four of mask
            raise ProtocolError("the length is not coded in the fewest bytes")
        super().recv_frame(frame)

    def fail(self, code: int, reason: str = "") -> None:
        # Guess (Message or frame too large): a failing close has an empty reason (FIDELITY section 5, unsure).
        super().fail(code, "")


class WebSocket(asyncio.Protocol):
    """An open WebSocket. ``on_text`` gets each whole message, ``on_end`` the ending, once.

    A client that does not read cannot hold it: some time after a close the
    transport is aborted, whatever still waits to be sent. Nor can one that sends
    frame after frame take everybody's time: some are read in each turn of the
    event loop, and until they all are, nothing more is taken from the line.
    """

    def __init__(self, settings: Settings, on_text: Callable[[str], None], on_end: Callable[[Ending], None]):
        self._ws = _ServerProtocol(settings)
        self._on_text = on_text
        self._on_end = on_end
        self._message = bytearray()
        self._unread = memoryview(b"")
        self._ended = False
        self._closed_by_us = False
        self._transport: asyncio.Transport | None = None
        self._abort: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        if self._unread:  # What was on its way when reading was paused.
            self._unread = memoryview(bytes(self._unread) + data)
            return
        self._unread = memoryview(data)
        self._take_turn()

    def _take_turn(self) -> None:
        """Reads some frames, and comes back for the rest."""
        read = frames = 0
        while self._unread and read < _BYTES_PER_TURN and frames < _FRAMES_PER_TURN:
            now, self._unread = self._unread[:_BYTES_PER_LOOK], self._unread[_BYTES_PER_LOOK:]
            read += len(now)
            self._ws.receive_data(bytes(now))
            for event in self._ws.events_received():
                if isinstance(event, Frame):
                    frames += 1
                    self._receive_frame(event)
        self._flush()
        self._notice_end()
        self._go_on()

    def _go_on(self) -> None:
        """Asks for the next turn, or for more bytes."""
        if self._transport is None or self._transport.is_closing():
            self._unread = memoryview(b"")
        elif self._unread:
            self._transport.pause_reading()
            asyncio.get_running_loop().call_soon(self._take_turn)
        else:
            self._transport.resume_reading()

    def eof_received(self) -> None:
        self._unread = memoryview(b"")
        self._ws.receive_eof()
        self._flush()
        self._end(CUT)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._abort is not None:
            self._abort.cancel()
        self._end(CUT)

    def send_text(self, text: str) -> None:
        """Sends one text frame. Raises ClientReadsTooSlowly; a closed socket drops the text."""
        if self._ws.state is not OPEN or self._transport is None:
            return
        if self._transport.get_write_buffer_size() > _UNREAD_LIMIT_BYTES:
            raise ClientReadsTooSlowly()
        self._ws.send_text(text.encode("utf-8"))
        self._flush()

    def close(self, ending: Ending) -> None:
        """Closes with a code and reason; the ending is reported at once."""
        self._closed_by_us = True
        if self._ws.state is OPEN:
            self._ws.send_close(ending.code, ending.reason)
            self._flush()
            self._close_soon()
        self._end(ending)

    def _receive_frame(self, frame: Frame) -> None:
        # A message counts even if the client's close frame came with it, but
        # nothing that comes after we have closed does.
        if self._closed_by_us:
            return
        if frame.opcode is Opcode.BINARY:
            self._fail(CloseCode.UNSUPPORTED_DATA)  # FIDELITY section 2: a binary frame closes 1003.
            return
        if frame.opcode not in (Opcode.TEXT, Opcode.CONT):
            return
        self._message += frame.data
        if frame.fin:
            whole, self._message = self._message, bytearray()
            try:
                text = whole.decode("utf-8")
            except UnicodeDecodeError:
                self._fail(CloseCode.INVALID_DATA)
                return
            self._on_text(text)

    def _fail(self, code: CloseCode) -> None:
        self._closed_by_us = True
        self._ws.fail(code)

    def _notice_end(self) -> None:
        received, sent = self._ws.close_rcvd, self._ws.close_sent
        if received is not None:
            self._end(ending_of_client_close(received.code, received.reason))
        elif sent is not None:
            self._end(Ending(sent.code, sent.reason))
        if received is not None or sent is not None:
            self._close_soon()

    def _end(self, ending: Ending) -> None:
        if not self._ended:
            self._ended = True
            self._on_end(ending)

    def _flush(self) -> None:
        transport = self._transport
        if transport is None or transport.is_closing():
            self._ws.data_to_send()
            return
        for data in self._ws.data_to_send():
            if data != SEND_EOF:
                transport.write(data)
            elif self._ws.close_rcvd is not None or self._ws.state is CLOSED:
                transport.close()
            elif transport.can_write_eof():
                transport.write_eof()
        if transport.get_write_buffer_size() > _UNREAD_AT_MOST_BYTES:
            transport.abort()

    def _close_soon(self) -> None:
        # Unread bytes of the client would turn a close into a reset that can
        # overtake the close frame, so the client gets some time to close. Then
        # abort, since a close would wait until the client has read everything.
        if self._abort is None and self._transport is not None:
            self._abort = asyncio.get_running_loop().call_later(_CLOSE_WAIT_S, self._transport.abort)

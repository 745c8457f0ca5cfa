"""What the public test suites of WebSocket servers ask, as bytes and the verdict that this server must give.

The cases are named by the sections in which Autobahn's fuzzing client has them: 1 framing, 2 pings,
3 reserved bits, 4 opcodes, 5 fragments, 6 UTF-8, 7 closing, 9 limits. Two answers are API Gateway's own:
a binary frame is closed with 1003, and what is over 128 KB, or 32 KB in one frame, with 1009
(FIDELITY sections 2 and 5).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from localstage.core.connection import Ending
from tests.pure.test_gateway_socket import Client

TEXT, BINARY, CONT, CLOSE, PING, PONG = 1, 2, 0, 8, 9, 10


def frame(opcode: int, data: bytes = b"", *, fin: bool = True, reserved: int = 0, masked: bool = True) -> bytes:
    """One frame as a client sends it; the mask's key is zero, so the payload stays readable."""
    first = (0x80 if fin else 0) | (reserved << 4) | opcode
    mask = 0x80 if masked else 0
    if len(data) < 126:
        head = bytes([first, mask | len(data)])
    elif len(data) < 65_536:
        head = bytes([first, mask | 126]) + len(data).to_bytes(2, "big")
    else:
        head = bytes([first, mask | 127]) + len(data).to_bytes(8, "big")
    return head + (b"\0\0\0\0" if masked else b"") + data


def close(code: int | None = None, reason: bytes = b"") -> bytes:
    return frame(CLOSE, (code.to_bytes(2, "big") if code is not None else b"") + reason)


def sent_frames(sent: bytes) -> Iterator[tuple[int, bytes]]:
    """The frames that the server sent: opcode and payload."""
    while sent:
        size, at = sent[1], 2
        if size == 126:
            size, at = int.from_bytes(sent[2:4], "big"), 4
        yield sent[0] & 0x0F, sent[at : at + size]
        sent = sent[at + size :]


def verdict(*sent: bytes, in_pieces_of: int = 0) -> tuple[list[str], list[bytes], int | None, list[Ending]]:
    """What a server makes of bytes: messages, payloads of pongs, the code that it closes with, and its ends."""

    async def run() -> tuple[list[str], list[bytes], int | None, list[Ending]]:
        client, line = Client(), b"".join(sent)
        for at in range(0, len(line), in_pieces_of or len(line)):
            client.socket.data_received(line[at : at + (in_pieces_of or len(line))])
            while not client.line.reading and not client.line.closing:
                await asyncio.sleep(0)
        frames = list(sent_frames(bytes(client.line.sent)))
        [closing] = [payload for opcode, payload in frames if opcode == CLOSE] or [None]
        code = None if closing is None else int.from_bytes(closing[:2], "big") if closing else 1005
        pongs = [payload for opcode, payload in frames if opcode == PONG]
        client.socket.connection_lost(None)
        return client.texts, pongs, code, client.endings

    return asyncio.run(run())


GREEK = "κόσμε"
SURROGATE, OVERLONG, BEYOND = b"\xed\xa0\x80", b"\xc0\xaf", b"\xf4\x90\x80\x80"

MESSAGES: dict[str, tuple[tuple[bytes, ...], list[str]]] = {
    "1.1.1 empty": ((frame(TEXT),), [""]),
    "1.1.2 125 bytes": ((frame(TEXT, b"*" * 125),), ["*" * 125]),
    "1.1.3 126 bytes": ((frame(TEXT, b"*" * 126),), ["*" * 126]),
    "1.1.5 128 bytes": ((frame(TEXT, b"*" * 128),), ["*" * 128]),
    "1.1.6 32 KB": ((frame(TEXT, b"*" * 32_768),), ["*" * 32_768]),
    "2.5 unsolicited pong": ((frame(PONG, b"nobody asked"), frame(TEXT, b"a")), ["a"]),
    "4.1 two messages": ((frame(TEXT, b"a"), frame(TEXT, b"b")), ["a", "b"]),
    "5.3 two fragments": ((frame(TEXT, b"a", fin=False), frame(CONT, b"b")), ["ab"]),
    "5.6 a ping between fragments": ((frame(TEXT, b"a", fin=False), frame(PING), frame(CONT, b"b")), ["ab"]),
    "5.19 five fragments, two pings": (
        (
            *(frame(TEXT, b"1", fin=False), frame(CONT, b"2", fin=False), frame(PING, b"x")),
            *(frame(CONT, b"3", fin=False), frame(CONT, b"4", fin=False), frame(PING, b"y"), frame(CONT, b"5")),
        ),
        ["12345"],
    ),
    "6.1 empty fragments": ((frame(TEXT, fin=False), frame(CONT, fin=False), frame(CONT)), [""]),
    "6.2 UTF-8": ((frame(TEXT, GREEK.encode()),), [GREEK]),
    "6.2 UTF-8 cut within a character": (
        tuple(
            frame(CONT if at else TEXT, bytes([byte]), fin=at == len(GREEK.encode()) - 1)
            for at, byte in enumerate(GREEK.encode())
        ),
        [GREEK],
    ),
    "6.5 the last code point": ((frame(TEXT, "\U0010ffff".encode()),), ["\U0010ffff"]),
    "6.22 no character": ((frame(TEXT, "\ufffe\uffff".encode()),), ["\ufffe\uffff"]),
    "9.1 128 KB in frames": (
        tuple(frame(CONT if part else TEXT, b"*" * 32_768, fin=part == 3) for part in range(4)),
        ["*" * 131_072],
    ),
}
CLOSES: dict[str, tuple[tuple[bytes, ...], list[str], int]] = {
    "1.2 binary": ((frame(BINARY, b"x"),), [], 1003),
    "2.5 a ping of 126 bytes": ((frame(PING, b"*" * 126),), [], 1002),
    **{f"3 reserved {bits}": ((frame(TEXT, b"a", reserved=bits),), [], 1002) for bits in range(1, 8)},
    **{f"4.1 opcode {code}": ((frame(TEXT, b"a"), frame(code)), ["a"], 1002) for code in range(3, 8)},
    **{f"4.2 opcode {code}": ((frame(code),), [], 1002) for code in range(11, 16)},
    "5.1 a ping in fragments": ((frame(PING, fin=False), frame(CONT)), [], 1002),
    "5.9 a continuation of nothing": ((frame(CONT, b"a"), frame(TEXT, b"b")), [], 1002),
    "5.15 a message within a message": ((frame(TEXT, b"a", fin=False), frame(TEXT, b"b")), [], 1002),
    "6.3 a surrogate": ((frame(TEXT, SURROGATE),), [], 1007),
    "6.3 overlong": ((frame(TEXT, OVERLONG),), [], 1007),
    "6.4 beyond the last code point": ((frame(TEXT, b"a", fin=False), frame(CONT, BEYOND)), [], 1007),
    "6.6 cut off": ((frame(TEXT, GREEK.encode()[:-1]),), [], 1007),
    "7.1.1 close": ((frame(TEXT, b"a"), close(1000)), ["a"], 1000),
    "7.1.3 two closes": ((close(1000), close(1001)), [], 1000),
    "7.1.4 text after close": ((close(1000), frame(TEXT, b"a")), [], 1000),
    "7.1.5 close within a message": ((frame(TEXT, b"a", fin=False), close(1000), frame(CONT, b"b")), [], 1002),
    "7.3.1 close without payload": ((close(),), [], 1005),
    "7.3.2 close with one byte": ((frame(CLOSE, b"\x03"),), [], 1002),
    "7.3.5 close with 123 bytes of reason": ((close(1000, b"*" * 123),), [], 1000),
    "7.3.6 close with 124 bytes of reason": ((close(1000, b"*" * 124),), [], 1002),
    "7.5.1 close with a reason that is no text": ((close(1000, SURROGATE),), [], 1007),
    **{f"7.7 close {code}": ((close(code),), [], code) for code in (1000, 1001, 1003, 1007, 1009, 1011, 3000, 4999)},
    **{
        f"7.9 close {code}": ((close(code),), [], 1002) for code in (0, 999, 1004, 1005, 1006, 1016, 2999, 5000, 65_535)
    },
    "9 one byte more in a frame": ((frame(TEXT, b"*" * 32_769),), [], 1009),
    "9 one byte more in fragments": (
        tuple(frame(CONT if part else TEXT, b"*" * 26_215, fin=part == 4) for part in range(5)),
        [],
        1009,
    ),
    "9 a length of gigabytes": ((bytes([0x81, 0xFF]) + (1 << 40).to_bytes(8, "big"),), [], 1009),
    "9 a length without end": ((bytes([0x81, 0xFF]) + b"\xff" * 8,), [], 1009),
    # RFC 6455, 5.2: the fewest bytes MUST be used. Autobahn's client does not ask.
    "5.2 a length of 5 in two bytes": ((bytes([0x81, 0xFE, 0, 5]) + b"\0\0\0\0hello",), [], 1002),
    "5.2 a length of 125 in two bytes": ((bytes([0x81, 0xFE, 0, 125]) + b"\0\0\0\0" + b"*" * 125,), [], 1002),
    "5.2 a length of 126 in eight bytes": (
        (frame(TEXT, b"a"), bytes([0x81, 0xFF, 0, 0, 0, 0, 0, 0, 0, 126]) + b"\0\0\0\0" + b"*" * 126),
        ["a"],
        1002,
    ),
    "5.2 a ping's length of 0 in two bytes": ((bytes([0x89, 0xFE, 0, 0]) + b"\0\0\0\0",), [], 1002),
    "unmasked": ((frame(TEXT, b"a", masked=False),), [], 1002),
}


@pytest.mark.parametrize("size", [0, 1], ids=["at once", "by byte"])
@pytest.mark.parametrize("case", MESSAGES)
def test_message_when_it_is_as_the_protocol_says(case: str, size: int):
    """The messages are those that were sent, and the connection stays open."""
    sent, messages = MESSAGES[case]
    size = 97 if size and sum(map(len, sent)) > 1_000 else size
    assert verdict(*sent, in_pieces_of=size)[0:3:2] == (messages, None)


@pytest.mark.fidelity("5.10")
@pytest.mark.parametrize("case", CLOSES)
def test_close_when_a_frame_is_not_as_the_protocol_says(case: str):
    """The connection is closed, with the code that says why, once; what came whole before is served."""
    sent, messages, code = CLOSES[case]
    heard, _, closed_with, endings = verdict(*sent)
    assert (heard, closed_with, len(endings)) == (messages, code, 1)


@pytest.mark.parametrize(
    "data", [b"", b"payload", b"\x00\xff\xfe\xfd", b"*" * 125], ids=["none", "text", "binary", "125"]
)
def test_pong_when_a_client_pings(data: bytes):
    """Each ping is answered with its own payload, in order, also ten in a row."""
    pings: list[Any] = [frame(PING, data), *(frame(PING, bytes([number])) for number in range(10))]
    assert verdict(*pings) == ([], [data, *(bytes([number]) for number in range(10))], None, [Ending(1006, "")])

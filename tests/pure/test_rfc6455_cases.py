"""What the public test suites of WebSocket servers ask, as bytes and the verdict that this server must give.

The cases are named by the sections in which Autobahn's fuzzing client has them: 1 framing, 2 pings,
3 reserved bits, 4 opcodes, 5 fragments, 6 UTF-8, 7 closing, 9 limits, 10 messages in pieces. Most are
made of parameters: its client needs Python 2.7, and these need no client. Two answers are API Gateway's own:
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


def in_frames(data: bytes, size: int, between: tuple[bytes, ...] = ()) -> tuple[bytes, ...]:
    """One text message in frames of a size, with other frames between each two."""
    parts = [data[at : at + size] for at in range(0, len(data), size)] or [b""]
    frames = [frame(CONT if at else TEXT, part, fin=at == len(parts) - 1) for at, part in enumerate(parts)]
    return (frames[0], *(one for later in frames[1:] for one in (*between, later)))


# 1 framing: lengths on both sides of each of the three ways to write one.
for _size in (1, 124, 127, 255, 256, 4_095, 4_096, 16_384, 32_767):
    MESSAGES[f"1.1 {_size} bytes"] = (frame(TEXT, b"*" * _size),), ["*" * _size]
for _size in (0, 125, 126, 127, 128, 32_768):
    CLOSES[f"1.2 binary of {_size} bytes"] = (frame(BINARY, b"\xfe" * _size),), [], 1003
# 2 pings, between and behind messages.
for _size in (0, 1, 64, 125):
    MESSAGES[f"2 a ping of {_size} bytes between messages"] = (
        (frame(TEXT, b"a"), frame(PING, b"\xff" * _size), frame(TEXT, b"b")),
        ["a", "b"],
    )
    MESSAGES[f"2 pongs of {_size} bytes that nobody asked for"] = (
        (frame(PONG, b"\xfe" * _size), frame(PONG, b"\xfe" * _size), frame(TEXT, b"a")),
        ["a"],
    )
for _opcode, _name in ((PING, "ping"), (PONG, "pong"), (CLOSE, "close")):
    CLOSES[f"2.5 a {_name} of 126 bytes"] = (frame(TEXT, b"a"), frame(_opcode, b"*" * 126)), ["a"], 1002
    CLOSES[f"5.1 a {_name} in fragments"] = (frame(TEXT, b"a"), frame(_opcode, fin=False)), ["a"], 1002
    # 3 reserved bits, in control frames, and behind a message.
    for _bits in range(1, 8):
        CLOSES[f"3 reserved {_bits} in a {_name}"] = (frame(TEXT, b"a"), frame(_opcode, reserved=_bits)), ["a"], 1002
for _bits in range(1, 8):
    CLOSES[f"3 reserved {_bits} in a binary"] = (frame(BINARY, b"a", reserved=_bits),), [], 1002
    CLOSES[f"3 reserved {_bits} in a continuation"] = (
        (frame(TEXT, b"a", fin=False), frame(CONT, b"b", reserved=_bits)),
        [],
        1002,
    )
# 4 opcodes that are none, with a payload, and within a message.
for _opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15):
    CLOSES[f"4 opcode {_opcode} with a payload"] = (frame(TEXT, b"a"), frame(_opcode, b"x")), ["a"], 1002
    CLOSES[f"4 opcode {_opcode} within a message"] = (frame(TEXT, b"a", fin=False), frame(_opcode, b"x")), [], 1002
# 5 fragments and 10 messages in pieces: any number of frames, with control frames between them.
for _count in (2, 3, 10):
    for _name, _between in {"nothing": (), "a ping": (frame(PING, b"x"),), "a pong": (frame(PONG),)}.items():
        _data = "".join(str(number % 10) for number in range(_count))
        MESSAGES[f"5 {_count} frames with {_name} between"] = in_frames(_data.encode(), 1, _between), [_data]
for _size in (64, 256, 1_300, 4_096):
    MESSAGES[f"10.1 64 KB in frames of {_size} bytes"] = in_frames(b"*" * 65_536, _size), ["*" * 65_536]
for _fin in (True, False):
    CLOSES[f"5 a continuation of nothing, {_fin}"] = (frame(CONT, b"a", fin=_fin),), [], 1002
    CLOSES[f"5 a continuation behind a message, {_fin}"] = (
        (*in_frames(b"ab", 1), frame(CONT, b"c", fin=_fin), frame(TEXT, b"d")),
        ["ab"],
        1002,
    )
    CLOSES[f"5 a binary within a message, {_fin}"] = (
        (frame(TEXT, b"a", fin=False), frame(BINARY, b"b", fin=_fin)),
        [],
        1002,
    )
# 6 UTF-8 (RFC 3629): the first and last character of each length, those around the surrogates, all that are none.
_CHARACTERS = [0x00, 0x7F, 0x80, 0x7FF, 0x800, 0xD7FF, 0xE000, 0xFFFD, 0x10000, 0x10FFFF]
_CHARACTERS += [(plane << 16) + last for plane in range(17) for last in (0xFFFE, 0xFFFF)]
for _point in _CHARACTERS:
    _text = f"a{chr(_point)}z"
    MESSAGES[f"6 U+{_point:04X}"] = (frame(TEXT, _text.encode()),), [_text]
    MESSAGES[f"6 U+{_point:04X} cut within"] = in_frames(_text.encode(), 1), [_text]


def _as_bits(point: int, length: int) -> bytes:
    """A number in so many bytes as UTF-8 would have it, whether or not it is a character, and that its length."""
    first = {2: 0xC0, 3: 0xE0, 4: 0xF0, 5: 0xF8, 6: 0xFC}[length] | point >> 6 * (length - 1)
    return bytes([first, *(0x80 | point >> 6 * left & 0x3F for left in range(length - 2, -1, -1))])


_NO_UTF8 = {
    **{f"byte {byte:02X}": bytes([byte]) for byte in (0x80, 0xBF, 0xC0, 0xC1, 0xF5, 0xF7, 0xF8, 0xFE, 0xFF)},
    **{f"{count} continuations": b"\x80" * count for count in range(2, 8)},
    **{
        f"surrogate {point:04X}": _as_bits(point, 3)
        for point in (0xD800, 0xDB7F, 0xDB80, 0xDBFF, 0xDC00, 0xDF80, 0xDFFF)
    },
    "a pair of surrogates": _as_bits(0xD83D, 3) + _as_bits(0xDE00, 3),
    **{f"U+{point:04X} in {length}": _as_bits(point, length) for length in (2, 3, 4) for point in (0, 0x2F, 0x7F)},
    **{f"U+07FF in {length}": _as_bits(0x7FF, length) for length in (3, 4)},
    "U+FFFF in 4": _as_bits(0xFFFF, 4),
    **{f"U+{point:06X}": _as_bits(point, 4) for point in (0x110000, 0x13FFFF, 0x1FFFFF)},
    **{f"five bytes {point:X}": _as_bits(point, 5) for point in (0x200000, 0x3FFFFFF)},
    **{f"six bytes {point:X}": _as_bits(point, 6) for point in (0x4000000, 0x7FFFFFFF)},
    **{f"U+{point:04X} cut off": chr(point).encode()[:-1] for point in (0x80, 0x7FF, 0x800, 0xFFFD, 0x10000, 0x10FFFF)},
}
for _name, _bytes in _NO_UTF8.items():
    CLOSES[f"6 {_name}"] = (frame(TEXT, b"a" + _bytes + b"z"),), [], 1007
    CLOSES[f"6 {_name} in frames"] = (frame(TEXT, b"a"), *in_frames(GREEK.encode() + _bytes, 1)), ["a"], 1007
# 7 closing: every code that may be sent, and those that may not (RFC 6455, section 7.4; IANA's registry).
for _code in (1002, 1008, 1010, 1012, 1013, 1014, 3999, 4000):
    CLOSES[f"7.7 close {_code}"] = (close(_code),), [], _code
for _code in (1, 1015, 1017, 1099, 1100, 2000, 32_768):
    CLOSES[f"7.9 close {_code}"] = (close(_code),), [], 1002
for _reason in (b"a", GREEK.encode(), b"*" * 122):
    CLOSES[f"7.3 close with {len(_reason)} bytes of reason"] = (close(1000, _reason),), [], 1000
for _name, _bytes in {"overlong": OVERLONG, "beyond": BEYOND, "cut off": GREEK.encode()[:-1]}.items():
    CLOSES[f"7.5 close with a reason that is {_name}"] = (close(1000, _bytes),), [], 1007
for _opcode in (PING, PONG, TEXT, BINARY, CONT, 3, 11):
    CLOSES[f"7.1 opcode {_opcode} behind close"] = (close(1001), frame(_opcode, b"x")), [], 1001


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

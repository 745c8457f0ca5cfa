"""The exercises of lesson 0b: a handshake's answer, the head of a frame, and a frame of one's own (RFC 6455)."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from socket import socket

from classroom.exercises.checks import CheckFailed, attempt, check, check_returned
from classroom.exercises.exercise import Answer
from classroom.exercises.registry import exercise
from classroom.labs.echo import EchoServer

PREDICTIONS = {"0b.a": "101 Switching Protocols", "0b.b": "8", "0b.c": "It ends the connection"}
REQUEST = (
    "GET /chat HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {}\r\n\r\n"
)
FRAMES = {
    "a client's text": (b"\x81\x82\x01\x02\x03\x04ik", (1, 1, 1, 2)),
    "a server's close": (b"\x88\x02\x03\xe8", (1, 8, 0, 2)),
    "a client's ping": (b"\x89\x80\x01\x02\x03\x04", (1, 9, 1, 0)),
    "the first part of a long text": (b"\x01\x7d" + bytes(125), (0, 1, 0, 125)),
}


@exercise("0b.1", names=("accept_of",), look="the recipe above, step by step")
def compute_the_accept_value(answer: Answer) -> None:
    """``accept_of`` gives what a server answers to a key that it has never seen."""
    key = base64.b64encode(os.urandom(16)).decode()
    with _shaken_hands(key) as (_, lines):
        [theirs] = [line.split(": ")[1] for line in lines if "Accept" in line]
    ours = attempt("accept_of takes a key", lambda: answer.accept_of(key), look="encode() makes bytes of a text")
    check("it gives a text", type(ours).__name__, "str", look="the end of the recipe: decode() makes a text of bytes")
    check(
        "it has 28 characters, as 20 bytes have in base64",
        len(ours),
        28,
        look="digest(), which is not hexdigest(), and b64encode",
    )
    check("it is what the server answered", ours, theirs, look="the order: first the key, then the fixed text")


@exercise("0b.2", names=("head",), look="the table of bits above")
def read_the_head_of_a_frame(answer: Answer) -> None:
    """``head`` reads FIN, opcode, masked and length of four kinds of frames."""
    names = ("FIN", "opcode", "masked", "length")
    for what, (frame, right) in FRAMES.items():
        found = attempt(f"{what} is read", partial(answer.head, frame))
        check_returned(f"{what} has four numbers", found, tuple, look="the commas between the four, behind return")
        check(f"{what} has four numbers", len(found), 4, look="the commas between the four, behind return")
        look = f"byte 1 is {frame[0]:08b}, byte 2 is {frame[1]:08b}"
        check(
            f"its head is {right}",
            dict(zip(names, found, strict=True)),
            dict(zip(names, right, strict=True)),
            look=look,
        )


@exercise("0b.3", names=("client_frame",), look="the frame of hi, byte by byte")
def speak_the_protocol(answer: Answer) -> None:
    """A server understands the frames that ``client_frame`` makes, and sends their texts back."""
    for text in ("Hello", "Grüße", ""):
        content = text.encode()
        frame = attempt(f"{text!r} makes a frame", partial(answer.client_frame, text))
        kind = type(frame).__name__
        check(f"the frame of {text!r} is bytes", kind, "bytes", look="what is returned: + joins bytes to bytes")
        check(
            f"it has {6 + len(content)} bytes",
            len(frame),
            6 + len(content),
            look="2 bytes of head, 4 of mask, then the encoded text: ü is two bytes",
        )
        check("the server sends the text back", _echoed(frame), text, look="which byte of the mask goes with which")


def _echoed(frame: bytes) -> str:
    """The text that a server sends back to a frame. Raises ``CheckFailed`` where it closes, or waits for more."""
    with _shaken_hands(base64.b64encode(os.urandom(16)).decode()) as (wire, _):
        wire.sendall(frame)
        try:
            reply = wire.recv(200)
        except TimeoutError:
            raise CheckFailed(
                "the server sends the text back. It still waits for more bytes. "
                f"Look at: byte 2, which is {frame[1]:08b}: the length in it counts the bytes of the content only."
            ) from None
    if reply[:1] == b"\x88":
        code, reason = int.from_bytes(reply[2:4], "big"), reply[4:].decode()
        raise CheckFailed(
            f"the server sends the text back. It ended the connection: {code}{f', {reason}' if reason else ''}. "
            f"Look at: the first two bytes, which are {frame[0]:08b} and {frame[1]:08b}."
        )
    return reply[2:].decode("utf-8", "replace")


@contextmanager
def _shaken_hands(key: str) -> Iterator[tuple[socket, list[str]]]:
    """A connection after its handshake under this key, and the lines of the server's answer."""
    echo = EchoServer()
    try:
        wire = echo.connect(timeout_s=1.0)
        wire.sendall(REQUEST.format(key).encode())
        yield wire, wire.recv(4096).decode().splitlines()
    finally:
        echo.stop()

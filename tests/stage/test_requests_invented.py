"""Heads of requests and handshakes that nobody would send: each is answered or cut in time, none with a 500."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from localstage import LocalStage
from tests.fire.clients import echo_api, status_of
from tests.fuzzing import invented

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
ANSWERED_WITHIN_S = 90
HANDSHAKE = ("Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {KEY}")

tokens = st.text(st.characters(codec="latin-1"), max_size=30)
targets = st.sampled_from(
    [
        "/",
        "//",
        "*",
        "http://xn--/",
        "/PATH?a=b&" + "x=y&" * 1_500,
        "/PATH?%",
        "/PATH?%zz=%ff",
        "/%2e%2e/",
        "/../..",
        "PATH",
    ]
) | tokens.map(lambda text: "/PATH?" + text)
lines = st.sampled_from(
    [
        *HANDSHAKE,
        "Upgrade: h2c",
        "Connection: close, upgrade",
        "Connection:",
        "Sec-WebSocket-Version: 8",
        "Sec-WebSocket-Version: 13, 8",
        "Sec-WebSocket-Key: c2hvcnQ=",
        "Sec-WebSocket-Key: é",
        "Sec-WebSocket-Protocol: a, b, a",
        "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=99",
        "Content-Length: 5",
        "Content-Length: -1",
        "Content-Length: 5, 6",
        "Transfer-Encoding: chunked",
        "Transfer-Encoding: gzip, chunked",
        "Content-Encoding: gzip",
        "Expect: 100-continue",
        "Host: abcdefghij.execute-api.us-east-1.amazonaws.com",
        "Host: dynamodb.us-east-1.amazonaws.com:443",
        "Host: evil.example",
        "Host:",
        " folded: onto the line before",
        "\tfolded",
        ": no name",
        "No colon",
        "Name : with a space",
        "Authorization: AWS4-HMAC-SHA256 Credential=/////, SignedHeaders=;;;, Signature=",
        "X-Amz-Date: never",
        "X-Amz-Target: ........",
        "Cookie: " + "x" * 8_000,
    ]
) | tokens.map(lambda text: f"X-Any: {text}")
heads = st.tuples(
    st.sampled_from(["GET", "POST", "CONNECT", "PUT", "OPTIONS", "PRI", "get", ""]),
    targets,
    st.sampled_from(["HTTP/1.1", "HTTP/1.0", "HTTP/2.0", "HTTP/9.9", "http/1.1", ""]),
    st.lists(lines, max_size=9),
    st.sampled_from([b"", b"hello", b"5\r\nhello\r\n0\r\n\r\n", b"zz\r\n", b"\x81\x85\0\0\0\0hello"]),
)


@pytest.fixture(scope="module")
def path(stage: LocalStage) -> str:
    """The path of a stage that answers without a function."""
    return echo_api(stage)


def answer_to(stage: LocalStage, sent: bytes) -> bytes:
    """What comes back, until the end or 101; b"" if the connection was cut. Fails where nothing comes in time."""
    with socket.create_connection(("127.0.0.1", urlsplit(stage.url).port), timeout=ANSWERED_WITHIN_S) as line:
        got = b""
        try:
            line.sendall(sent)
            while b"\r\n\r\n" not in got and (piece := line.recv(65_536)):
                got += piece
        except ConnectionError:
            pass  # Cut, with something of ours unread.
        return got


@invented
@given(heads)
@example(("CONNECT", "xn--:443", "HTTP/1.1", [], b""))
@example(("GET", "/PATH?" + "a=b&" * 100_000, "HTTP/1.1", list(HANDSHAKE), b""))
@example(("GET", "/PATH", "HTTP/1.1", [*HANDSHAKE, "X-Many: y"] + ["X: y"] * 50_000, b""))
@example(("GET", "/PATH", "HTTP/1.1", [*HANDSHAKE, "X-Long: " + "y" * 5_000_000], b""))
def test_head_when_it_is_invented(stage: LocalStage, path: str, head: tuple[str, str, str, list[str], bytes]) -> None:
    """An answer that is no fault of localstage's, or the end of the connection; and the next one is served."""
    method, target, version, sent, body = head
    first = f"{method} {target.replace('/PATH', path)} {version}"
    text = "\r\n".join([first, "Host: 127.0.0.1", *sent]) + "\r\n\r\n"
    got = answer_to(stage, text.encode("latin-1", "replace") + body)
    status = int(got.split(b" ", 2)[1]) if got.startswith(b"HTTP/") else 0
    assert got == b"" or status in (100, 101, 200) or 400 <= status < 500 or status in (501, 502), got[:300]
    assert b"Traceback" not in got
    assert status_of(stage)["pid"]


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({}, 101),
        ({"Sec-WebSocket-Key": [KEY, KEY]}, 400),
        ({"Sec-WebSocket-Key": [KEY, "AAAAAAAAAAAAAAAAAAAAAA=="]}, 400),
        ({"Sec-WebSocket-Key": []}, 400),
        ({"Sec-WebSocket-Key": ["c2hvcnQ="]}, 400),
        ({"Sec-WebSocket-Version": ["8"]}, 400),
        ({"Sec-WebSocket-Version": []}, 400),
        ({"Sec-WebSocket-Version": ["13", "8"]}, 400),
        ({"Connection": ["close"]}, 400),
        ({"Connection": ["keep-alive, Upgrade"]}, 101),
        ({"Content-Length": ["5"]}, 400),
        ({"Sec-WebSocket-Extensions": ["permessage-deflate; server_max_window_bits=99"]}, 101),
        ({"Sec-WebSocket-Extensions": ["x" * 3_000]}, 101),
    ],
    ids=str,
)
def test_handshake_when_it_is_faulty(stage: LocalStage, path: str, changed: dict[str, list[str]], status: int) -> None:
    """RFC 6455, sections 4.2.1 and 11.3: a faulty handshake is refused; extensions that are offered are not taken."""
    plain = {name: [value] for name, value in (line.split(": ") for line in HANDSHAKE)}
    head = "".join(f"{name}: {value}\r\n" for name, values in {**plain, **changed}.items() for value in values)
    got = answer_to(stage, f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{head}\r\n".encode())
    assert got.split(b" ", 2)[1] == str(status).encode(), got[:300]
    assert b"Sec-WebSocket-Extensions" not in got


def test_frame_when_gigabytes_are_declared(stage: LocalStage, path: str) -> None:
    """A frame that announces more than the limit is answered 1009 before any of it has come (FIDELITY section 2)."""
    head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n" + "".join(f"{line}\r\n" for line in HANDSHAKE) + "\r\n"
    with socket.create_connection(("127.0.0.1", urlsplit(stage.url).port), timeout=ANSWERED_WITHIN_S) as line:
        line.sendall(head.encode())
        got = line.recv(4_096)
        line.sendall(b"\x81\xff" + (2**40).to_bytes(8, "big") + b"\0\0\0\0")
        while piece := line.recv(4_096):
            got += piece
    opcode, _, code = got.partition(b"\r\n\r\n")[2][0], 0, got.partition(b"\r\n\r\n")[2][2:4]
    assert (opcode, int.from_bytes(code, "big")) == (0x88, 1009)


def test_handshake_when_the_client_is_half_open(stage: LocalStage, path: str) -> None:
    """A client that ends its half of the line has left: the stage forgets it."""
    head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n" + "".join(f"{line}\r\n" for line in HANDSHAKE) + "\r\n"
    with socket.create_connection(("127.0.0.1", urlsplit(stage.url).port), timeout=ANSWERED_WITHIN_S) as line:
        line.sendall(head.encode())
        assert line.recv(4_096).startswith(b"HTTP/1.1 101")
        line.shutdown(socket.SHUT_WR)
        while line.recv(4_096):
            pass  # The end, after a close frame or without.

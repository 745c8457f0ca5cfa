"""What tests.conformance writes: nothing of anybody's own, and every difference."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance.account import cost
from tests.conformance.comparison import Occasion, differing_rows, page
from tests.conformance.redaction import Redactor
from tests.conformance.watching import Sightings
from tests.fidelity.rows import Row, Section

SECTIONS = [
    Section(3, "$connect", (Row("3.5", "No permission is 500"), Row("3.6", "No stage is 403"), Row("3.7", "a | b")))
]
OCCASION = Occasion("2026-11-22, us-east-1", rehearsed=False)


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("arn:aws:lambda:us-east-1:987654321098:function:f", "arn:aws:lambda:us-east-1:<account>:function:f"),
        ("wss://a1b2c3d4e5.execute-api.us-east-1.amazonaws.com", "wss://<api>.execute-api.us-east-1.amazonaws.com"),
        (
            '"connectionId":"L0SM9cOFvHcCIhw=", "requestId":"abcdEfgh-_jklmn="',
            '"connectionId":"<id 1>", "requestId":"<id 2>"',
        ),
        ('["GDkCVfxsIAMCERQ=", "x", "GDkCVfxsIAMCERQ="]', '["<id 1>", "x", "<id 1>"]'),
        ('"id": "AbCdEfGhIjKlMnOpQr=="', '"id": "<id 1>"'),
        ('"requestTime": "22/Nov/2026:02:31:03 +0000"', '"requestTime": "<time>"'),
        ('"ConnectedAt": "2026-11-22T02:31:03.123Z"', '"ConnectedAt": "<time>"'),
        ("Sun, 22 Nov 2026 02:31:03 GMT", "<time>"),
        ('"connectedAt": 1795315863123,', '"connectedAt": <ms>,'),
        ('"sourceIp": "203.0.113.7", "v6": "2001:db8::7"', '"sourceIp": "<address>", "v6": "<address>"'),
        ('"X-Amzn-Trace-Id": "Root=1-65f0c0de-0123456789abcdef01234567;Sampled=0"', '"X-Amzn-Trace-Id": "<trace>"'),
        ('"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="', '"Sec-WebSocket-Key": "<nonce>"'),
        ("RequestId: 01234567-89ab-cdef-0123-456789abcdef", "RequestId: <uuid 1>"),
        ("2026/11/22/[$LATEST]0123456789abcdef0123456789abcdef", "<stream>"),
        ('{"AWS_SECRET_ACCESS_KEY": "anything", "TZ": ":UTC"}', '{"AWS_SECRET_ACCESS_KEY": "<secret>", "TZ": ":UTC"}'),
        ("{'AWS_SESSION_TOKEN': 'any\"thing', 'A': 'b'}", "{'AWS_SESSION_TOKEN': '<secret>', 'A': 'b'}"),
        (f"key ASIA{'A1' * 8} and {'aB3/' * 10} and {'tok+' * 50}", "key <key> and <secret> and <token>"),
        ('"PATH": "/home/ann/bin:/bin", "left": 2989', '"PATH": "<paths>", "left": <number>'),
        ('"TMPDIR": "/home/ann/tmp/localstage-x1/functions/Ab_-1"', '"TMPDIR": "<folder>"'),
        ('"TMPDIR": "C:\\\\Users\\\\ann\\\\localstage-x1\\\\a", 1', '"TMPDIR": "<folder>", 1'),
        ('"http://127.0.0.1:34693", "10.0.0.1:9001/XqY6Z9RYX3IkcgkLzdh9JQ"', '"http://<address>", "<address>"'),
        ("Duration: 2.75 ms\tMax Memory Used: 56 MB", "Duration: <number> ms\tMax Memory Used: <number> MB"),
        # What is nobody's own stays.
        (
            '1 < {"message": "Forbidden"} 403 12:30:45 t.py::test ::',
            '1 < {"message": "Forbidden"} 403 12:30:45 t.py::test ::',
        ),
        ("close 1001 Going away, 131072 bytes", "close 1001 Going away, 131072 bytes"),
    ],
)
def test_text_when_it_is_redacted(text: str, redacted: str):
    """Ids, names, times, addresses and secrets become words; what came twice keeps its number."""
    assert Redactor({"a1b2c3d4e5": "api", "": "never"}).redact(text) == redacted


def sighting(rows: list[str], *seen: str, outcome: str = "passed") -> dict[str, Any]:
    return {"rows": rows, "outcome": outcome, "seen": list(seen)}


def test_page_when_the_two_differ():
    """A row is the same only if each of its tests saw and says the same; the table shows the first line that differs."""
    aws = {
        "t::a": sighting(["3.5"], "1 handshake /prod → 500", "1 > close"),
        "t::b": sighting(["3.5", "3.6"], "1 handshake /no → 403", outcome="call failed: assert 403 == 404"),
    }
    here = {
        "t::a": sighting(["3.5"], "1 handshake /prod → 101", "1 > close"),
        "t::b": sighting(["3.5", "3.6"], "1 handshake /no → 403", outcome="call failed: assert 403 == 404"),
    }
    assert differing_rows(aws, here) == ["3.5"]
    lines = page(SECTIONS, aws, here, OCCASION).splitlines()
    assert "| 3.5 | No permission is 500 | `1 handshake /prod → 500` | `1 handshake /prod → 101` | **no** |" in lines
    assert (
        "| 3.6 | No stage is 403 | `1 handshake /no → 403` | the same | yes, and the row is true of neither |" in lines
    )
    assert "Not asked: 3.7." in lines and "Asked: 2026-11-22, us-east-1. Rows: 2; different: 1." in lines
    assert {"-1 handshake /prod → 500", "+1 handshake /prod → 101", " 1 > close"} <= set(lines)
    assert not [line for line in lines if "rehearsal" in line]


def test_page_when_only_the_verdict_or_the_end_differs():
    """A test that failed on one side alone, and a line that one side alone has, are differences, too."""
    aws = {"t::a": sighting(["3.5"], "1 < x", outcome="call failed: late"), "t::b": sighting(["3.6"], "a|`", "b")}
    here = {"t::a": sighting(["3.5"], "1 < x"), "t::b": sighting(["3.6"], "a|`")}
    text = page(SECTIONS, aws, here, Occasion("today", rehearsed=True))
    assert differing_rows(aws, here) == ["3.5", "3.6"]
    assert "| `test call failed: late` | `test passed` | **no** |" in text
    assert "| `b` | `test passed` | **no** |" in text
    assert "This is nothing to send in." in text


def test_sightings_when_the_same_comes_again():
    """The same line again is counted, a long one is cut, and a test begins with none."""
    seen = Sightings()
    for line in ("a", "a", "a", "b", "1 < " + "x" * 7_000 + " → 414", "ab" * 4_000):
        seen.saw(line)
    assert seen.lines == ["a ×3", "b", "1 < x…(7000 times) → 414", f"{'ab' * 30}… (8000 characters) …{'ab' * 150}"]
    seen.begin()
    assert (seen.lines, seen.next_socket(), seen.next_socket()) == ([], 1, 2)


def test_cost_when_estimated():
    """Minutes grow with what is created and changed, dollars with what is sent; neither is ever zero."""
    little = cost({"lambda.CreateFunction": 1, "connections": 1, "messages": 2}, 10)
    assert (little.minutes, little.dollars, little.created) == (3, 0.01, {"functions": 1, "APIs": 0, "tables": 0})
    much = cost({"lambda.CreateFunction": 60, "apigatewayv2.CreateDeployment": 40, "messages": 100_000}, 10)
    assert much.minutes == 18
    assert 5 < much.dollars < 6  # Nearly all of it is Lambda's time, at its most.

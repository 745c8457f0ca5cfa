"""What frames mean to the chat panel."""

from __future__ import annotations

import json

import pytest

from classroom.panel.wire import Arrival, chat_frame, masked, read_frame, shortened

FORBIDDEN = '{"message": "Forbidden", "connectionId":"L0SM9cOFvHcCIhw=", "requestId":"L0SM9fWwPHcFYhw="}'


def test_chat_frame_when_a_message_is_sent():
    """A chat message goes out with the action, the sender and the text, and nothing else."""
    assert json.loads(chat_frame("alice", "hi")) == {"action": "sendMessage", "sender": "alice", "message": "hi"}


@pytest.mark.parametrize(
    ("frame", "kind", "text", "sender"),
    [
        ('{"sender": "bob", "message": "hi"}', "message", "hi", "bob"),
        ('{"type": "message", "room": "global", "sender": "bob", "message": "hi"}', "message", "hi", "bob"),
        (FORBIDDEN, "refusal", "Forbidden", ""),
        ('{"type": "error", "message": "The message is empty."}', "refusal", "The message is empty.", ""),
        ('{"type": "notice", "message": "bob left"}', "answer", "bob left", ""),
        ('{"type": "usage", "message": "how to", "connection": {}}', "answer", "how to", ""),
        ('{"type": "pong"}', "silent", '{"type": "pong"}', ""),
        ('{"message": "only"}', "answer", "only", ""),
        ("plain text", "answer", "plain text", ""),
        ("[1, 2]", "answer", "[1, 2]", ""),
        ("null", "answer", "null", ""),
        ('{"message": 5, "sender": "bob"}', "answer", '{"message": 5, "sender": "bob"}', ""),
        ('{"type": ["message"], "message": {}}', "answer", '{"type": ["message"], "message": {}}', ""),
        ("", "answer", "", ""),
    ],
)
def test_read_frame_when_received(frame, kind, text, sender):
    """Each kind of frame is told apart, and none makes the reader fail."""
    assert read_frame(frame) == Arrival(kind, text, sender)


def test_read_frame_when_nested_too_deeply():
    """A frame that would exhaust the parser is shown as text."""
    frame = "[" * 100_000
    assert read_frame(frame).text == frame


def test_masked_when_a_frame_has_ids():
    """Ids, addresses and times are replaced, texts stay."""
    frame = json.dumps(
        {"message": "hi", "message_id": "x", "connection": {"connectedAt": "2026", "sourceIp": "1.2.3.4"}}
    )
    assert json.loads(masked(frame)) == {
        "message": "hi",
        "message_id": "…",
        "connection": {"connectedAt": "…", "sourceIp": "…"},
    }
    assert masked(FORBIDDEN) == '{"message": "Forbidden", "connectionId": "…", "requestId": "…"}'


def test_masked_when_an_id_stands_in_text():
    """A connection id inside a text is replaced, ordinary words are not."""
    assert masked("L0SM9cOFvHcCIhw= says supercalifragilistic") == "… says supercalifragilistic"


def test_shortened_when_too_long():
    """A long text is cut and says how much is missing."""
    assert shortened("x" * 2500) == "x" * 2000 + "… (500 more characters)"
    assert shortened("x" * 2000) == "x" * 2000

"""What a chat panel shows, as escaped HTML and as text."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from classroom.panel.transcript import (
    LINES,
    Entry,
    Frame,
    Log,
    Transcript,
    frames_html,
    frames_text,
    how_to_go_on,
    hue,
    log_html,
    log_text,
    runs,
)

HOSTILE = [
    "<img src=x onerror=alert(1)>",
    "<script>alert(1)</script>",
    "</div></div><iframe src=javascript:alert(1)>",
    '" onmouseover="alert(1)',
    "' style='position:fixed",
    "&lt;b&gt; & &#60;i&#62;",
    "<svg/onload=alert(1)>",
    "<!-- <style>*{display:none}</style>",
]
OURS = {"div", "span", "bdi", "code", "b", "i", "small", "br"}


class Markup(HTMLParser):
    """The tags, attribute names and text of an HTML fragment."""

    def __init__(self, html: str):
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_comment(self, data):
        self.tags.add("comment")

    def handle_data(self, data):
        self.text += data


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("kind", ["own", "other", "answer", "refusal", "notice"])
def test_log_html_when_a_message_is_hostile(kind, text):
    """A hostile text or name is shown letter by letter and makes no element or attribute of its own."""
    for html in (
        log_html([Entry(kind, text, text, "12:00")]),
        Transcript(text, [Entry(kind, text, text)])._repr_html_(),
    ):
        markup = Markup(html)
        assert markup.tags <= OURS
        assert markup.attributes <= {"class", "style", "role", "dir", "title", "aria-label", "tabindex"}
        assert text in markup.text


@pytest.mark.parametrize("text", HOSTILE)
def test_frames_html_when_a_frame_is_hostile(text):
    """A hostile frame is shown letter by letter in the frames view."""
    markup = Markup(frames_html([Frame("received", text, "12:00")]))
    assert markup.tags <= OURS
    assert text in markup.text


def test_log_html_when_one_sender_writes_twice():
    """Consecutive messages of one sender are one stack, with one name and one time."""
    html = log_html(
        [
            Entry("other", "one", "bob", "12:00"),
            Entry("other", "two", "bob", "12:01"),
            Entry("own", "three", "alice", "12:02"),
        ]
    )
    assert html.count('class="chat-run') == 2
    assert html.count('class="chat-bubble') == 3
    assert html.count("bob") == 1
    assert "12:00" not in html and "12:01" in html


def test_runs_when_kinds_differ():
    """A notice between two messages of one sender ends the stack."""
    entries = [Entry("other", "a", "bob"), Entry("notice", "b"), Entry("other", "c", "bob")]
    assert [len(stack) for stack in runs(entries)] == [1, 1, 1]


def test_log_when_it_overflows():
    """The log keeps the last 200 entries and remembers how many there were."""
    log = Log()
    for number in range(LINES + 50):
        log.append(Entry("other", str(number), "bob"))
    assert (len(log), log.total) == (LINES, LINES + 50)
    assert next(iter(log)).text == "50"


def test_log_text_when_times_and_ids_differ():
    """The text of a screen has no times, no notices and no ids, so two runs give the same."""
    entries = [
        Entry("notice", "connected"),
        Entry("other", "hi", "bob", "12:00"),
        Entry("refusal", "Forbidden", clock="12:01"),
    ]
    assert log_text(entries) == "bob: hi\n[Forbidden]"
    assert log_text([]) == "(the screen is empty)"


def test_frames_text_when_sent_and_received():
    """Each frame is one line with its direction."""
    assert frames_text([Frame("sent", '{"a": 1}'), Frame("received", "x\ny")]) == '→ {"a": 1}\n← x y'


def test_transcript_when_compared():
    """A transcript equals its text, which is what a cell's check compares."""
    assert Transcript("alice", [Entry("own", "hi", "alice")]) == "alice: hi"
    assert repr(Transcript("alice", [])) == "alice's screen\n  (the screen is empty)"


def test_hue_when_asked_twice():
    """A sender has one colour, everywhere."""
    assert hue("bob") == hue("bob") and 0 <= hue("\ud800") < 360


def test_how_to_go_on_when_there_is_no_connection():
    """Whoever was disconnected is told of the plug, whoever was refused of the cells; nobody else is told anything."""
    assert how_to_go_on("disconnected 1001 Going away") == ("Press the plug at the top of this panel to connect again.")
    assert "set-up cell first" in how_to_go_on("refused 403")
    assert 'did not return {"statusCode": 200}' in how_to_go_on("refused 502")
    assert how_to_go_on("refused Connection refused").startswith("Nothing answers at this address.")
    assert how_to_go_on("connected") == how_to_go_on("connecting") == ""

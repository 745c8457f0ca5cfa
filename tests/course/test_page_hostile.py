"""Hostile and huge messages shown by the page in a real Chromium: they stay text, and the page stays usable."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

import pytest

from tests.course.page_browser import ChatPage
from tests.course.page_server import PageServer, message, numbered
from tests.stage.waiting import eventually

ATTACKS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)><a href='javascript:alert(1)'>x</a></svg>",
    "</li></ol><iframe srcdoc='<script>parent.alert(1)</script>'></iframe>",
    "<style>body{display:none}</style><meta http-equiv=refresh content='0;url=https://example.com'>",
    "&lt;b&gt;\u0000 ${alert(1)} {{alert(1)}}",
]


@pytest.fixture
def server() -> Iterator[PageServer]:
    with PageServer() as running:
        yield running


@pytest.fixture
def chat(server: PageServer, same_window: ChatPage) -> ChatPage:
    return same_window.open().connect(server.url)


def test_markup_stays_text_when_it_is_sent(server: PageServer, chat) -> None:
    """Markup as a message, a sender, a notice, an error or a bare frame adds no element and runs nothing."""
    for number, attack in enumerate(ATTACKS):
        server.say(
            message(attack, attack, number),
            {"type": "notice", "message": attack},
            {"type": "error", "message": attack},
            attack,
        )
    server.say(message("Bob", "the end", 999))
    chat.wait_line("the end")
    shown = chat.texts()
    for attack in ATTACKS:
        assert shown.count(attack) == 1
        for kind, count in (("notice", 2), ("error", 1)):
            assert chat.page.locator(f"#log .{kind}").all_text_contents().count(attack) == count
    assert chat.page.locator("body :is(img, svg, iframe, a, style, script, meta)").count() == 0
    chat.picture("hostile")


def test_markup_stays_text_when_it_is_a_close_reason(server: PageServer, chat) -> None:
    """The reason that a server gives for closing is shown in the status as it came."""
    server.close(1000, ATTACKS[1])
    chat.wait_status(f"Connection lost (1000 {ATTACKS[1]})")
    assert chat.page.locator("#status img").count() == 0


def test_own_rules_are_kept_when_code_is_injected(chat) -> None:
    """Should markup ever get in, the content security policy stops what it would run, load or send; it names the attempts."""
    chat.page.evaluate("""() => { document.getElementById("log").innerHTML =
        "<img src='https://example.com/x' onerror='window.ran = 1'><iframe src='https://example.com/'></iframe>"; }""")
    chat.page.evaluate("""() => { const script = document.createElement("script");
        script.textContent = "window.ran = 1"; document.body.append(script);
        fetch("https://example.com/").catch(() => {}); }""")
    named = eventually(
        lambda: {text.split(":")[0] for text in chat.page.evaluate("() => window.violations")},
        lambda found: len(found) >= 4,
        "the violations",
    )
    assert named == {"img-src", "frame-src", "script-src-elem", "connect-src", "script-src-attr"} & named
    assert chat.page.evaluate("() => window.ran") is None
    chat.page.evaluate("() => { window.violations = []; }")  # expected here: the window's own check asks for none


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        "data:text/html,<script>alert(1)</script>",
        "//evil.example/x",
        "https://evil.example/",
        "ws:evil.example",
        " \twss://e vil",
    ],
)
def test_link_does_nothing_when_its_address_is_hostile(same_window: ChatPage, address: str) -> None:
    """An address in a link is text in a field: opening the link runs nothing, and Connect refuses it with a sentence."""
    chat = same_window.open(query=f"?url={quote(address)}&name={quote(ATTACKS[1])}")
    assert chat.page.locator("#status-text").inner_text() == "Not connected"
    assert chat.page.locator("#name").input_value() == ATTACKS[1]
    chat.page.locator("#connect").click()
    chat.wait_line("a WebSocket URL begins with wss:// or ws://", ".error")
    assert chat.page.evaluate("() => location.protocol") == "file:"


def test_name_of_a_link_is_cut_and_not_kept_when_nobody_connects(server: PageServer, same_window: ChatPage) -> None:
    """A link's name is as long as a typed one at most, and is remembered only once its person has connected with it."""
    chat = same_window.open().connect(server.url, "Ann")
    chat.open(query=f"?name={'M' * 5_000}&url=ws://127.0.0.1:9/")
    assert len(chat.page.locator("#name").input_value()) == 80
    chat.open()
    assert chat.page.locator("#name").input_value() == "Ann"


def test_ids_do_not_fill_the_memory_when_they_are_huge(server: PageServer, chat) -> None:
    """A message id that is no short text is not remembered, so such a message is shown each time it comes."""
    server.say(*[{**message("Bob", f"take {number}", 1), "message_id": "i" * 10_000} for number in (1, 2)])
    chat.wait_line("take 2")
    assert chat.texts() == ["take 1", "take 2"]
    assert chat.page.evaluate("() => log.seen.size") == 0


STRANGE_FRAMES = [
    "",
    "null",
    "[]",
    "17",
    '"text"',
    "{",
    '{"type": "message"}',
    '{"sender": 1, "message": {}}',
    b"\x00\xff",
    '{"type": "error", "message": {"toString": 1, "valueOf": 1}}',
    '{"sender": "x", "message": "y", "timestamp": {"valueOf": 1}, "message_id": {}}',
    '{"sender": "Bob", "message": "odd", "timestamp": 1e300, "room": {"toString": 1}, "message_id": [1]}',
    '{"__proto__": {"sender": "x"}, "constructor": 1}',
    '{"a":' * 20_000 + "1" + "}" * 20_000,
]


def test_page_goes_on_when_frames_are_strange(server: PageServer, chat) -> None:
    """Frames that are no chat messages, of the wrong types or very deep, raise no error and stop nothing."""
    server.say(*STRANGE_FRAMES)
    server.say(message("Bob", "still here", 50))
    chat.wait_line("still here")
    chat.say("me too")
    chat.wait_line("me too", ".own:not(.pending)")


def test_text_keeps_to_its_bubble_when_it_is_huge(server: PageServer, chat) -> None:
    """A message of 128 KB, one word without a blank, and a name as long are cut or scrolled, never wider than the page."""
    server.say(
        message("N" * 60_000, "W" * 60_000, 1),
        message("Z" + "\u0335\u0336\u0489" * 500, "\u0335\u0489" * 5_000, 2),
        {"type": "notice", "message": "n" * 120_000},
    )
    server.say(message("Bob", "after it", 3))
    chat.wait_line("after it")
    assert chat.page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    assert len(chat.page.locator("#log .sender").first.inner_text()) <= 81
    assert chat.page.locator("#log .text").first.evaluate("(box) => box.clientHeight <= innerHeight * 0.61")
    chat.page.locator("#send").click(trial=True)  # nothing lies over it
    chat.picture("huge")


def test_rest_of_a_long_text_is_shown_when_asked_for(server: PageServer, chat) -> None:
    """Of a long message the beginning is shown and a button for the rest; keyboards reach both, and a crowd stops nothing."""
    server.say(*numbered("long " * 20_000 + str(number) for number in range(100)))
    server.say(message("Bob", "after them", 5_000))
    chat.wait_line("after them")
    first = chat.page.locator("#log li").first
    assert len(first.locator(".text").inner_text()) <= 2_000
    assert first.locator(".text").get_attribute("tabindex") == "0", "a text with a scrollbar can have the focus"
    first.get_by_role("button", name="Show all 100,001 characters").press("Enter")
    assert first.locator(".text").text_content() == "long " * 20_000 + "0"
    assert first.get_by_role("button").count() == 0
    assert chat.page.evaluate("() => document.activeElement.className") == "text"
    chat.say("and me")
    chat.wait_line("and me", ".own:not(.pending)")


def test_order_on_the_screen_stays_when_text_runs_right_to_left(server: PageServer, chat) -> None:
    """Right-to-left text and override characters turn round their own bubble and name, and nothing beside them."""
    server.say(
        message("\u202eBob", "\u202eevil \u05e9\u05dc\u05d5\u05dd", 1),
        message("\u0645\u0631\u064a\u0645", "\u0645\u0631\u062d\u0628\u0627 123", 2),
        message("Bob", "plain", 3),
    )
    chat.wait_line("plain")
    directions = chat.page.locator("#log .text").evaluate_all(
        "(all) => all.map((one) => getComputedStyle(one).direction)"
    )
    assert directions[1:] == ["rtl", "ltr"]
    lefts = chat.page.locator("#log .other").evaluate_all("(all) => all.map((one) => one.getBoundingClientRect().left)")
    assert len(set(lefts)) == 1
    assert chat.page.locator("#log .other time").count() == 3
    chat.picture("right-to-left")


@pytest.mark.parametrize("count", [1_500, pytest.param(10_000, marks=pytest.mark.weekly)])
def test_page_keeps_up_when_thousands_of_messages_come(server: PageServer, chat, count: int) -> None:
    """Of all messages the last 500 lines are kept, the end is in view, and typing works at once."""
    server.say(*numbered(f"message {number}" for number in range(count)))
    last = f"message {count - 1}"
    chat.wait_line(last)
    assert chat.page.locator("#log li").count() == 500
    assert chat.texts()[-1] == last
    chat.page.locator("#log li").last.and_(chat.page.locator(":visible")).wait_for()
    eventually(
        lambda: chat.page.locator("#log").evaluate("(log) => log.scrollHeight - log.scrollTop - log.clientHeight"),
        lambda below: below < 2,
        "the end of the log to be in view",
    )
    chat.say("and me")
    chat.wait_line("and me", ".own:not(.pending)")


def test_reader_is_left_in_peace_when_messages_come(server: PageServer, chat) -> None:
    """Who has scrolled up to read stays there while messages arrive below."""
    server.say(*numbered(f"line {number}" for number in range(100)))
    chat.wait_line("line 99")
    chat.page.locator("#log").evaluate("(log) => { log.scrollTop = 100; }")
    server.say(message("Bob", "news", 5_000))
    chat.wait_line("news")
    chat.page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert chat.page.locator("#log").evaluate("(log) => log.scrollTop") == 100


def test_message_is_kept_in_its_field_when_it_is_too_long(server: PageServer, chat) -> None:
    """A frame over 32 KB, for which API Gateway would close the connection, is not sent; the text can be shortened."""
    chat.say("x" * 32_769)
    chat.wait_line("at most 32768 can be sent at once", ".error")
    assert len(chat.page.locator("#message").input_value()) == 32_769
    chat.say("short")
    chat.wait_line("short", ":not(.pending)")
    assert [frame["message"] for frame in server.heard] == ["short"]

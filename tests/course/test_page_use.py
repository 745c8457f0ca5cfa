"""The page as people use it: by keyboard, by ear, in light and dark, on a phone. Pictures of it are kept as artefacts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from classroom.panel.transcript import hue
from tests.course.page_browser import ChatPage
from tests.course.page_server import PageServer, message, numbered
from tests.stage.waiting import eventually

SMALLEST_CONTRAST = 4.5
"""WCAG 2.2, success criterion 1.4.3, for text of ordinary size."""

_FOCUSED = """() => { const at = document.activeElement; return at.id || at.tagName; }"""
_COLOURS = """(all) => all.map((one) => {
    let ground = one;
    while (getComputedStyle(ground).backgroundColor === "rgba(0, 0, 0, 0)") ground = ground.parentElement;
    return [one.id || one.className || one.tagName, getComputedStyle(one).color, getComputedStyle(ground).backgroundColor];
})"""


@pytest.fixture
def server() -> Iterator[PageServer]:
    with PageServer() as running:
        yield running


def conversation(server: PageServer, chat: ChatPage) -> None:
    """Fill the screen with one line of each kind, and one own line."""
    server.say(
        message("Bob", "Hello Ann, are you there?", 1),
        message("Bob", "The build is green.", 2),
        {"type": "notice", "message": "Carol joined"},
        {"type": "error", "message": "The message is empty."},
    )
    chat.wait_line("empty", ".error")
    chat.say("Yes. " + "A longer line that has to be wrapped somewhere on a narrow screen. " * 2)
    chat.wait_line("Yes.", ".own:not(.pending)")
    chat.page.locator("#message").fill("")


def test_chat_works_when_there_is_only_a_keyboard(server: PageServer, same_window: ChatPage) -> None:
    """Tab reaches every control in the order of the screen, Enter connects and sends, and the focus is never lost."""
    chat = same_window.open()
    keys = chat.page.keyboard
    order = []
    for _ in range(10):
        keys.press("Tab")
        order.append(chat.page.evaluate(_FOCUSED))
    assert order == [
        "SUMMARY",
        "url",
        "name",
        "token",
        "room",
        "auto-disconnect",
        "auto-disconnect-s",
        "SUMMARY",
        "connect",
        "log",
    ]
    for _ in range(8):
        keys.press("Shift+Tab")
    keys.type(server.url)
    keys.press("Enter")
    chat.wait_status("Connected")
    assert chat.page.evaluate(_FOCUSED) == "message"
    keys.type("one")
    keys.press("Shift+Enter")
    keys.type("two")
    keys.press("Enter")
    eventually(
        lambda: [frame["message"] for frame in server.heard],
        lambda heard: heard == ["one\ntwo"],
        "one message of two lines",
    )
    server.cut()
    eventually(lambda: server.handshakes, lambda number: number == 2, "the second handshake")
    chat.wait_status("Connected")
    eventually(
        lambda: chat.page.evaluate(_FOCUSED), lambda focused: focused == "message", "the focus in the message field"
    )
    keys.press("Tab"), keys.press("Tab")
    assert chat.page.evaluate(_FOCUSED) == "clear"
    keys.press("Enter")
    assert chat.texts() == []
    chat.page.locator("#disconnect").focus()
    keys.press("Enter")
    chat.wait_status("Disconnected")
    assert chat.page.evaluate(_FOCUSED) == "connect"


def test_everything_has_a_name_when_the_page_is_heard(server: PageServer, same_window: ChatPage) -> None:
    """The accessibility tree names every control, announces the status and the log, and says who said each line."""
    chat = same_window.open()
    form = chat.page.locator("body").aria_snapshot()
    for line in (
        'heading "Serverless chat" [level=1]',
        "status: Not connected",
        'textbox "WebSocket URL"',
        'textbox "Your name"',
        'textbox "Token"',
        'checkbox "Disconnect after (seconds)"',
        'spinbutton "Seconds until disconnected"',
        'button "Connect"',
        'log "Messages"',
        'form "Your message"',
        'textbox "Message" [disabled]',
        'button "Send" [disabled]',
        'button "Clear"',
    ):
        assert f"- {line}" in form
    chat.connect(server.url)
    conversation(server, chat)
    log = chat.page.get_by_role("log", name="Messages")
    heard = log.aria_snapshot()
    assert heard.count("- listitem") == 5, "the lines are a list"
    assert "Bob Hello Ann" in heard and "Bob The build is green." in heard
    assert log.get_attribute("aria-live") == "polite"
    assert chat.page.get_by_role("textbox", name="Message").get_attribute("aria-describedby") == "hint"
    nameless = chat.page.locator("button:visible, input:visible, textarea:visible").evaluate_all(
        "(all) => all.filter((one) => !one.textContent.trim() && !one.labels?.length && !one.ariaLabel).map((one) => one.id)"
    )
    assert nameless == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read_in(server: PageServer, same_window: ChatPage, scheme: Any) -> None:
    """In either colour scheme all text stands out from its ground by at least 4.5 to 1."""
    same_window.page.emulate_media(color_scheme=scheme)
    chat = same_window.open()
    chat.picture(f"form-{scheme}")
    texts = chat.page.locator("h1, #status-text, summary, label, input:not([type=checkbox]), #connect, #clear, #empty")
    pale = dim(texts.evaluate_all(_COLOURS))
    chat.connect(server.url)
    conversation(server, chat)
    chat.picture(f"chat-{scheme}")
    shown = chat.page.locator(
        "#session dt, #session dd, #disconnect, #log .sender, #log .text, #log time, #log .notice, #log .error, #send"
    )
    assert pale + dim(shown.evaluate_all(_COLOURS)) == []
    assert shown.count() >= 12


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_names_can_be_read_whatever_their_colour(
    server: PageServer, same_window: ChatPage, window, scheme: Any
) -> None:
    """Sixty people have many colours, each the same on every screen, and every one of them stands out."""
    same_window.page.emulate_media(color_scheme=scheme)
    chat, other = same_window, window(color_scheme=scheme)
    for screen, name in ((chat, "Ann"), (other, "Bob")):
        screen.open().connect(server.url, name)
    server.wait_open(2)
    server.say(*[message(f"Person {number}", "hi", number) for number in range(60)])
    seen = []
    for screen in (chat, other):
        screen.wait_line("hi", ":nth-child(60)")
        seen.append(screen.page.locator("#log .sender").evaluate_all(_COLOURS))
    assert seen[0] == seen[1] and dim(seen[0]) == []
    assert len({colour for _, colour, _ in seen[0]}) > 30
    odd = ["Ann", "Zoë 🎈", "名前", ""]
    assert chat.page.evaluate("(names) => names.map(hue)", odd) == [hue(name) for name in odd], "the panel's colours"


def test_time_is_shown_once_when_messages_are_stacked(server: PageServer, same_window: ChatPage) -> None:
    """Of several messages in a row the name stands above the first and the time of a minute under the last; all are heard."""
    chat = same_window.open().connect(server.url)
    later = message("Bob", "a minute later", 60_000_000 + 3)
    server.say(message("Bob", "one", 1), message("Bob", "two", 2), later, message("Cy", "three", 60_000_000 + 4))
    chat.wait_line("three")
    assert chat.page.locator("#log li:not(.follows) .sender").all_text_contents() == ["Bob", "Cy"]
    assert chat.page.locator("#log li:has(time:not(.hidden)) .text").all_text_contents() == [
        "two",
        "a minute later",
        "three",
    ]
    assert chat.page.locator("#log time").count() == 4


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_page_fits_when_a_phone_shows_it(server: PageServer, window, scheme: str) -> None:
    """At 360 pixels nothing is cut off at the side, in the form or in the chat, and what is tapped is large enough."""
    chat = window(
        viewport={"width": 360, "height": 640},
        is_mobile=True,
        has_touch=True,
        device_scale_factor=2,
        color_scheme=scheme,
    )
    chat.open()
    assert_fits(chat.page)
    chat.picture(f"phone-form-{scheme}")
    chat.page.locator("#auto-disconnect").check()
    chat.connect(server.url)
    conversation(server, chat)
    assert_fits(chat.page)
    assert chat.page.locator("#message").evaluate("(field) => field.clientWidth") >= 150
    low = chat.page.locator("button:visible, summary:visible").evaluate_all(
        "(all) => all.filter((one) => one.getBoundingClientRect().height < 24).map((one) => one.id)"
    )
    assert low == []
    chat.picture(f"phone-chat-{scheme}")


def test_form_can_be_scrolled_when_the_screen_is_low(server: PageServer, window) -> None:
    """On a phone held sideways the form scrolls within its box, nothing lies over it, and the chat has room."""
    chat = window(viewport={"width": 640, "height": 360}, is_mobile=True, has_touch=True).open()
    assert_fits(chat.page)
    chat.begin(server.url)
    chat.wait_status("Connected")
    conversation(server, chat)
    assert_fits(chat.page)
    assert chat.page.locator("#log").evaluate("(log) => log.clientHeight") >= 100
    chat.picture("phone-sideways")


def test_new_messages_are_counted_when_the_page_is_hidden(server: PageServer, window) -> None:
    """The title counts messages that came while another tab was looked at, and is itself again afterwards."""
    chat = window()
    chat.page.add_init_script("""window.away = false;
        Object.defineProperty(document, "hidden", { get: () => window.away });""")
    chat.open().connect(server.url)
    look = """(away) => { window.away = away; document.dispatchEvent(new Event("visibilitychange")); }"""
    chat.page.evaluate(look, True)
    server.say(message("Bob", "one", 1), message("Bob", "two", 2))
    chat.wait_line("two")
    assert chat.page.title() == "(2) Serverless chat"
    chat.page.evaluate(look, False)
    assert chat.page.title() == "Serverless chat"


@pytest.mark.parametrize(("width", "height"), [(900, 700), (390, 844)], ids=["desktop", "phone"])
def test_page_has_one_scrollbar_when_there_are_many_messages(
    server: PageServer, same_window: ChatPage, width: int, height: int
) -> None:
    """After fifty messages, a few of them own, the log scrolls and the page does not."""
    same_window.page.set_viewport_size({"width": width, "height": height})
    chat = same_window.open().connect(server.url, "Ann")
    server.say(*numbered(f"line {number}" for number in range(50)))
    chat.wait_line("line 49")
    for number in range(5):
        chat.say(f"own {number}")
        chat.wait_line(f"own {number}", ":not(.pending)")
    heights = chat.page.evaluate(
        "() => [document.documentElement, log.box].map((one) => [one.scrollHeight, one.clientHeight])"
    )
    (page_needs, page_has), (log_needs, log_has) = heights
    assert page_needs == page_has and log_needs > log_has


def test_earlier_messages_are_explained_when_the_page_is_empty(server: PageServer, same_window: ChatPage) -> None:
    """A reload empties the screen, and the page says that what was there is stored."""
    chat = same_window.open().connect(server.url, "Ann")
    chat.say("before")
    chat.wait_line("before", ":not(.pending)")
    chat.page.reload()
    chat.wait_status("Connected")
    explained = chat.page.get_by_text("Earlier messages are stored, but not shown here.")
    explained.wait_for()
    chat.say("after")
    explained.wait_for(state="hidden")


def assert_fits(page: Any) -> None:
    """Nothing reaches beyond the right edge, and the message field is on the screen."""
    beyond = page.locator("body *:visible").evaluate_all(
        "(all) => all.filter((one) => one.getBoundingClientRect().right > innerWidth + 0.5).map((one) => one.id || one.tagName)"
    )
    assert beyond == []
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    assert page.locator("#message").evaluate("(field) => field.getBoundingClientRect().bottom <= innerHeight")


def dim(colours: list[list[str]]) -> list[str]:
    """What stands out too little, of (name, colour, ground)."""
    found = []
    for name, colour, ground in colours:
        light, dark = sorted((luminance(colour), luminance(ground)), reverse=True)
        ratio = (light + 0.05) / (dark + 0.05)
        if ratio < SMALLEST_CONTRAST:
            found.append(f"{name}: {ratio:.2f}")
    return found


def luminance(colour: str) -> float:
    """Relative luminance of ``rgb(r, g, b)``, as WCAG defines it."""
    parts = [int(part) / 255 for part in colour.removeprefix("rgb(").removesuffix(")").split(",")]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue

"""The page's connection in a real Chromium: kept, lost, found again, refused. Time is the page's fake clock where it is long."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.course.page_browser import ChatPage
from tests.course.page_server import PageServer, message, numbered
from tests.stage.waiting import eventually


@pytest.fixture
def server() -> Iterator[PageServer]:
    with PageServer() as running:
        yield running


def test_page_connects_again_when_it_is_reloaded(server: PageServer, window) -> None:
    """A reload comes back to the remembered address, name, room and settings without a click."""
    chat = window().open().connect(server.url, "Ann", room="blue", heartbeat="45")
    chat.page.reload()
    chat.wait_status("Connected")
    assert chat.page.locator("#url").input_value() == server.url
    values = [chat.page.locator(field).input_value() for field in ("#name", "#room", "#heartbeat")]
    assert values == ["Ann", "blue", "45"]
    chat.say("still me")
    chat.wait_line("still me", ":not(.pending)")
    assert server.heard == [{"action": "sendMessage", "sender": "Ann", "room": "blue", "message": "still me"}]


def test_tabs_keep_to_themselves_when_they_share_a_browser(server: PageServer, window) -> None:
    """Two tabs of one browser come back from a reload each under its own name, and one that left stays away alone."""
    ann = window().open().connect(server.url, "Ann")
    bob = ChatPage(ann.page.context.new_page()).open()
    bob.wait_status("Connected")  # to the address that this browser has chosen before
    leave = bob.page.locator("#disconnect")
    leave.click()
    bob.connect(server.url, "Bob", room="blue")
    leave.click()
    bob.wait_status("Disconnected")
    for chat, name, room, state in ((ann, "Ann", "global", "Connected"), (bob, "Bob", "blue", "Not connected")):
        chat.page.reload()
        chat.wait_status(state)
        assert [chat.page.locator(field).input_value() for field in ("#name", "#room")] == [name, room]
    assert bob.complaints() == []


def test_page_stays_away_when_its_person_disconnected(server: PageServer, window) -> None:
    """After Disconnect a reload remembers the address and does not use it."""
    chat = window().open().connect(server.url)
    chat.page.locator("#disconnect").click()
    server.wait_open(0)
    chat.page.reload()
    chat.page.locator("#connect").wait_for()
    assert chat.page.locator("#url").input_value() == server.url
    assert chat.page.locator("#status-text").inner_text() == "Not connected"
    assert server.handshakes == 1


def test_page_asks_first_when_a_link_names_an_address(server: PageServer, window) -> None:
    """An address in the query string is filled in; nobody is connected to it without a click."""
    chat = window().open().connect(server.url)
    chat.open(query="?url=wss://elsewhere.example/prod&name=Zoe&room=red")
    assert chat.page.locator("#url").input_value() == "wss://elsewhere.example/prod"
    assert [chat.page.locator(field).input_value() for field in ("#name", "#room")] == ["Zoe", "red"]
    assert chat.page.locator("#status-text").inner_text() == "Not connected"


def test_page_comes_back_when_the_line_is_cut(server: PageServer, window) -> None:
    """A cut line is noticed, tried again within seconds of real time, and messages flow as before, each shown once."""
    chat = window().open().connect(server.url)
    server.say(message("Bob", "before", 1))
    chat.wait_line("before")
    server.cut()
    eventually(lambda: server.handshakes, lambda number: number == 2, "a second handshake")
    chat.wait_status("Connected")
    server.wait_open(1)
    server.say(message("Bob", "before", 1), message("Bob", "after", 2))
    chat.wait_line("after")
    assert chat.texts() == ["before", "after"]


@pytest.mark.parametrize(
    ("chance", "waits_s"), [("0", (1, 1, 2, 4, 8, 15, 15)), ("0.999999", (1, 2, 4, 8, 16, 30, 30))]
)
def test_waits_grow_when_nothing_answers(server: PageServer, window, chance: str, waits_s: tuple[int, ...]) -> None:
    """Waits double from one second up to thirty; chance takes away up to half; after a steady connection they are short again."""
    chat = window()
    chat.page.add_init_script(f"Math.random = () => {chance}")
    chat.hold_clock()
    chat.open().connect(server.url)
    server.stop()
    seen = []
    for wait_s in waits_s:
        chat.wait_status(f"in {wait_s} s")
        seen.append(chat.page.locator("#status-text").inner_text())
        if len(seen) == len(waits_s):
            server.start()
        chat.page.clock.fast_forward(wait_s * 1000)
    assert seen[0].startswith("Connection lost") and all(text.startswith("No connection") for text in seen[1:])
    chat.wait_status("Connected")
    chat.page.clock.fast_forward(6_000)
    server.cut()
    chat.wait_status("Connection lost. Trying again in 1 s")


def test_person_is_told_why_not_when_the_handshake_is_refused(server: PageServer, window) -> None:
    """A page cannot see a refusal's status: it says so once, says where the status is shown, and goes on trying until stopped."""
    chat = window().open()
    chat.begin(f"{server.url}/refused")
    chat.wait_line("Browsers do not tell a page which", ".notice")
    eventually(lambda: server.handshakes, lambda number: number >= 2, "a second attempt")
    chat.page.get_by_role("button", name="Stop trying").click()
    chat.wait_status("Disconnected")
    assert chat.page.locator("#log .notice").count() == 1
    assert chat.page.locator("#connect").is_visible()


@pytest.mark.parametrize("address", ["https://example.com/", "wss://", "wss://a b/", "javascript:alert(1)", "ws://[/"])
def test_page_says_what_is_wrong_when_an_address_is_none(window, address: str) -> None:
    """What is no WebSocket URL is refused with a sentence, and the form is ready for another."""
    chat = window().open()
    chat.begin(address)
    chat.wait_line(f"Cannot connect to {address}", ".error")
    assert chat.page.locator("#status-text").inner_text() == "Not connected"
    assert chat.page.locator("#url").is_editable()


def test_close_code_is_shown_when_the_server_closes(server: PageServer, window) -> None:
    """The code and reason of a close, as of API Gateway's idle cut, are on the screen, and the page comes back."""
    chat = window()
    chat.hold_clock()
    chat.open().connect(server.url)
    server.close(1001, "Going away")
    chat.wait_status("Connection lost (1001 Going away). Trying again in 1 s")
    assert chat.page.locator("#message").is_disabled() and chat.page.locator("#send").is_disabled()
    chat.page.clock.fast_forward(1000)
    chat.wait_status("Connected")


def test_heartbeats_are_sent_when_nobody_speaks(server: PageServer, window) -> None:
    """Every 30 s, or as set, a frame of the action ping goes out; its answer is not shown, and "ping" can be typed."""
    chat = window()
    chat.hold_clock()
    chat.open().connect(server.url)
    chat.page.clock.fast_forward(29_000)
    chat.page.clock.fast_forward(2_000)
    server.wait_heard("ping", what="one heartbeat after 30 s")
    chat.page.locator("#disconnect").click()
    chat.connect(server.url, heartbeat="5")
    chat.page.clock.fast_forward(6_000)
    server.wait_heard("ping", "ping", what="a heartbeat after 5 s")
    chat.say("ping")
    chat.wait_line("ping", ".own:not(.pending)")
    assert chat.page.locator("#log li").count() == 1


def test_page_connects_again_when_a_heartbeat_is_not_answered(server: PageServer, window) -> None:
    """A line that answered heartbeats and no longer does is given up, although nobody closed it."""
    chat = window()
    chat.hold_clock()
    chat.open().connect(f"{server.url}/mute")
    chat.page.clock.fast_forward(30_000)
    server.wait_heard("ping")
    server.say({"type": "notice", "message": "the pong came before this"})
    chat.wait_line("the pong came before this")
    chat.page.clock.fast_forward(30_000)
    server.wait_heard("ping", "ping")
    chat.page.clock.fast_forward(30_000)
    chat.wait_status("no answer to the heartbeat")
    server.wait_open(0)


def test_heartbeat_is_explained_once_when_its_route_is_missing(server: PageServer, window) -> None:
    """Where no route is named ping the answer Forbidden becomes one quiet line, and the connection is kept."""
    chat = window()
    chat.hold_clock()
    chat.open().connect(f"{server.url}/no-ping")
    for beats in (1, 2):
        chat.page.clock.fast_forward(30_000)
        server.wait_heard(*["ping"] * beats)
        chat.wait_line("no route named ping", ".notice")  # so that the first answer has come before the second beat
    server.say(message("Bob", "after the answers", 1))
    chat.wait_line("after the answers")
    assert chat.page.locator("#log .notice").all_text_contents() == [
        "This API has no route named ping. Heartbeats keep the connection open all the same."
    ]
    assert chat.page.locator("#log .error").count() == 0


def test_page_disconnects_when_its_time_is_over(server: PageServer, window) -> None:
    """Auto-disconnect is off until chosen, 60 s unless changed, counts down, ends the connection and does not come back."""
    chat = window()
    chat.hold_clock()
    chat.open()
    assert not chat.page.locator("#auto-disconnect").is_checked()
    assert chat.page.locator("#auto-disconnect-s").input_value() == "60"
    chat.page.locator("#auto-disconnect").check()
    chat.connect(server.url)
    chat.page.clock.fast_forward(20_000)
    assert chat.page.locator("#remaining").inner_text() == "0:00:40"
    chat.page.clock.fast_forward(40_000)
    chat.wait_status("Disconnected after 60 s, as set")
    server.wait_open(0)
    chat.page.clock.fast_forward(120_000)
    assert server.handshakes == 1 and chat.page.locator("#connect").is_visible()


def test_session_is_timed_when_connected(server: PageServer, window) -> None:
    """The moment of connecting is shown in UTC wherever the browser is, and a clock counts from it."""
    chat = window(timezone_id="Asia/Kolkata")
    chat.hold_clock()
    chat.open().connect(server.url)
    assert chat.page.locator("#connected-at").inner_text() == "2026-11-03 10:20:30 UTC"
    chat.page.clock.fast_forward("01:02:03")
    assert chat.page.locator("#clock").inner_text() == "1:02:03"


def test_history_is_shown_when_the_server_sends_it(server: PageServer, window) -> None:
    """Earlier messages come in one frame; own ones are set apart, and one that was seen already is not shown twice."""
    chat = window().open().connect(server.url, "Ann")
    earlier = [*numbered(["one", "two"], "Bob"), message("Ann", "three", 7), {"sender": 5, "message": None}, None]
    server.say(earlier[1], {"type": "history", "messages": earlier})
    chat.wait_line("three", ".own")
    assert chat.texts() == ["two", "one", "three"]


def test_room_is_named_when_a_message_is_of_another(server: PageServer, window) -> None:
    """A message of another room than the field's says where it is from; those of the own room do not."""
    chat = window().open().connect(server.url, "Ann", room="blue")
    server.say({**message("Bob", "hi", 1), "room": "blue"}, {**message("Bob", "ho", 2), "room": "red"})
    chat.wait_line("ho")
    assert chat.page.locator("#log .sender").all_text_contents() == ["Bob", "Bob (red)"]

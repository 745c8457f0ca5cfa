"""The page's connection in a real Chromium: kept, lost, found again, refused. Time is the page's fake clock where it is long."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator

import pytest

from tests.course.page_browser import ChatPage
from tests.course.page_server import FORBIDDEN, PageServer, message
from tests.stage.waiting import eventually


@pytest.fixture
def server() -> Iterator[PageServer]:
    with PageServer() as running:
        yield running


def test_page_connects_again_when_it_is_reloaded(server: PageServer, same_window: ChatPage) -> None:
    """A reload comes back to the remembered address, name and settings without a click."""
    chat = same_window.open().connect(server.url, "Ann", heartbeat="45")
    chat.page.reload()
    chat.wait_status("Connected")
    assert chat.page.locator("#url").input_value() == server.url
    values = [chat.page.locator(field).input_value() for field in ("#name", "#heartbeat")]
    assert values == ["Ann", "45"]
    chat.say("still me")
    chat.wait_line("still me", ":not(.pending)")
    assert server.heard == [{"action": "sendMessage", "sender": "Ann", "message": "still me"}]


def test_tabs_keep_to_themselves_when_they_share_a_browser(server: PageServer, window) -> None:
    """Two tabs of one browser come back from a reload each under its own name, and one that left stays away alone."""
    ann = window().open().connect(server.url, "Ann")
    bob = ChatPage(ann.page.context.new_page()).open()
    bob.wait_status("Connected")  # to the address that this browser has chosen before
    leave = bob.page.locator("#disconnect")
    leave.click()
    bob.connect(server.url, "Bob")
    leave.click()
    bob.wait_status("Disconnected")
    for chat, name, state in ((ann, "Ann", "Connected"), (bob, "Bob", "Not connected")):
        chat.page.reload()
        chat.wait_status(state)
        assert chat.page.locator("#name").input_value() == name
    assert bob.complaints() == []


def test_page_stays_away_when_its_person_disconnected(server: PageServer, same_window: ChatPage) -> None:
    """After Disconnect a reload remembers the address and does not use it."""
    chat = same_window.open().connect(server.url)
    chat.page.locator("#disconnect").click()
    server.wait_open(0)
    chat.page.reload()
    chat.page.locator("#connect").wait_for()
    assert chat.page.locator("#url").input_value() == server.url
    assert chat.page.locator("#status-text").inner_text() == "Not connected"
    assert server.handshakes == 1


def test_page_asks_first_when_a_link_names_an_address(server: PageServer, same_window: ChatPage) -> None:
    """An address in the query string is filled in; nobody is connected to it without a click."""
    chat = same_window.open().connect(server.url)
    chat.open(query="?url=wss://elsewhere.example/prod&name=Zoe")
    assert chat.page.locator("#url").input_value() == "wss://elsewhere.example/prod"
    assert chat.page.locator("#name").input_value() == "Zoe"
    assert chat.page.locator("#status-text").inner_text() == "Not connected"


def test_page_comes_back_when_the_line_is_cut(server: PageServer, same_window: ChatPage) -> None:
    """A cut line is noticed, tried again within seconds of real time, and messages flow as before, each shown once."""
    chat = same_window.open().connect(server.url)
    server.say(message("Bob", "before", 1))
    chat.wait_line("before")
    server.cut()
    eventually(lambda: server.handshakes, lambda number: number == 2, "a second handshake")
    chat.wait_status("Connected")
    server.wait_open(1)
    server.say(message("Bob", "before", 1), message("Bob", "after", 2))
    chat.wait_line("after")
    assert chat.texts() == ["before", "after"]


def test_room_when_joining_was_refused_for_a_moment(server: PageServer, held_window: ChatPage) -> None:
    """A room's question that API Gateway refused is asked again, later each time; after five times it rests."""
    chat = held_window.open().connect(f"{server.url}/silent", room="tea", heartbeat="300")
    for times in range(1, 9):
        server.wait_heard(*["joinRoom"] * times)
        if times == 8:
            break
        server.say({"message": f"Too many, {times}", "connectionId": "c=", "requestId": "r="})
        chat.wait_line(f"Too many, {times}", ".error")
        chat.page.clock.fast_forward(60_000 if times == 6 else 16_000)
        if times == 6:  # Nothing was asked; joining again begins anew.
            server.cut()
            chat.wait_status("Trying again")
            chat.page.clock.fast_forward(1_000)
    server.say(
        {"type": "history", "room": "tea", "more": False, "messages": [message("Bob", "Milk?", 1) | {"number": 1}]}
    )
    chat.wait_line("Milk?")
    assert len(server.heard) == 8


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


def test_person_is_told_why_not_when_the_handshake_is_refused(server: PageServer, same_window: ChatPage) -> None:
    """A page cannot see a refusal's status: it says so once, says where the status is shown, and goes on trying until stopped."""
    chat = same_window.open()
    chat.begin(f"{server.url}/refused")
    chat.wait_line("Browsers do not tell a page which", ".notice")
    eventually(lambda: server.handshakes, lambda number: number >= 2, "a second attempt")
    chat.page.get_by_role("button", name="Stop trying").click()
    chat.wait_status("Disconnected")
    assert chat.page.locator("#log .notice").count() == 1
    assert chat.page.locator("#connect").is_visible()


@pytest.mark.parametrize("address", ["https://example.com/", "wss://", "wss://a b/", "javascript:alert(1)", "ws://[/"])
def test_page_says_what_is_wrong_when_an_address_is_none(same_window: ChatPage, address: str) -> None:
    """What is no WebSocket URL is refused with a sentence, and the form is ready for another."""
    chat = same_window.open()
    chat.begin(address)
    chat.wait_line(f"Cannot connect to {address}", ".error")
    assert chat.page.locator("#status-text").inner_text() == "Not connected"
    assert chat.page.locator("#url").is_editable()


def test_close_code_is_shown_when_the_server_closes(server: PageServer, held_window: ChatPage) -> None:
    """The code and reason of a close, as of API Gateway's idle cut, are on the screen, and the page comes back."""
    chat = held_window.open().connect(server.url)
    server.close(1001, "Going away")
    chat.wait_status("Connection lost (1001 Going away). Trying again in 1 s")
    assert chat.page.locator("#message").is_disabled() and chat.page.locator("#send").is_disabled()
    chat.page.clock.fast_forward(1000)
    chat.wait_status("Connected")


def test_heartbeats_are_sent_when_nobody_speaks(server: PageServer, held_window: ChatPage) -> None:
    """Every 30 s, or as set, a frame of the action ping goes out; its answer is not shown, and "ping" can be typed."""
    chat = held_window.open().connect(server.url)
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


def test_page_connects_again_when_a_heartbeat_is_not_answered(server: PageServer, held_window: ChatPage) -> None:
    """A line that answered heartbeats and no longer does is given up, although nobody closed it."""
    chat = held_window.open().connect(f"{server.url}/mute")
    chat.page.clock.fast_forward(30_000)
    server.wait_heard("ping")
    server.say({"type": "notice", "message": "the pong came before this"})
    chat.wait_line("the pong came before this")
    chat.page.clock.fast_forward(30_000)
    server.wait_heard("ping", "ping")
    chat.page.clock.fast_forward(30_000)
    chat.wait_status("no answer to the heartbeat")
    server.wait_open(0)


def test_heartbeat_is_explained_once_when_its_route_is_missing(server: PageServer, held_window: ChatPage) -> None:
    """Where no route is named ping the answer Forbidden becomes one quiet line, and the connection is kept."""
    chat = held_window.open().connect(f"{server.url}/no-ping")
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


def test_heartbeat_is_explained_once_when_answers_are_late(server: PageServer, held_window: ChatPage) -> None:
    """Where two heartbeats go out before the first is answered, both answers are taken for theirs: no error is shown."""
    chat = held_window.open().connect(f"{server.url}/silent")
    for beats in (1, 2):
        chat.page.clock.fast_forward(30_000)
        server.wait_heard(*["ping"] * beats)
    server.say(FORBIDDEN, FORBIDDEN, message("Bob", "after the answers", 1))
    chat.wait_line("after the answers")
    assert chat.page.locator("#log .notice").count() == 1
    assert chat.page.locator("#log .error").count() == 0


def test_page_disconnects_when_its_time_is_over(server: PageServer, held_window: ChatPage) -> None:
    """Auto-disconnect is off until chosen, 60 s unless changed, counts down, ends the connection and does not come back."""
    chat = held_window.open()
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


def test_changed_name_is_kept_when_the_page_is_reloaded(server: PageServer, same_window: ChatPage) -> None:
    """A name typed over a link's is the page's name after a reload; another link names anew."""
    chat = same_window.open(query="?name=ben")
    chat.page.locator("#name").fill("Benjamin")
    chat.page.locator("#name").press("Tab")
    chat.page.reload()
    assert chat.page.locator("#name").input_value() == "Benjamin"
    chat.open(query="?name=carla")
    assert chat.page.locator("#name").input_value() == "carla"


def test_own_message_is_own_when_the_name_was_emptied(server: PageServer, same_window: ChatPage) -> None:
    """Who empties the name's field becomes a guest again: nothing is sent without a name, so the own line is known."""
    chat = same_window.open().connect(server.url, "")
    name = chat.page.locator("#name").input_value()
    assert re.fullmatch(r"guest-\d{4}", name)
    chat.say("who am I?")
    chat.wait_line("who am I?", ".own:not(.pending)")
    assert server.heard == [{"action": "sendMessage", "sender": name, "message": "who am I?"}]


def token_for(claims: object) -> str:
    """A token that nobody has signed, in the form that handlers/tokens.py gives it."""
    part = base64.urlsafe_b64encode(json.dumps(claims, ensure_ascii=False).encode()).rstrip(b"=").decode()
    return f"e30.{part}.c2ln"


def test_token_is_in_the_address_when_one_is_given(server: PageServer, same_window: ChatPage) -> None:
    """The handshake brings the token in its query string, and the name is the token's, which the chat will use."""
    token = token_for({"sub": "Zoë", "exp": 1})
    chat = same_window.open().connect(f"{server.url}/prod?room=1", "Ann", token=token)
    assert server.asked == [f"/prod?room=1&token={token}"]
    name = chat.page.locator("#name")
    assert (name.input_value(), name.is_editable()) == ("Zoë", False)
    chat.say("hello")
    chat.wait_line("hello", ".own:not(.pending)")
    chat.page.locator("#disconnect").click()
    chat.page.locator("#token").fill("")
    chat.page.locator("#token").press("Tab")
    chat.connect(f"{server.url}/prod", "Ann")
    assert server.asked[1:] == ["/prod"]


def test_token_stays_in_its_tab_when_the_page_is_reloaded(server: PageServer, window) -> None:
    """A reload brings the token again; another tab of the browser does not know it, nor does the remembered address."""
    chat = window().open().connect(server.url, "Ann", token="secret")
    chat.page.reload()
    chat.wait_status("Connected")
    assert server.asked == ["/?token=secret"] * 2
    other = ChatPage(chat.page.context.new_page()).open()
    other.wait_status("Connected")
    assert server.asked[2:] == ["/"]
    assert "secret" not in other.page.evaluate("() => JSON.stringify(localStorage)")
    assert other.complaints() == []


@pytest.mark.parametrize("token", ["x", "a.b.c", "a.!.c", token_for(None), token_for({"sub": 5}), token_for([])])
def test_name_stays_when_a_token_names_nobody(same_window: ChatPage, token: str) -> None:
    """A token that is of another kind, or that names nobody, leaves the name to its person and raises nothing."""
    chat = same_window.open()
    chat.page.locator("#name").fill("Ann")
    chat.page.locator("#token").fill(token)
    chat.page.locator("#token").press("Tab")
    assert (chat.page.locator("#name").input_value(), chat.page.locator("#name").is_editable()) == ("Ann", True)


def test_wrong_heartbeat_is_shown_when_its_part_is_folded(server: PageServer, same_window: ChatPage) -> None:
    """A heartbeat that the form refuses is shown, also when "Advanced" was folded over it."""
    chat = same_window.open()
    field = chat.page.locator("#heartbeat")
    chat.page.get_by_text("Advanced").click()
    field.fill("0")
    chat.page.get_by_text("Advanced").click()
    assert not field.is_visible()
    chat.begin(server.url)
    field.wait_for()
    assert chat.page.locator("#status-text").inner_text() == "Not connected"


def test_messages_are_sorted_when_they_overtake_each_other(server: PageServer, same_window: ChatPage) -> None:
    """Lines stand in the order of their timestamps, an own line from when it has come back, stacked as they stand."""
    chat = same_window.open().connect(f"{server.url}/silent", "Ann")
    server.say(message("Cy", "four", 4))
    chat.wait_line("four")
    chat.say("mine")
    chat.wait_line("mine", ".pending")
    server.say(message("Bob", "three", 3), {"type": "notice", "message": "Dora joined"}, message("Bob", "one", 1))
    chat.wait_line("one")
    assert chat.texts() == ["one", "three", "four", "mine"]
    names = chat.page.locator("#log li:not(.follows) .sender")
    assert names.all_text_contents() == ["Bob", "Cy", "Ann"]
    server.say(message("Ann", "mine", 2))
    chat.wait_line("mine", ":not(.pending)")
    assert chat.page.locator("#log li :is(.text), #log .notice").all_text_contents() == [
        "one",
        "mine",
        "three",
        "four",
        "Dora joined",
    ]
    assert names.all_text_contents() == ["Bob", "Ann", "Bob", "Cy"]
    server.say(
        {**message("Bob", "four, too", 4), "message_id": "another"}, {**message("Bob", "undated", 0), "timestamp": None}
    )
    chat.wait_line("undated")
    assert chat.texts() == ["one", "mine", "three", "four", "four, too", "undated"]


def test_own_message_is_not_faint_for_ever_when_no_copy_comes(server: PageServer, held_window: ChatPage) -> None:
    """In a chat that sends its sender no copy the own line looks like any other after ten seconds, and stays "sent"."""
    chat = held_window.open().connect(f"{server.url}/silent", "Ann")
    chat.say("anybody?")
    chat.wait_line("anybody?", ".pending")
    chat.page.clock.fast_forward(10_000)
    chat.wait_line("anybody?", ".own:not(.pending)")
    assert chat.page.locator("#log .mark").all_text_contents() == ["sent"]


def test_person_is_told_when_the_route_is_gone(server: PageServer, same_window: ChatPage) -> None:
    """Forbidden, as after lesson 99, is explained, and the own message that it answers is marked as refused."""
    chat = same_window.open().connect(f"{server.url}/no-route", "Ann")
    chat.say("hello?")
    chat.wait_line("Forbidden: this API has no route for that. Has the notebook that you came from ended?", ".error")
    assert chat.page.locator("#log .own:not(.pending) .mark").all_text_contents() == ["refused"]


def test_person_is_told_when_a_connection_does_not_come_back(server: PageServer, window) -> None:
    """After three failed attempts to come back the page says once what may have happened, and so at each loss."""
    chat = window()
    chat.page.add_init_script("Math.random = () => 0.999999")  # No wait is as long as the one before it.
    chat.hold_clock()
    chat.open().connect(server.url)
    notices = chat.page.locator("#log .notice").filter(has_text="Open its new link.")
    for told in (1, 2):
        server.say(message("Bob", f"before loss {told}", told))
        chat.wait_line(f"before loss {told}")
        server.stop()
        for failed in range(4):
            chat.wait_status("No connection" if failed else "Connection lost")
            assert notices.count() == told - (failed < 3)
            if failed == 3:
                server.start()
            asked = chat.page.locator("#status-text").inner_text()
            chat.page.clock.fast_forward(31_000)
            chat.page.locator("#status-text").filter(has_not_text=asked).wait_for()
        chat.wait_status("Connected")
        chat.page.clock.fast_forward(6_000)  # Steady: the next waits begin at one second again.


def test_same_notice_is_shown_once_when_it_comes_again(server: PageServer, same_window: ChatPage) -> None:
    """Three Connects that fail in the same way leave one notice."""
    chat = same_window.open()
    for attempts in (1, 2, 3):
        chat.begin(f"{server.url}/refused")
        eventually(lambda: server.handshakes, lambda number: number >= attempts, "the handshake")
        chat.wait_status("No connection")
        chat.page.get_by_role("button", name="Stop trying").click()
    assert chat.page.locator("#log .notice").count() == 1

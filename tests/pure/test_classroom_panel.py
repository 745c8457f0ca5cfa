"""The chat panel without a network: its states, its gestures, its widgets."""

from __future__ import annotations

import json
import threading
from datetime import datetime

import ipywidgets
import pytest

from classroom.panel.chat_panel import NotAWebSocket, Panel, PanelTimeout, SideBySide
from classroom.panel.panel_view import EntryField


def noon() -> datetime:
    """A clock that stands still."""
    return datetime(2026, 1, 1, 12, 0)


def new_panel(name: str = "alice", write=lambda frame: None) -> Panel:
    return Panel(name, write=write, clock=noon)


def html_of(panel: Panel) -> list[str]:
    """The HTML values of the panel: style, status, log, frames."""
    found, left = [], [panel.widget]
    while left:
        widget = left.pop(0)
        if isinstance(widget, ipywidgets.HTML):
            found.append(widget.value)
        left = list(getattr(widget, "children", ())) + left
    return found


def message(sender: str, text: str) -> str:
    return json.dumps({"type": "message", "sender": sender, "message": text})


def test_panel_when_a_message_arrives():
    """A message of somebody else stands on the screen; one's own is set apart."""
    panel = new_panel()
    panel.frame_received(message("bob", "hi"))
    panel.frame_received(message("alice", "hello"))
    assert panel.messages() == [("bob", "hi"), ("alice", "hello")]
    log = html_of(panel)[2]
    assert "chat-other" in log and "chat-own" in log and "12:00" in log


def test_panel_when_a_hostile_name_is_entered():
    """The panel's own name is escaped like everybody's."""
    panel = new_panel()
    panel.name_entered("<img src=x onerror=alert(1)>")
    panel.frame_received(message("bob", "<script>alert(1)</script>"))
    assert not any("<img" in value or "<script" in value for value in html_of(panel))


def test_panel_when_another_name_is_entered():
    """The head shows the new name at once, own messages are those of that name, and the cell's name for it stays."""
    panel = new_panel()
    panel.name_entered("Alicia")
    assert "<b>Alicia</b>" in panel._view._status.value
    panel.frame_received(message("Alicia", "hello"))
    assert "chat-own" in html_of(panel)[2] and repr(panel) == "<chat panel of alice>"
    panel.name_entered("  ")
    assert "<b>alice</b>" in panel._view._status.value


def test_panel_when_a_frame_arrives_it_writes_each_widget_once():
    """One arriving message is one write of the log, whose whole value is sent each time."""
    panel = new_panel()
    writes = []
    panel._view._log.observe(lambda change: writes.append(change), "value")
    panel.frame_received(message("bob", "hi"))
    assert len(writes) == 1


def test_panel_when_frames_are_hidden():
    """Frames are rendered only while the frames view is open."""
    panel = new_panel()
    panel.frame_received(message("bob", "hi"))
    assert panel._view._frames.value == ""
    panel.frames_toggled(True)
    assert "hi" in panel._view._frames.value
    assert panel.frames() == ['← {"type": "message", "sender": "bob", "message": "hi"}']


def test_panel_when_sending():
    """What is sent goes to the line as a chat frame, and its answer arrives."""
    sent = []
    panel = new_panel(write=lambda frame: sent.append(frame) or frame)
    panel.send("hi")
    assert sent == [{"action": "sendMessage", "sender": "alice", "message": "hi"}]
    assert panel.messages() == [("alice", "hi")]


def test_panel_when_it_catches_up_without_a_network():
    """A function's frame has arrived when it returns, so there is nothing to wait for."""
    panel = new_panel(write=lambda frame: {"sender": "bob", "message": "at once"})
    panel.send("hi")
    panel.catch_up()
    assert panel.messages() == [("bob", "at once")]
    panel.disconnect()
    panel.catch_up()


def test_panel_when_offline():
    """Without a connection the field and the button are disabled, and a cell's send says what to do."""
    panel = new_panel()
    panel.disconnect()
    assert panel.status == "disconnected"
    assert panel._view._entry.widget.disabled and panel._view._send.disabled
    assert html_of(panel)[2].endswith(
        "disconnected\nPress the plug at the top of this panel to connect again.</div></div>"
    )
    with pytest.raises(ConnectionError, match=r"alice.connect\(\) tries again"):
        panel.send("hi")
    panel.connection_toggled()
    assert panel.status == "connected" and not panel._view._entry.widget.disabled


def test_panel_when_a_gesture_fails():
    """An error behind a click is shown on the screen, because ipywidgets would swallow it."""

    def refuse(frame):
        raise RuntimeError("the table is gone")

    panel = new_panel(write=refuse)
    panel.message_entered("hi")
    assert "the table is gone" in html_of(panel)[2]


def test_panel_when_many_threads_write():
    """No message is lost or doubled when frames arrive from several threads at once."""
    panel = new_panel()
    threads = [
        threading.Thread(target=lambda name=name: [panel.frame_received(message(name, str(n))) for n in range(20)])
        for name in "abcd"
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(panel.messages()) == sorted((name, str(n)) for name in "abcd" for n in range(20))


def test_panel_when_waiting_for_what_comes_later():
    """A cell's wait ends when the message arrives in another thread."""
    panel = new_panel()
    timer = threading.Timer(0.05, panel.frame_received, [message("bob", "at last")])
    timer.start()
    panel.wait_for("at last", timeout=60)
    timer.join()
    assert panel.messages() == [("bob", "at last")]


def test_panel_when_waiting_in_vain(monkeypatch):
    """A wait that ends in vain says what it waited for, the status and what is on the screen.

    A time that the cell names is kept on a busy machine too: it may be a rhythm, as of lesson 06's heartbeats.
    """
    monkeypatch.setattr("os.getloadavg", lambda: (999.0, 0.0, 0.0), raising=False)
    panel = new_panel()
    panel.frame_received(message("bob", "hi"))
    with pytest.raises(
        PanelTimeout, match="alice waited 0.01 s for 2 × 'hi'; status: connected; on the screen: bob: hi"
    ):
        panel.wait_for("hi", count=2, timeout=0.01)


def test_status_line_when_others_write():
    """The head stays as it is: a kernel cannot know what its person has seen, so nothing is counted as new."""
    panel = new_panel()
    before = panel._view._status.value
    panel.frame_received(message("bob", "hi"))
    assert panel._view._status.value == before


def test_panel_when_its_fields_are_counted():
    """The panel has two text fields, the name and the message: the chat has one room."""
    fields, left = [], [new_panel().widget]
    while left:
        widget = left.pop()
        fields += [widget] if isinstance(widget, ipywidgets.Text) else []
        left += getattr(widget, "children", ())
    assert sorted(field.description or field.placeholder for field in fields) == ["Message", "name"]


def test_panel_when_cleared():
    """Clearing empties screen and frames and keeps the connection."""
    panel = new_panel()
    panel.frame_received(message("bob", "hi"))
    panel.clear()
    assert (panel.messages(), panel.frames(), panel.status) == ([], [], "connected")


def test_panel_when_shown():
    """The text form is always the same, so that nbval can compare it."""
    panel = new_panel()
    bundle = panel._repr_mimebundle_()
    assert bundle["text/plain"] == "<chat panel of alice>"
    assert "application/vnd.jupyter.widget-view+json" in bundle
    assert (
        SideBySide(panel, new_panel("bob"))._repr_mimebundle_()["text/plain"]
        == "<chat panel of alice>  <chat panel of bob>"
    )


def test_picture_when_a_name_is_hostile():
    """The picture in a saved notebook has each owner's name, as text, and nothing of what was said."""
    panel = new_panel("<img src=x onerror=alert(1)>")
    empty = panel._repr_mimebundle_()["text/html"]
    panel.frame_received(message("bob", "hi"))
    assert panel._repr_mimebundle_()["text/html"] == empty
    assert "&lt;img" in empty and "<img" not in empty


class Gestures:
    """Notes the messages that a field hands over."""

    def __init__(self):
        self.entered: list[str] = []
        self.came = threading.Event()

    def message_entered(self, text: str) -> None:
        self.entered.append(text)
        self.came.set()


class Field:
    """An entry field with a clock that the test moves, and the browser's messages."""

    def __init__(self):
        self.gestures = Gestures()
        self.now = 100.0
        self.field = EntryField(self.gestures, clock=lambda: self.now)

    def press_enter(self) -> None:
        self.field._heard(self.field.widget, {"event": "submit"}, [])

    def browser_tells_value(self, text: str) -> None:
        self.field.widget.value = text


def test_entry_field_when_enter_is_pressed():
    """Enter sends: the browser tells of Enter first and of the value after it."""
    field = Field()
    field.press_enter()
    field.browser_tells_value("hi")
    assert field.gestures.entered == ["hi"]
    assert field.field.widget.value == ""


def test_entry_field_when_the_focus_leaves():
    """A value without Enter is a draft, also long after an Enter in the empty field; the button sends it."""
    field = Field()
    field.press_enter()
    field.now += 10
    field.browser_tells_value("half a thought")
    assert field.gestures.entered == []
    field.field.send_draft()
    assert field.gestures.entered == ["half a thought"]


def test_entry_field_when_a_draft_is_edited_before_enter():
    """Enter on an edited draft sends the new text once, not the old one."""
    field = Field()
    field.browser_tells_value("hal")
    field.press_enter()
    field.browser_tells_value("half a thought")
    assert field.gestures.entered == ["half a thought"]


def test_entry_field_when_enter_is_pressed_on_an_unedited_draft():
    """Enter on an unedited draft comes without a value; the draft itself is sent."""
    field = Field()
    field.browser_tells_value("draft")
    field.press_enter()
    assert field.gestures.came.wait(60), "the draft was not sent within 60 s"
    assert field.gestures.entered == ["draft"]


def test_entry_field_when_only_blanks_are_entered():
    """Blanks alone are not sent."""
    field = Field()
    field.press_enter()
    field.browser_tells_value("   ")
    assert field.gestures.entered == []


@pytest.mark.parametrize("address", ["http://127.0.0.1:9/prod", "https://a.example/prod", "a.example", ""])
def test_panel_when_the_address_is_no_websocket(address):
    """An address with another scheme is refused at once, in one sentence that names the right ones."""
    threads = threading.active_count()
    with pytest.raises(NotAWebSocket, match=r"is not the address of a WebSocket: those begin with wss://"):
        Panel("carol", address)
    assert threading.active_count() == threads

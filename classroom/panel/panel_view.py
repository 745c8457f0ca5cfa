"""The widgets of a chat panel: what it looks like and which gestures it knows.

Only ipywidgets live here; no sockets, no threads, no locks. The owner calls
``show_…`` with finished, escaped HTML and is told of gestures by the methods
of its ``Gestures``. One call of ``show_…`` writes one widget value.

Only ipywidgets' own controls are used: VS Code's Jupyter extension brings them along
(``@vscode/jupyter-ipywidgets8``), while it fetches the script of any other package, anywidget's
too, from a CDN, if the person agrees and has a network.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from importlib import resources
from typing import Protocol

import ipywidgets as widgets


class Gestures(Protocol):
    """What a person can do with the panel. Called in a kernel thread; must not raise."""

    def message_entered(self, text: str) -> None: ...
    def name_entered(self, name: str) -> None: ...
    def connection_toggled(self) -> None: ...
    def cleared(self) -> None: ...
    def frames_toggled(self, shown: bool) -> None: ...


class RoomGestures(Gestures, Protocol):
    """What a person can do in a chat with rooms besides."""

    def room_entered(self, room: str) -> None: ...
    def earlier_wanted(self) -> None: ...


class EntryField:
    """A message field in which Enter sends, and leaving the field does not.

    The browser tells of Enter first (``submit``) and right after it of the new
    value; when the field merely loses the focus it tells of the value alone. So
    a value that follows an Enter at once is sent, any other is a draft for the
    send button. Enter on a draft that was not edited comes without a value: if
    none arrives within ``GRACE_S``, the draft itself is sent.
    """

    GRACE_S = 0.3

    def __init__(self, gestures: Gestures, clock: Callable[[], float] = time.monotonic):
        self._gestures = gestures
        self._clock = clock
        self._lock = threading.RLock()
        self._entered_at = float("-inf")
        self.widget = widgets.Text(placeholder="Message", continuous_update=False)
        self.widget.on_msg(self._heard)
        self.widget.observe(self._changed, "value")

    def send_draft(self) -> None:
        """Send what the field holds, if anything, and empty it."""
        with self._lock:
            text = self.widget.value
            self._entered_at = float("-inf")
            self.widget.value = ""
        if text.strip():
            self._gestures.message_entered(text)

    def _heard(self, widget: widgets.Text, content: dict, buffers: list) -> None:
        if content.get("event") != "submit":
            return
        with self._lock:
            self._entered_at = self._clock()
            if widget.value:
                timer = threading.Timer(self.GRACE_S, self._send_unedited, [self._entered_at])
                timer.daemon = True
                timer.start()

    def _send_unedited(self, entered_at: float) -> None:
        with self._lock:
            if entered_at == self._entered_at:
                self.send_draft()

    def _changed(self, change: dict) -> None:
        with self._lock:
            if change["new"] and self._clock() - self._entered_at <= self.GRACE_S:
                self.send_draft()


class PanelView:
    """The widget tree of one panel: ``widget`` is its root."""

    def __init__(self, name: str, gestures: Gestures):
        self._gestures = gestures
        style = widgets.HTML(f"<style>{resources.files(__package__).joinpath('panel.css').read_text('utf-8')}</style>")
        style.layout.display = "none"
        self._status = _html("chat-status")
        self._log = _html("chat-body")
        self._frames = _html("chat-body")
        self._frames.layout.display = "none"
        self._entry = EntryField(gestures)
        self._send = _button("paper-plane", "Send the message (Enter does the same)", self._entry.send_draft)
        self._plug = _button("plug", "Connect or disconnect", gestures.connection_toggled)
        self.widget = widgets.VBox([style, self._head(), self._who(name), self._log, self._frames, self._foot()])
        self.widget.add_class("chat-panel")

    def show_status(self, html: str, connected: bool) -> None:
        """Write the status line; without a connection the message field is disabled."""
        self._status.value = html
        self._entry.widget.disabled = self._send.disabled = not connected
        self._entry.widget.placeholder = "Message" if connected else "Not connected"
        self._plug.tooltip = "Disconnect" if connected else "Connect"

    def show_log(self, html: str) -> None:
        self._log.value = html

    def show_frames(self, html: str) -> None:
        self._frames.value = html

    def _head(self) -> widgets.Widget:
        frames = widgets.ToggleButton(icon="exchange", tooltip="Show the frames on the wire")
        frames.observe(self._toggle_frames, "value")
        clear = _button("eraser", "Clear the screen", self._gestures.cleared)
        return _row("chat-head", self._status, frames, clear, self._plug)

    def _who(self, name: str) -> widgets.Widget:
        field = widgets.Text(value=name, description="name", continuous_update=False)
        field.observe(lambda change: self._gestures.name_entered(change["new"]), "value")
        return _row("chat-who", field)

    def add_room(self, room: str, gestures: RoomGestures) -> None:
        """Add a row with the room's name, and a button for what was said earlier."""
        field = widgets.Text(value=room, description="room", continuous_update=False)
        field.observe(lambda change: gestures.room_entered(change["new"]), "value")
        earlier = _button("history", "Show earlier messages", gestures.earlier_wanted)
        row = _row("chat-who", field, earlier)
        children = list(self.widget.children)
        self.widget.children = (*children[:3], row, *children[3:])

    def _foot(self) -> widgets.Widget:
        return _row("chat-foot", self._entry.widget, self._send)

    def _toggle_frames(self, change: dict) -> None:
        self._gestures.frames_toggled(change["new"])
        self._frames.layout.display = None if change["new"] else "none"
        self._log.layout.display = "none" if change["new"] else None


def _html(css: str) -> widgets.HTML:
    widget = widgets.HTML()
    widget.add_class(css)
    return widget


def _button(icon: str, tooltip: str, act: Callable[[], object]) -> widgets.Button:
    button = widgets.Button(icon=icon, tooltip=tooltip)
    button.on_click(lambda _: act())
    return button


def _row(css: str, *children: widgets.Widget) -> widgets.HBox:
    row = widgets.HBox(children)
    row.add_class(css)
    return row

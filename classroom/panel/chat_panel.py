"""The chat panel of a notebook: one person's screen, alive in the cell's output.

A panel owns its log, its frames and its status, all behind one lock, because
frames arrive in the socket's thread and gestures in another. It joins the
line (a socket, or a function in lesson 1) with the widgets of ``panel_view``.
Cells use ``send``, the blocking ``wait_…`` methods and ``transcript``; nothing
here prints.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import datetime
from html import escape
from typing import Any
from urllib.parse import urlsplit

import ipywidgets as widgets

from classroom.errors import OneSentence
from classroom.panel.chat_socket import CONNECTED, CONNECTING, DISCONNECTED, REFUSED, ChatSocket, FunctionLine
from classroom.panel.panel_view import PanelView
from classroom.panel.transcript import (
    Entry,
    Frame,
    FrameList,
    Log,
    Transcript,
    frames_html,
    frames_text,
    how_to_go_on,
    log_html,
    still_html,
)
from classroom.panel.wire import chat_frame, read_frame, shortened
from classroom.patience import patience

WAIT_S = 10.0
"""How long a cell that names no time-out waits for something before it says what did not happen; see ``patience``."""


class PanelTimeout(OneSentence, TimeoutError):
    """What a cell waited for did not happen; the text says what was seen instead."""


class NotConnected(OneSentence, ConnectionError):
    """Nothing can be sent, because the panel is not connected."""


class NotAWebSocket(OneSentence, ValueError):
    """A panel was given an address that is not a WebSocket's."""


class Panel:
    """A chat screen for one person.

    Give it a WebSocket ``url``, or ``write``: a function that takes each outgoing
    frame as a dict and may return a frame that arrives in its place. The panel
    connects at once and is returned when the attempt has ended, either way.
    Raises ``NotAWebSocket`` for an address that begins with anything but ws:// or wss://.
    """

    def __init__(
        self,
        name: str,
        url: str = "",
        *,
        write: Callable[[dict], dict | None] | None = None,
        sent: list[tuple[float, str]] | None = None,
        clock: Callable[[], datetime] = datetime.now,
    ):
        if not write and urlsplit(url).scheme not in ("ws", "wss"):
            raise NotAWebSocket(
                f"{url!r} is not the address of a WebSocket: those begin with wss://, or on your own machine with ws://."
            )
        self.name, self.url = name, url
        self._label = name
        self._write = write
        self._sent = [] if sent is None else sent  # what all panels of a lesson have sent, and when
        self._clock = clock
        self._changed = threading.Condition(threading.RLock())
        self._log, self._frames = Log(), Log()
        self._status, self._detail = DISCONNECTED, ""
        self._pings = self._answers = 0
        self._frames_shown = False
        self._line: ChatSocket | FunctionLine | None = None
        self._view = PanelView(name, self)
        self._show_everything()
        self.connect()

    # What cells use

    @property
    def status(self) -> str:
        """``connecting``, ``connected``, ``disconnected`` or ``refused``, with the HTTP status or close code."""
        with self._changed:
            return f"{self._status} {self._detail}".strip()

    @property
    def connected(self) -> bool:
        return self._status == CONNECTED

    def connect(self, timeout: float | None = None) -> None:
        """Connect if not connected, and wait until the server has accepted or refused."""
        with self._changed:
            if self._status in (CONNECTED, CONNECTING):
                return
            self._set_status(CONNECTING, "")
            self._pings = self._answers = 0
            self._line = FunctionLine(self._write, self) if self._write else ChatSocket(self.url, self)
            line = self._line
        line.open()
        self._wait(lambda: self._status != CONNECTING, timeout, "an answer to the handshake")

    def disconnect(self, timeout: float | None = None) -> None:
        """Close the connection and wait until it is closed; harmless when there is none."""
        line = self._line
        if line is not None and self._status in (CONNECTED, CONNECTING):
            line.close(patience(timeout, WAIT_S))
            self._wait(lambda: self._status not in (CONNECTED, CONNECTING), timeout, "the connection to close")

    def send(self, text: str) -> None:
        """Send a chat message, as if it had been typed. Raises ``NotConnected``, a ``ConnectionError``."""
        self._sent.append((time.monotonic(), text))
        self.send_frame(self._frame_of(text))

    def send_frame(self, frame: str | dict) -> None:
        """Send one frame exactly as given (a dict goes out as JSON): for frames that are no chat messages."""
        text = frame if isinstance(frame, str) else json.dumps(frame)
        with self._changed:
            if self._status != CONNECTED or self._line is None:
                raise NotConnected(f"{self._label} is {self.status}: {self._label}.connect() tries again.")
            line = self._line
            self._frames.append(Frame("sent", text, self._time()))
            self._show_frames()
            self._changed.notify_all()
        line.send(text)

    def wait_for(self, text: str = "", *, count: int = 1, timeout: float | None = None) -> None:
        """Block until ``count`` messages or answers that contain ``text`` are on the screen.

        If somebody of the lesson has sent this text, what was on the screen
        before that does not count. Raises ``PanelTimeout`` with what is on the
        screen instead.
        """
        wanted = f"{count} × {text!r}" if text else f"{count} message(s)"
        sent = [at for at, said in self._sent if text and text in said][-count:]
        since = sent[0] if len(sent) == count else 0.0
        self._wait(
            lambda: (
                sum(text in entry.text and entry.at >= since for entry in self._log if entry.kind != "notice") >= count
            ),
            timeout,
            wanted,
        )

    def sees(self, text: str, timeout: float = 5.0) -> bool:
        """Whether a message or answer that contains ``text`` is on the screen, or comes within ``timeout`` seconds."""
        try:
            self.wait_for(text, timeout=timeout)
        except PanelTimeout:
            return False
        return True

    def wait_for_frame(self, text: str = "", *, count: int = 1, timeout: float | None = None) -> None:
        """Block until ``count`` received frames contain ``text``."""
        self._wait(
            lambda: sum(text in frame.text for frame in self._frames if frame.direction == "received") >= count,
            timeout,
            f"{count} frame(s) with {text!r}",
        )

    def wait_disconnected(self, timeout: float | None = None) -> None:
        """Block until the other side has closed the connection."""
        self._wait(lambda: self._status not in (CONNECTED, CONNECTING), timeout, "the connection to end")

    def catch_up(self, timeout: float | None = None) -> None:
        """Block until what the other side has sent so far is on the screen; at once if there is no connection.

        Asks with a ping, whose answer comes on the same line, behind what was sent before (RFC 6455, 5.5.2).
        """
        with self._changed:
            if self._status != CONNECTED or self._line is None:
                return
            self._pings += 1
            line, wanted = self._line, self._pings
        with suppress(ConnectionError):  # It has closed meanwhile, which the wait ends with.
            line.ping()
        self._wait(lambda: self._answers >= wanted or self._status != CONNECTED, timeout, "an answer to a ping")

    def messages(self) -> list[tuple[str, str]]:
        """The chat messages on the screen as (sender, text), oldest first."""
        with self._changed:
            return [(entry.sender, entry.text) for entry in self._log if entry.kind in ("own", "other")]

    def frames(self) -> FrameList:
        """What went over the wire, one line a frame, with ids, addresses and times masked."""
        with self._changed:
            return FrameList(frames_text([frame]) for frame in self._frames)

    def raw_frames(self, direction: str = "received") -> list[str]:
        """The frames of one direction (``sent`` or ``received``) as they were."""
        with self._changed:
            return [frame.text for frame in self._frames if frame.direction == direction]

    def transcript(self) -> Transcript:
        """A still picture of the screen, which stays in the saved notebook."""
        with self._changed:
            return Transcript(self._label, self._log)

    def clear(self) -> None:
        """Empty the screen and the frames; the connection stays."""
        with self._changed:
            self._log.clear()
            self._frames.clear()
            self._show_everything()

    @property
    def widget(self) -> widgets.Widget:
        """The root widget, to be laid out beside others."""
        return self._view.widget

    def __repr__(self) -> str:
        return f"<chat panel of {self._label}>"

    def _repr_mimebundle_(self, **kwargs: Any) -> dict:
        return _shown(self.widget, [self], kwargs)

    # What the line tells (in its thread)

    def status_changed(self, status: str, detail: str) -> None:
        with self._changed:
            self._set_status(status, detail)

    def frame_received(self, text: str) -> None:
        arrival = read_frame(text)
        with self._changed:
            kind = arrival.kind
            if kind == "message":
                kind = "own" if arrival.sender == self.name else "other"
            self._frames.append(Frame("received", text, self._time()))
            if kind != "silent":
                self._log.append(Entry(kind, arrival.text, arrival.sender, self._time(), time.monotonic()))
                self._show_log()
            self._show_frames()
            self._changed.notify_all()

    def ping_answered(self) -> None:
        with self._changed:
            self._answers += 1
            self._changed.notify_all()

    # What the person does (in a kernel thread; an exception would vanish, so none leaves)

    def message_entered(self, text: str) -> None:
        self._try(lambda: self.send(text))

    def name_entered(self, name: str) -> None:
        with self._changed:
            self.name = name.strip() or self._label
            self._show_status()

    def connection_toggled(self) -> None:
        self._try(self.disconnect if self.connected else self.connect)

    def cleared(self) -> None:
        self.clear()

    def frames_toggled(self, shown: bool) -> None:
        with self._changed:
            self._frames_shown = shown
            self._show_everything()

    # Inside

    def _frame_of(self, text: str) -> str | dict:
        """The frame that sends a chat message."""
        return chat_frame(self.name, text)

    def _try(self, act: Callable[[], None]) -> None:
        try:
            act()
        except Exception as error:
            with self._changed:
                self._log.append(Entry("notice", str(error), clock=self._time()))
                self._show_log()

    def _wait(self, holds: Callable[[], bool], timeout: float | None, wanted: str) -> None:
        with self._changed:
            began = time.monotonic()
            while not holds():
                given = patience(timeout, WAIT_S)
                left = began + given - time.monotonic()
                if left <= 0:
                    seen = shortened(str(self.transcript()), 300).replace("\n", " | ")
                    raise PanelTimeout(
                        f"{self._label} waited {given:.2g} s for {wanted}; status: {self.status}; on the screen: {seen}"
                    )
                self._changed.wait(left)

    def _set_status(self, status: str, detail: str) -> None:
        self._status, self._detail = status, detail
        if status in (DISCONNECTED, REFUSED) or (status == CONNECTED and self._log.total):
            notice = f"{self.status}\n{how_to_go_on(self.status)}".strip()
            self._log.append(Entry("notice", notice, clock=self._time()))
            self._show_log()
        self._show_status()
        self._changed.notify_all()

    def _show_everything(self) -> None:
        self._show_status()
        self._show_log()
        self._show_frames()

    def _show_status(self) -> None:
        self._view.show_status(
            f'<span class="chat-dot chat-{self._status}"></span><b>{escape(shortened(self.name, 40))}</b> '
            f'<span class="chat-state" title="{escape(self.status)}">{escape(shortened(self.status, 60))}</span>',
            self._status == CONNECTED,
        )

    def _show_log(self) -> None:
        self._view.show_log(log_html(self._log, "No messages yet."))

    def _show_frames(self) -> None:
        if self._frames_shown:
            self._view.show_frames(frames_html(self._frames))

    def _time(self) -> str:
        return self._clock().strftime("%H:%M")


def _shown(widget: widgets.Widget, panels: Iterable[Panel], kwargs: dict) -> dict:
    """The forms of a cell's output: the widget for who has a kernel, else a picture, else words."""
    return {
        **widget._repr_mimebundle_(**kwargs),
        "text/html": still_html(panel._label for panel in panels),
        "text/plain": "  ".join(repr(panel) for panel in panels),
    }


class SideBySide:
    """Several panels in one row of a cell's output."""

    def __init__(self, *panels: Panel):
        self._panels = panels
        self._row = widgets.HBox([panel.widget for panel in panels])
        self._row.add_class("chat-pair")

    def __repr__(self) -> str:
        return "  ".join(repr(panel) for panel in self._panels)

    def _repr_mimebundle_(self, **kwargs: Any) -> dict:
        return _shown(self._row, self._panels, kwargs)


def side_by_side(*panels: Panel) -> SideBySide:
    """Show panels next to each other: make it the last expression of a cell."""
    return SideBySide(*panels)

"""What a chat panel shows, as values and as escaped HTML: pure, no widgets, no threads.

Every text that came over the wire is hostile until it went through
``html.escape`` here: the page that shows it belongs to a kernel that may hold
AWS keys. This file does not know where entries come from.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from html import escape

from classroom.panel.wire import masked, shortened

LINES = 200
"""Most entries and frames that are kept: the whole value is sent to the browser on each change."""


@dataclass(frozen=True)
class Entry:
    """One line of the log: ``kind`` is own, other, answer, refusal or notice; ``clock`` is HH:MM; ``at`` monotonic."""

    kind: str
    text: str
    sender: str = ""
    clock: str = ""
    at: float = field(default=0.0, compare=False)


@dataclass(frozen=True)
class Frame:
    """One frame on the wire: ``direction`` is ``sent`` or ``received``."""

    direction: str
    text: str
    clock: str = ""


class Log:
    """The last ``LINES`` items, and how many there have ever been. Not thread-safe: its owner locks."""

    def __init__(self, items: Iterable = ()):
        self._items: deque = deque(items, maxlen=LINES)
        self.total = len(self._items)

    def append(self, item: Entry | Frame) -> None:
        self._items.append(item)
        self.total += 1

    def put_first(self, items: list[Entry]) -> None:
        """Put items before all others, the last of them first, as far as there is room."""
        for item in reversed(items[-(LINES - len(self._items)) :] if len(self._items) < LINES else []):
            self._items.appendleft(item)

    def clear(self) -> None:
        self._items.clear()

    def __iter__(self) -> Iterator:
        return iter(tuple(self._items))

    def __len__(self) -> int:
        return len(self._items)


def runs(entries: Iterable[Entry]) -> list[list[Entry]]:
    """Group consecutive entries of one kind and sender, which are shown as one stack."""
    stacks: list[list[Entry]] = []
    for entry in entries:
        if stacks and (stacks[-1][0].kind, stacks[-1][0].sender) == (entry.kind, entry.sender):
            stacks[-1].append(entry)
        else:
            stacks.append([entry])
    return stacks


def how_to_go_on(status: str) -> str:
    """What a person does next whose panel has this status, such as "disconnected 1000"; "" if there is nothing to do."""
    word, _, detail = status.partition(" ")
    if word == "disconnected":
        return "Press the plug at the top of this panel to connect again."
    if word == "refused" and detail == "502":
        return (
            'The function behind $connect raised an error, or did not return {"statusCode": 200}. '
            "Its log has the error; the plug at the top tries again."
        )
    if word == "refused" and detail.isdecimal():
        return (
            "The plug at the top tries again. If a clean-up cell has run, run the notebook's set-up cell first, "
            "then its other cells from the top to this panel's."
        )
    if word == "refused":
        return "Nothing answers at this address. Run the notebook's set-up cell, then the cell that made this panel."
    return ""


def hue(sender: str) -> int:
    """The colour angle of a sender, 0 to 359: the same in every panel, in the web page (html/log.js) and on every run."""
    total = 0
    for letter in sender:
        total = (total * 31 + ord(letter)) % 360_007
    return total % 360


def log_html(entries: Iterable[Entry], empty: str = "") -> str:
    """The log as HTML for the panel's style sheet; ``empty`` is said when there is nothing."""
    stacks = runs(entries)
    body = "".join(_stack_html(stack) for stack in stacks)
    return f'<div class="chat-lines" role="log" aria-label="Messages" tabindex="0">{body or _line("chat-empty", empty)}</div>'


def frames_html(frames: Iterable[Frame]) -> str:
    """The frames as HTML, oldest first, exactly as they went over the wire (cut when very long)."""
    body = "".join(
        f'<div class="chat-frame chat-{frame.direction}"><span class="chat-arrow" title="{frame.direction}">'
        f'{_arrow(frame)}</span><code>{_safe(frame.text)}</code><span class="chat-time">{escape(frame.clock)}</span></div>'
        for frame in frames
    )
    empty = _line("chat-empty", "Nothing went over the wire yet.")
    return f'<div class="chat-lines" role="log" aria-label="Frames" tabindex="0">{body or empty}</div>'


def log_text(entries: Iterable[Entry]) -> str:
    """The log as plain text without times: the same on every run of a lesson."""
    lines = [
        f"{entry.sender}: {_one_line(entry.text)}" if entry.sender else f"[{_one_line(masked(entry.text))}]"
        for entry in entries
        if entry.kind != "notice"
    ]
    return "\n".join(lines) or "(the screen is empty)"


def frames_text(frames: Iterable[Frame]) -> str:
    """The frames as plain text, ids and times masked: the same on every run of a lesson."""
    return "\n".join(f"{_arrow(frame)} {_one_line(masked(frame.text))}" for frame in frames) or "(no frames)"


def still_html(owners: Iterable[str]) -> str:
    """What stands in a saved notebook where panels were: a picture of each with its owner's name.

    Nothing of what was said is in it, because that differs from run to run; styles are inline, because
    a viewer has no style sheet of ours, and the words alone make sense where even those are taken out.
    """
    line = "border:1px solid rgba(128,128,128,.5)"
    panels = "".join(
        f'<div style="flex:1 1 240px;max-width:420px;{line};border-radius:14px;overflow:hidden">'
        f'<div style="padding:6px 12px;background:rgba(128,128,128,.15)"><b>{_safe(owner, 60)}</b></div>'
        f'<div style="padding:28px 12px;text-align:center">A chat panel: alive in JupyterLab and VS Code, a picture here.</div>'
        f'<div style="margin:8px 10px;padding:4px 13px;{line};border-radius:15px;min-height:1.4em"></div></div>'
        for owner in owners
    )
    return f'<div style="display:flex;flex-wrap:wrap;gap:14px">{panels}</div>'


class Transcript:
    """A still picture of a panel: text for any viewer, HTML where it is shown. Both without times."""

    def __init__(self, owner: str, entries: Iterable[Entry]):
        self._owner = owner
        self._entries = tuple(entry for entry in entries if entry.kind != "notice")

    def __repr__(self) -> str:
        return f"{self._owner}'s screen\n" + "\n".join(f"  {line}" for line in log_text(self._entries).splitlines())

    def __str__(self) -> str:
        return log_text(self._entries)

    def _repr_html_(self) -> str:
        """The same lines as bubbles, with inline styles only: a saved notebook has no style sheet."""
        rows = "".join(_still_html(entry) for entry in self._entries) or "<i>(the screen is empty)</i>"
        return (
            f'<div style="max-width:26em"><div style="opacity:.7">{_safe(self._owner, 60)}\'s screen</div>{rows}</div>'
        )

    def __eq__(self, other: object) -> bool:
        return str(self) == str(other)

    __hash__ = None  # type: ignore[assignment]


class FrameList(list):
    """Frames of a panel as masked text, one to a line: a list of strings that prints itself well."""

    def __repr__(self) -> str:
        return "\n".join(self) or "(no frames)"


def _stack_html(stack: list[Entry]) -> str:
    first, last = stack[0], stack[-1]
    if first.kind in ("notice", "refusal", "answer"):
        return "".join(_line(f"chat-{entry.kind}", entry.text, entry.clock) for entry in stack)
    name = f'<div class="chat-sender"><bdi>{_safe(first.sender, 60)}</bdi></div>' if first.kind == "other" else ""
    bubbles = "".join(f'<div class="chat-bubble" dir="auto">{_safe(entry.text)}</div>' for entry in stack)
    return (
        f'<div class="chat-run chat-{first.kind}" style="--chat-hue:{hue(first.sender)}">{name}{bubbles}'
        f'<div class="chat-time">{escape(last.clock)}</div></div>'
    )


def _still_html(entry: Entry) -> str:
    own = entry.kind == "own"
    name = "" if own or not entry.sender else f"<small><b>{_safe(entry.sender, 60)}</b></small><br>"
    text = _safe(entry.text) if entry.sender else f"<i>{_safe(masked(entry.text))}</i>"
    tint = "rgba(33,120,255,.22)" if own else "rgba(128,128,128,.18)"
    return (
        f'<div style="text-align:{"right" if own else "left"}"><span style="display:inline-block;margin:2px 0;'
        f'padding:4px 10px;border-radius:12px;text-align:left;background:{tint}">{name}{text}</span></div>'
    )


def _line(css: str, text: str, clock: str = "") -> str:
    title = f' title="{escape(clock)}"' if clock else ""
    return f'<div class="{css}"{title} dir="auto">{_safe(text)}</div>'


def _safe(text: str, limit: int | None = None) -> str:
    return escape(shortened(text, limit) if limit else shortened(text))


def _arrow(frame: Frame) -> str:
    return "→" if frame.direction == "sent" else "←"


def _one_line(text: str) -> str:
    return " ".join(shortened(text).split())

"""A page on trial: the learner's ``page.html`` runs in a pretended browser, with a pretended chat at the other end.

The page's JavaScript runs in an engine of its own (V8, by mini-racer, in
``page_trial_process.py``). What a browser would add, such as elements, a clock and WebSockets, is pretended by
``pretended_browser.js``, so that time can be moved, connections can be cut, and
no browser is needed. Nothing here knows what the page should do.
"""

from __future__ import annotations

import json
import subprocess
import sys
import weakref
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from classroom.errors import OneSentence

_BROWSER = Path(__file__).with_name("pretended_browser.js")
_ROOT = Path(__file__).resolve().parents[2]
_WITHIN_S = 5
_EMPTY = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
_BLOCKS = {
    "body",
    "div",
    "p",
    "li",
    "ul",
    "ol",
    "main",
    "section",
    "form",
    "tr",
    "table",
    "h1",
    "h2",
    "h3",
    "dl",
    "dd",
    "dt",
}
_CLOSED_BY_THEIR_LIKE = {"li", "p", "option", "tr", "td", "dt", "dd"}


class PageFailed(OneSentence, RuntimeError):
    """The page's own code stopped, or nothing can be done with the page; the sentence says why."""


class PageTrial:
    """One window with a page. ``chance`` is what ``Math.random()`` gives; ``search`` follows the page's address."""

    def __init__(self, text: str, search: str = "?url=/a1b2c3/prod&name=ben", chance: float = 0.5):
        self._engine = subprocess.Popen(
            [sys.executable, "-m", "classroom.my_chat.page_trial_process", str(_WITHIN_S)],
            cwd=_ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )
        self._end = weakref.finalize(self, _end, self._engine)
        self._run(_BROWSER.read_text("utf-8"))
        page = _Page()
        page.feed(text)
        page.close()
        self._call("load", page.root, search, "ben")
        self._run(f"world.chance = {chance}")
        for line, script in page.scripts:
            self._run("\n" * (line - 1) + script)  # so that an error names the line of the file
        self._call("loaded")

    def close(self) -> None:
        """End the trial and its process; harmless when it has ended. Happens by itself when nobody needs the trial."""
        self._end()

    # What happens to the page

    def open(self) -> None:
        """The newest connection is made."""
        self._needs_a_socket()
        self._call("open")

    def receive(self, *frames: Any) -> None:
        """Frames come from the server: a text as it is, anything else as JSON."""
        self._needs_a_socket()
        for frame in frames:
            self._call("receive", frame if isinstance(frame, str) else json.dumps(frame))

    def lose(self, code: int = 1006, reason: str = "") -> None:
        """The newest connection ends, or its handshake is refused: with 1006, as for a cut line, unless told otherwise."""
        self._needs_a_socket()
        self._call("lose", code, reason)

    def type(self, text: str) -> None:
        """Somebody types a text into the page's last field and presses Enter."""
        if self._call("type", text):
            raise PageFailed("There is no field to type into on the page: an <input> within a <form>.")

    def wait(self, seconds: float) -> None:
        """Time goes by, and what is due happens."""
        self._call("wait", seconds * 1000)

    # What came of it

    @property
    def addresses(self) -> list[str]:
        """The URLs of all sockets that the page has made, oldest first."""
        return self._value("world.sockets.map((one) => one.url)")

    @property
    def attempts(self) -> int:
        """How many sockets the page has made."""
        return len(self.addresses)

    @property
    def sent(self) -> list[Any]:
        """The frames that the page has sent, as Python values; text that is no JSON as text."""
        return [_parsed(text) for text in self._value("world.sent()")]

    @property
    def typed(self) -> str:
        """What stands in the page's last field now."""
        return self._value("world.field()?.value") or ""

    @property
    def loaded_again(self) -> bool:
        """Whether the page asked the browser to load it again, as a form does that nobody holds back."""
        return self._value("world.loadedAgain")

    @property
    def console(self) -> list[str]:
        """What the page has written to the console, and the errors of its timers, which stop nothing else."""
        return self._value("world.said")

    def screen(self) -> list[str]:
        """The lines that the page's code has put on the screen."""
        return self._shown().lines()

    def foreign_elements(self) -> list[str]:
        """The elements that came out of texts which the page took for HTML: tags of strangers, with what they would run."""
        return self._shown().foreign

    def _shown(self) -> _Screen:
        screen = _Screen()
        screen.feed(self._value("document.body.innerHTML"))
        screen.close()
        return screen

    def _needs_a_socket(self) -> None:
        if not self.attempts:
            raise PageFailed("The page has not opened a connection: new WebSocket(…) makes one.")

    def _call(self, name: str, *values: Any) -> Any:
        return self._value(f"world.{name}({', '.join(json.dumps(value) for value in values)})")

    def _value(self, expression: str) -> Any:
        return json.loads(self._run(f"JSON.stringify(({expression}) ?? null)"))

    def _run(self, code: str) -> Any:
        if self._engine.stdin is None or self._engine.stdout is None or self._engine.stdin.closed:
            raise PageFailed("The trial has ended; begin another one.")
        self._engine.stdin.write(json.dumps(code) + "\n")
        self._engine.stdin.flush()
        answer = json.loads(self._engine.stdout.readline() or '{"error": "the engine has ended"}')
        if "endless" in answer:
            raise PageFailed(f"The page's code ran for {_WITHIN_S} seconds without an end: is there a loop in it?")
        if "error" in answer:
            raise PageFailed(f"The page's code stopped: {_in_one_line(answer['error'])}.")
        return answer["value"]

    def __repr__(self) -> str:
        shown = "\n".join(f"  {line}" for line in self.screen()) or "  (nothing)"
        return f"On the page:\n{shown}"


class _Page(HTMLParser):
    """A page as a tree of elements and texts, and its scripts with the lines at which they begin."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root: dict[str, Any] = {"tag": "html", "attributes": {}, "parts": []}
        self.scripts: list[tuple[int, str]] = []
        self._open = [self.root]

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag == "html":
            return
        if tag in _CLOSED_BY_THEIR_LIKE and self._open[-1]["tag"] == tag:
            self._open.pop()
        element = {"tag": tag, "attributes": {key: value or "" for key, value in attributes}, "parts": []}
        self._open[-1]["parts"].append(element)
        if tag not in _EMPTY:
            self._open.append(element)

    def handle_endtag(self, tag: str) -> None:
        if tag in [one["tag"] for one in self._open[1:]]:
            while self._open.pop()["tag"] != tag:
                pass

    def handle_data(self, data: str) -> None:
        if self._open[-1]["tag"] == "script":
            self.scripts.append((self.getpos()[0], data))
        elif data.strip():
            self._open[-1]["parts"].append(data)


class _Screen(HTMLParser):
    """What a browser would show of markup, line by line, and which elements in it the page did not make itself."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.foreign: list[str] = []
        self._text = ""
        self._unseen = 0

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        found = dict(attributes)
        runs = [f"{key}={value}" for key, value in found.items() if key.startswith("on") or key == "href"]
        if "data-own" not in found and (tag not in {"li", "p", "div", "span", "b", "strong", "em", "br"} or runs):
            self.foreign.append(" ".join([tag, *runs]))
        self._unseen += tag in ("script", "style")
        self._text += "\n" if tag in _BLOCKS or tag == "br" else ""

    def handle_endtag(self, tag: str) -> None:
        self._unseen -= tag in ("script", "style") and self._unseen > 0
        self._text += "\n" if tag in _BLOCKS else ""

    def handle_data(self, data: str) -> None:
        self._text += "" if self._unseen else data

    def lines(self) -> list[str]:
        return [" ".join(line.split()) for line in self._text.splitlines() if line.strip()]


def _end(engine: subprocess.Popen) -> None:
    for stream in (engine.stdin, engine.stdout):
        if stream is not None:
            stream.close()
    try:
        engine.wait(5)
    except subprocess.TimeoutExpired:
        engine.kill()
        engine.wait()


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _in_one_line(message: str) -> str:
    """V8's message without the quoted source: where it was, and what."""
    first = message.strip().splitlines()[0].removeprefix("<anonymous>:")
    line, _, what = first.partition(": ")
    return f"{what} (line {line})" if line.isdigit() and what else first

"""Pages in a real Chromium: the chat page, opened and connected; a folder, served; what keeps people out of a page."""

from __future__ import annotations

import os
import re
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.course.jupyterlab import ARTEFACTS, chromium_path
from tests.course.nbval_runs import ROOT

HTML = ROOT / "html"
LEAN = ROOT / "tests" / "course" / "chromium"
"""Starts the browser that CHROMIUM names, with less beside the pages."""
WITHIN_S = 90
SIZE: Any = {"width": 900, "height": 700}
HUB = "hub.example"
"""A name that the browser takes for this machine, as if it were a server elsewhere."""
BEFORE, HELD_AT = "2026-11-03T10:20:29Z", "2026-11-03T10:20:30Z"

WCAG_AA = "where => axe.run(where, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']})"

WATCH = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) => window.violations.push(
    `${event.violatedDirective}: ${event.blockedURI}`));
"""


@dataclass
class ChatPage:
    """One browser window with the chat page; ``page`` is Playwright's."""

    page: Any
    _complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.set_default_timeout(WITHIN_S * 1000)
        self.page.on("pageerror", lambda error: self._complaints.append(f"error: {error}"))
        self.page.on("dialog", lambda dialog: (self._complaints.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        self.page.add_init_script(WATCH)

    def open(self, address: str = "", query: str = "") -> ChatPage:
        """Load the page, from its file unless an address is given."""
        self.page.goto((address or (HTML / "index.html").as_uri()) + query)
        return self

    def hold_clock(self) -> None:
        """Stop the page's time at HELD_AT, before it is opened; from then on only ``clock.fast_forward`` moves it."""
        self.page.clock.install(time=BEFORE)
        self.page.clock.pause_at(HELD_AT)

    def connect(self, url: str, name: str = "Ann", **settings: str) -> ChatPage:
        """Fill in the form, press Connect, and wait until the page says that it is connected."""
        self.begin(url, name, **settings)
        self.wait_status("Connected")
        return self

    def begin(self, url: str, name: str = "Ann", **settings: str) -> None:
        """Fill in the form and press Connect. ``settings`` are fields by id, with _ for -."""
        if "heartbeat" in settings:
            self.page.locator("#advanced").evaluate("(details) => { details.open = true; }")
        for field_id, value in {"url": url, "name": name, **settings}.items():
            self.page.locator(f"#{field_id.replace('_', '-')}").fill(value)
        self.page.locator("#connect").click()

    def say(self, text: str) -> None:
        self.page.locator("#message").fill(text)
        self.page.keyboard.press("Enter")

    def wait_status(self, text: str) -> None:
        """Block until the status contains the text, upper and lower case as given."""
        self.page.locator("#status-text").filter(has_text=re.compile(re.escape(text))).wait_for()

    def wait_line(self, text: str, kind: str = "") -> None:
        self.page.locator(f"#log li{kind}").filter(has_text=text).last.wait_for()

    def texts(self) -> list[str]:
        """The messages' texts on the screen, oldest first."""
        return self.page.locator("#log .text").all_text_contents()

    def complaints(self) -> list[str]:
        """Errors, dialogs and violations of the content security policy so far."""
        return self._complaints + self.page.evaluate("() => window.violations")

    def forget(self) -> None:
        """Begin the list of complaints anew."""
        self._complaints.clear()

    def picture(self, name: str) -> None:
        ARTEFACTS.mkdir(exist_ok=True)
        self.page.screenshot(path=ARTEFACTS / f"page-{name}.png")


class _Quiet(SimpleHTTPRequestHandler):
    """Serves files and says nothing."""

    def log_message(self, *arguments: object) -> None: ...


def need_npm(what: str) -> None:
    """Skips a test where there is no npm, of which it needs ``what``; in CI it fails there."""
    if shutil.which("npm"):
        return
    if os.environ.get("CI", "").lower() == "true":
        pytest.fail(f"CI is true and there is no npm, which fetches {what}.")
    pytest.skip(f"there is no npm; it fetches {what}")


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serves a folder's files; gives the address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def violations(page: Any, axe: str, where: str = "html") -> list[str]:
    """What the program axe-core finds against WCAG AA in a part of the page: a rule and a place each."""
    page.evaluate(axe)
    found = page.evaluate(WCAG_AA, where)["violations"]
    return [f"{rule['id']}: {node['html'][:200]}" for rule in found for node in rule["nodes"]]


@contextmanager
def launched(*flags: str) -> Iterator[Any]:
    """A Chromium of its own; ends it. Without one the test is skipped."""
    environment = {**os.environ, "CHROMIUM": chromium_path()}
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=LEAN, args=flags, env=environment)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """A Chromium of the module's own."""
    with launched(f"--host-resolver-rules=MAP {HUB} 127.0.0.1") as browser:
        yield browser


@pytest.fixture
def window(chromium: Any) -> Iterator[Any]:
    """Makes windows that share nothing, each a ``ChatPage`` not yet opened; fails if one complained."""
    windows: list[tuple[Any, ChatPage]] = []

    def make(**options: Any) -> ChatPage:
        context = chromium.new_context(**{"viewport": SIZE, **options})
        windows.append((context, ChatPage(context.new_page())))
        return windows[-1][1]

    yield make
    complaints = [complaint for _, chat in windows for complaint in chat.complaints()]
    for context, _ in windows:
        context.close()
    assert complaints == []


@pytest.fixture(scope="module")
def kept_window(chromium: Any) -> Iterator[ChatPage]:
    """The window that ``same_window`` gives out."""
    yield from _kept(chromium, held=False)


@pytest.fixture(scope="module")
def kept_held_window(chromium: Any) -> Iterator[ChatPage]:
    """The window that ``held_window`` gives out."""
    yield from _kept(chromium, held=True)


@pytest.fixture
def same_window(kept_window: ChatPage) -> Iterator[ChatPage]:
    """A window that many cases open their page in, one after the other: a window of its own takes a second.

    Its size and its colour scheme are what they were when a case has ended; a script that a case added would stay.
    """
    yield from _cleared(kept_window)


@pytest.fixture
def held_window(kept_held_window: ChatPage) -> Iterator[ChatPage]:
    """The same with a clock that stands still, at HELD_AT for the first case, later for the others."""
    yield from _cleared(kept_held_window)


def _kept(chromium: Any, held: bool) -> Iterator[ChatPage]:
    context = chromium.new_context(viewport=SIZE)
    chat = ChatPage(context.new_page())
    if held:
        chat.hold_clock()
    yield chat
    context.close()


def _cleared(chat: ChatPage) -> Iterator[ChatPage]:
    yield chat
    complaints = chat.complaints()
    # A page that connects again before it is left must not have that remembered: the next case's would connect unasked.
    chat.page.evaluate("() => { localStorage.clear(); sessionStorage.clear(); Storage.prototype.setItem = () => {}; }")
    chat.page.goto("about:blank")  # It is connected to nothing any more.
    chat.page.set_viewport_size(SIZE)
    chat.page.emulate_media(color_scheme="light")
    chat.forget()
    assert complaints == []

"""One chat, four kinds of client: two WebSocket libraries, the panel, and the page in a browser."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import connect as websockets_connect

from classroom.panel.chat_panel import Panel
from localstage import LocalStage
from tests.course.jupyterlab import ARTEFACTS
from tests.course.test_templates_deployed import BUCKET, Site
from tests.stage.target import StageTarget

PAGE = Path(__file__).resolve().parents[2] / "html" / "index.html"
WITHIN_S = 120


@pytest.fixture(scope="module")
def chat_url(emptied: LocalStage) -> str:
    """The address, by path, of the whole chat deployed from its template."""
    site = Site(StageTarget(emptied))
    site.target.client("s3").create_bucket(Bucket=BUCKET)
    api_id = site.deploy("one-chat", "chat.yaml")["ApiId"]
    return f"{emptied.url.replace('http', 'ws')}/{api_id}/prod"


@pytest.fixture
def browser_page(chat_url: str, chromium: Any) -> Iterator[Any]:
    """The chat page in a real browser, connected as Carol."""
    page = chromium.new_page(viewport={"width": 900, "height": 700})
    page.set_default_timeout(WITHIN_S * 1000)
    page.goto(PAGE.as_uri())
    page.locator("#url").fill(chat_url)
    page.locator("#name").fill("Carol")
    page.locator("#connect").click()
    page.locator("#message").and_(page.locator(":enabled")).wait_for()
    yield page
    ARTEFACTS.mkdir(exist_ok=True)
    page.screenshot(path=ARTEFACTS / "one-chat-page.png")
    page.close()


def next_message(receive) -> tuple[str, str]:
    """Sender and text of the next chat message that ``receive`` gives; other frames are passed over."""
    while True:
        frame = json.loads(receive())
        if frame.get("type") == "message":
            return frame["sender"], frame["message"]


def test_chat_when_all_kinds_of_client_are_in_it(chat_url: str, browser_page):
    """websocket-client, websockets, the panel and a browser each see every message of the others."""
    from websocket import create_connection

    dave = create_connection(chat_url, timeout=WITHIN_S)
    panel = Panel("Alice", chat_url)
    panel.connect()
    with websockets_connect(chat_url, proxy=None) as erin:
        everyone = {
            "Alice": lambda text: panel.send(text),
            "Carol": lambda text: (browser_page.locator("#message").fill(text), browser_page.keyboard.press("Enter")),
            "Dave": lambda text: dave.send(json.dumps({"action": "sendMessage", "sender": "Dave", "message": text})),
            "Erin": lambda text: erin.send(json.dumps({"action": "sendMessage", "sender": "Erin", "message": text})),
        }
        for name, send in everyone.items():
            send(f"{name} says hello")
            expected = (name, f"{name} says hello")
            assert next_message(dave.recv) == expected
            assert next_message(lambda: erin.recv(timeout=WITHIN_S)) == expected
            panel.wait_for(expected[1])
            browser_page.locator("#log").get_by_text(expected[1]).wait_for()
        assert panel.messages() == [(name, f"{name} says hello") for name in everyone]
    panel.disconnect()
    dave.close()

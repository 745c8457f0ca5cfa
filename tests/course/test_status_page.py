"""The status page of localstage in a browser: what happens appears by itself, and what is hostile stays text."""

from __future__ import annotations

import pytest

from localstage import LocalStage
from tests.stage.target import StageTarget, deploy_api

HOSTILE = "<img src=x onerror=alert(1)>"
CODE = f"def handler(event, context):\n    print({HOSTILE!r}, event['body'])\n    return {{'statusCode': 200}}\n"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_page_when_a_message_is_served(emptied: LocalStage, window, scheme: str):
    """Route, connection, event and output are shown as they come, from a phone's width up, without any violation."""
    opened = window(color_scheme=scheme, viewport={"width": 390, "height": 800})
    opened.open(f"{emptied.url}/_localstage/")
    page = opened.page
    page.locator("#facts").filter(has_text="us-east-1").wait_for()
    target = StageTarget(emptied)
    api = deploy_api(target, {"$default": CODE})
    page.locator("#stages h3").filter(has_text=", stage prod").last.wait_for()
    page.locator("#stages code").filter(has_text=api.url).wait_for()
    socket = target.connect(api.url)
    page.locator("#open tr").last.wait_for()
    socket.send(f"text of {scheme}")
    page.locator("#events tr").filter(has_text="$default").first.wait_for()
    page.locator("#lines tr").filter(has_text=f"{HOSTILE} text of {scheme}").wait_for()
    assert page.locator("#lines img").count() == 0
    page.locator("#filter").fill("nobody")
    assert page.locator("#lines tr:visible").count() == 0
    page.locator("#filter").fill("test-")
    assert page.locator("#lines tr:visible").count() > 0
    assert not page.evaluate("() => document.documentElement.scrollWidth > innerWidth")
    socket.close()
    page.locator("#open-title ~ .empty").filter(has_text="Nobody is connected").wait_for()
    opened.picture(f"status-{scheme}")

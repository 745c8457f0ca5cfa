"""Lesson 06 as people use it: a panel in JupyterLab and two browser windows, opened by the notebook's links, in one chat."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.course.jupyterlab import ARTEFACTS, jupyterlab, open_and_run
from tests.course.nbval_runs import NOTEBOOKS
from tests.course.page_browser import WATCH, ChatPage

WEB_PAGE = next(path for path in NOTEBOOKS if path.name.startswith("06"))
WITHIN_MS = 180_000
HOSTILE = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"


@pytest.fixture(scope="module")
def lab(chromium: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """JupyterLab with lesson 06, all of whose cells have run; Alice's panel is connected again afterwards."""
    with jupyterlab(tmp_path_factory.mktemp("lab"), WEB_PAGE) as address:
        context = chromium.new_context(viewport={"width": 1280, "height": 1000})
        context.add_init_script(WATCH)  # in the windows that links open, too
        page = context.new_page()
        page.set_default_timeout(WITHIN_MS)
        try:
            open_and_run(page, address.format(WEB_PAGE.name))
            alice = panel(page)
            page.get_by_text("What you built stays for the next lesson").wait_for(state="attached")
            alice.locator(".chat-dot.chat-disconnected").wait_for(state="attached")
            alice.scroll_into_view_if_needed()
            alice.locator(".chat-head button").last.click()
            alice.locator(".chat-dot.chat-connected").wait_for()
            yield page
        finally:
            ARTEFACTS.mkdir(exist_ok=True)
            page.screenshot(path=ARTEFACTS / "notebook-06-last.png")
            context.close()


@pytest.fixture(scope="module")
def people(lab: Any) -> Iterator[dict[str, ChatPage]]:
    """The windows that the links open, each connected by its person's click."""
    opened = {}
    for name in ("ben", "carla"):
        with lab.context.expect_page() as popup:
            lab.get_by_role("link", name=f"Open the chat page for {name}").click()
        opened[name] = ChatPage(popup.value)
        opened[name].wait_status("Not connected" if name == "ben" else "Connected")
        if name == "ben":  # carla's window then knows the address, which has been chosen in this browser
            opened[name].page.locator("#connect").click()
            opened[name].wait_status("Connected")
    yield opened
    for chat in opened.values():
        chat.page.close()


def panel(page: Any) -> Any:
    """Alice's: the lesson's only panel that stands alone and is hers."""
    return page.locator(".chat-panel").filter(has=page.locator(".chat-status b", has_text="alice")).first


def type_in_panel(page: Any, text: str) -> None:
    field = panel(page).get_by_placeholder("Message")
    field.fill(text)
    field.press("Enter")


def bubble(page: Any, kind: str, text: str) -> Any:
    return panel(page).locator(f".chat-run.chat-{kind} .chat-bubble", has_text=text)


def test_everyone_sees_everyone_when_each_has_spoken(lab, people) -> None:
    """A line typed in any of the three is on all three screens, set apart on its sender's own."""
    ben, carla = people["ben"], people["carla"]
    assert [chat.page.locator("#name").input_value() for chat in (ben, carla)] == ["ben", "carla"]
    type_in_panel(lab, "from the notebook")
    bubble(lab, "own", "from the notebook").wait_for()
    for chat in (ben, carla):
        chat.wait_line("from the notebook", ".other")
    for speaker, listener, text in ((ben, carla, "from Ben's window"), (carla, ben, "from Carla's window")):
        speaker.say(text)
        speaker.wait_line(text, ".own:not(.pending)")
        listener.wait_line(text, ".other")
        bubble(lab, "other", text).wait_for()
    assert ben.texts() == carla.texts() == ["from the notebook", "from Ben's window", "from Carla's window"]
    panel(lab).scroll_into_view_if_needed()
    lab.screenshot(path=ARTEFACTS / "notebook-06-three.png")
    ben.picture("06-ben")


def test_window_is_back_when_it_is_reloaded(lab, people) -> None:
    """After a reload a window is in the chat again without a click, under its own name."""
    ben = people["ben"]
    ben.page.reload()
    ben.wait_status("Connected")
    type_in_panel(lab, "still there, Ben?")
    ben.wait_line("still there, Ben?", ".other")
    ben.say("still here")
    bubble(lab, "other", "still here").wait_for()
    assert bubble(lab, "other", "still here").locator("xpath=..").locator(".chat-sender").inner_text() == "ben"


def test_nothing_runs_when_a_message_is_hostile(lab, people) -> None:
    """Markup typed in a window is letters in the notebook and in the other window, and markup typed in the panel likewise."""
    ben, carla = people["ben"], people["carla"]
    titles = [page.title() for page in (lab, ben.page, carla.page)]
    ben.say(HOSTILE)
    carla.wait_line(HOSTILE, ".other")
    bubble(lab, "other", HOSTILE).wait_for()
    type_in_panel(lab, f"panel {HOSTILE}")
    for chat in (ben, carla):
        chat.wait_line(f"panel {HOSTILE}", ".other")
        assert chat.page.locator("#log :is(img, script)").count() == 0
        assert chat.complaints() == []
    assert panel(lab).locator("img, script").count() == 0
    assert [page.title() for page in (lab, ben.page, carla.page)] == titles

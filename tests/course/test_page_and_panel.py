"""Lesson 06 as people use it: a panel in JupyterLab, the learner's own page and the course's, opened by its links, in one chat."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from classroom.exercises.solutions import course_text
from tests.course.jupyterlab import ARTEFACTS, jupyterlab, open_and_run
from tests.course.nbval_runs import NOTEBOOKS
from tests.course.page_browser import WATCH, ChatPage
from tests.stage.waiting import eventually

WEB_PAGE = next(path for path in NOTEBOOKS if path.name.startswith("06"))
WITHIN_MS = 180_000
HOSTILE = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"


@dataclass
class OwnPage:
    """The window of the learner's own page."""

    page: Any
    file: Path

    def say(self, text: str) -> None:
        self.page.locator("#text").fill(text)
        self.page.locator("#text").press("Enter")

    def wait_line(self, text: str) -> None:
        self.page.locator("#log li").filter(has_text=text).last.wait_for()

    def becomes(self, exercise: str) -> None:
        """The page is rewritten as an exercise's solution has it, reloaded, and connected."""
        self.file.write_text(course_text("page.html", exercise) or "")
        self.page.reload()
        self.wait_open()

    def wait_open(self) -> None:
        eventually(lambda: self.page.evaluate("socket.readyState"), lambda state: state == 1, "the page's connection")


@pytest.fixture(scope="module")
def lab(chromium: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, Path]]:
    """JupyterLab with lesson 06, all of whose cells have run, and the page of a learner who has done it all."""
    work_dir = tmp_path_factory.mktemp("lab")
    own = work_dir / "my_chat" / "page.html"
    own.parent.mkdir()
    own.write_text(course_text("page.html", "6.4") or "")
    with jupyterlab(work_dir, WEB_PAGE) as address:
        context = chromium.new_context(viewport={"width": 1280, "height": 1000})
        context.add_init_script(WATCH)  # in the windows that links open, too
        page = context.new_page()
        page.set_default_timeout(WITHIN_MS)
        try:
            open_and_run(page, address.format(WEB_PAGE.name))
            page.get_by_text("ok: exercise 6.4 is done").wait_for(state="attached")
            page.get_by_role("link", name="Open the chat page for carla").wait_for(state="attached")
            panel(page).scroll_into_view_if_needed()
            panel(page).locator(".chat-dot.chat-connected").wait_for()
            yield page, own
        finally:
            ARTEFACTS.mkdir(exist_ok=True)
            page.screenshot(path=ARTEFACTS / "notebook-06-last.png")
            context.close()


@pytest.fixture(scope="module")
def notebook(lab: tuple[Any, Path]) -> Any:
    return lab[0]


@pytest.fixture(scope="module")
def ben(lab: tuple[Any, Path]) -> OwnPage:
    """The learner's own page, opened by its link."""
    page, own = lab
    with page.context.expect_page() as popup:
        page.get_by_role("link", name="Open your page for ben").click()
    return OwnPage(popup.value, own)


@pytest.fixture(scope="module")
def carla(lab: tuple[Any, Path]) -> ChatPage:
    """The course's page, opened by its link and connected by a click."""
    page, _ = lab
    with page.context.expect_page() as popup:
        page.get_by_role("link", name="Open the chat page for carla").click()
    chat = ChatPage(popup.value)
    chat.wait_status("Not connected")
    chat.page.locator("#connect").click()
    chat.wait_status("Connected")
    return chat


def panel(page: Any) -> Any:
    """Alice's: the lesson's only panel that stands alone and is hers."""
    return page.locator(".chat-panel").filter(has=page.locator(".chat-status b", has_text="alice")).first


def type_in_panel(page: Any, text: str) -> None:
    field = panel(page).locator(".chat-foot input")
    field.fill(text)
    field.press("Enter")


def bubble(page: Any, kind: str, text: str) -> Any:
    return panel(page).locator(f".chat-run.chat-{kind} .chat-bubble", has_text=text)


def test_everyone_sees_everyone_when_each_has_spoken(notebook: Any, ben: OwnPage, carla: ChatPage) -> None:
    """A line typed in any of the three is on all three screens."""
    type_in_panel(notebook, "from the notebook")
    bubble(notebook, "own", "from the notebook").wait_for()
    for page in (ben, carla):
        page.wait_line("from the notebook")
    ben.say("from my own page")
    ben.wait_line("ben: from my own page")
    carla.wait_line("from my own page", ".other")
    bubble(notebook, "other", "from my own page").wait_for()
    carla.say("from Carla's window")
    carla.wait_line("from Carla's window", ".own:not(.pending)")
    ben.wait_line("carla: from Carla's window")
    bubble(notebook, "other", "from Carla's window").wait_for()
    panel(notebook).scroll_into_view_if_needed()
    notebook.screenshot(path=ARTEFACTS / "notebook-06-three.png")
    carla.picture("06-carla")


def test_window_is_back_when_it_is_reloaded(notebook: Any, carla: ChatPage) -> None:
    """After a reload the course's page is in the chat again without a click, under its own name."""
    carla.page.reload()
    carla.wait_status("Connected")
    carla.say("still here")
    bubble(notebook, "other", "still here").wait_for()
    assert bubble(notebook, "other", "still here").locator("xpath=..").locator(".chat-sender").text_content() == "carla"


def test_nothing_runs_when_a_message_is_hostile(notebook: Any, ben: OwnPage, carla: ChatPage) -> None:
    """Markup is letters on all three screens: the panel's, the course's page and the learner's as the lesson ends."""
    titles = [page.title() for page in (notebook, ben.page, carla.page)]
    carla.say(HOSTILE)
    ben.wait_line(HOSTILE)
    bubble(notebook, "other", HOSTILE).wait_for()
    type_in_panel(notebook, f"panel {HOSTILE}")
    for page in (ben, carla):
        page.wait_line(f"panel {HOSTILE}")
        assert page.page.locator("#log :is(img, script)").count() == 0
    assert carla.complaints() == []
    assert panel(notebook).locator("img, script").count() == 0
    assert [page.title() for page in (notebook, ben.page, carla.page)] == titles


def test_stranger_acts_when_the_page_uses_inner_html(notebook: Any, ben: OwnPage) -> None:
    """The page of exercise 6.1 lets a stranger's code run in a real browser, as the lesson says, and that of 6.2 does not."""
    for exercise, title in (("6.1", "owned"), ("6.2", "My chat")):
        ben.becomes(exercise)
        ben.say("I am back")
        ben.wait_line("I am back")
        type_in_panel(notebook, f"{exercise} {HOSTILE}")
        ben.wait_line(exercise)
        eventually(ben.page.title, lambda found, title=title: found == title, f"the title {title}")


def test_own_page_comes_back_when_the_line_is_cut(ben: OwnPage) -> None:
    """The page as the lesson ends opens another connection by itself when its own has ended."""
    ben.becomes("6.4")
    ben.say("before")
    ben.wait_line("before")
    with ben.page.expect_websocket():
        ben.page.evaluate("socket.close()")
    ben.wait_open()
    ben.say("after")
    ben.wait_line("after")

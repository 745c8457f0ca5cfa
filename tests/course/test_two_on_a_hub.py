"""Two people on a real JupyterHub at once, over https: lessons run, pages chat through the hub, and nobody sees the other."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from classroom.exercises.solutions import course_text
from tests.course.jupyterhub import Hub, jupyterhub
from tests.course.jupyterlab import ARTEFACTS
from tests.course.nbval_runs import NOTEBOOKS
from tests.course.page_browser import ChatPage

pytestmark = pytest.mark.weekly
START = next(path for path in NOTEBOOKS if path.name.startswith("00-"))
WEB_PAGE = next(path for path in NOTEBOOKS if path.name.startswith("06"))
WITHIN_MS = 240_000
PEOPLE = ("anna", "berta")


@dataclass
class Learner:
    """Somebody who is logged in, with a notebook in front of them."""

    hub: Hub
    name: str
    context: Any
    page: Any

    @property
    def own_page(self) -> Path:
        return self.hub.homes / self.name / "course" / "my_chat" / "page.html"

    def begin(self, notebook: Path) -> None:
        """Open a notebook and have JupyterLab run all of its cells; returns when they begin to run."""
        self.page.goto(f"{self.hub.origin}/user/{self.name}/lab/tree/notebooks/{notebook.name}?reset")
        self.page.get_by_text("Python 3 (ipykernel) | Idle").wait_for()
        self.menu("Run", "Run All Cells")

    def menu(self, *names: str) -> None:
        for name in names:
            self.page.get_by_role("menuitem").get_by_text(name, exact=True).click()

    def carla(self) -> ChatPage:
        """The window that the link of lesson 06 opens, connected."""
        link = self.page.get_by_role("link", name="Open the chat page for carla")
        link.wait_for(state="attached")
        chat = ChatPage(self.context.new_page()).open(link.evaluate("link => link.href"))
        chat.page.locator("#connect").click()
        chat.wait_status("Connected")
        return chat


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    with jupyterhub(tmp_path_factory.mktemp("hub")) as running:
        yield running


@pytest.fixture(scope="module")
def people(hub: Hub, chromium: Any) -> Iterator[dict[str, Learner]]:
    """Anna and Berta, in browsers that share nothing, both with lesson 06 running."""
    contexts = {
        name: chromium.new_context(ignore_https_errors=True, viewport={"width": 1280, "height": 1000})
        for name in PEOPLE
    }
    ARTEFACTS.mkdir(exist_ok=True)
    try:
        learners = {name: Learner(hub, name, context, hub.log_in(context, name)) for name, context in contexts.items()}
        for learner in learners.values():
            learner.page.set_default_timeout(WITHIN_MS)
            learner.own_page.parent.mkdir()
            learner.own_page.write_text(course_text("page.html", "6.4") or "")
            learner.begin(WEB_PAGE)
        yield learners
    finally:
        for name, context in contexts.items():
            for page in context.pages[:1]:
                page.screenshot(path=ARTEFACTS / f"hub-{name}.png")
            context.close()


@pytest.fixture(scope="module")
def windows(people: dict[str, Learner]) -> dict[str, ChatPage]:
    """The page of each, opened by the link in the notebook."""
    return {name: learner.carla() for name, learner in people.items()}


def test_pages_when_two_people_chat_at_once(hub: Hub, windows: dict[str, ChatPage]) -> None:
    """Each page reaches its own chat by the hub's proxy with wss, and hears nothing of the other's."""
    for name, chat in windows.items():
        assert re.fullmatch(
            rf"{hub.origin.replace('https', 'wss')}/user/{name}/proxy/\d+/\w+/prod",
            chat.page.locator("#url").input_value(),
        )
        chat.say(f"{name} was here")
    for name, chat in windows.items():
        chat.wait_line(f"{name} was here", ".own:not(.pending)")
        assert [text for text in chat.texts() if text.endswith("was here")] == [f"{name} was here"]
        assert chat.complaints() == []


def test_page_when_somebody_else_opens_its_link(
    hub: Hub, chromium: Any, people: dict[str, Learner], windows: dict[str, ChatPage]
) -> None:
    """Another learner is refused, and a stranger meets the login."""
    annas = windows["anna"].page.url
    answer = people["berta"].context.new_page().goto(annas)
    assert answer.status == 403
    stranger = chromium.new_context(ignore_https_errors=True)
    page = stranger.new_page()
    page.goto(annas)
    assert "/hub/login" in page.url
    stranger.close()


def test_lesson_when_its_kernel_was_restarted(
    hub: Hub, people: dict[str, Learner], windows: dict[str, ChatPage]
) -> None:
    """The next cell says what is missing, the file stays, and the lesson's cells bring back what localstage held."""
    anna = people["anna"]
    kept = anna.own_page.read_text()
    anna.menu("Kernel", "Restart Kernel…")
    anna.page.get_by_role("button", name="Confirm Kernel Restart").click()
    windows["anna"].page.locator("#status-text").filter(has_text="Connected").wait_for(state="detached")
    anna.page.locator(".jp-CodeCell", has_text="lesson.page_links").first.click()
    anna.page.keyboard.press("Control+Enter")
    anna.page.get_by_text("name 'lesson' is not defined").first.wait_for()
    anna.menu("Run", "Run All Cells")
    anna.page.get_by_text("name 'lesson' is not defined").first.wait_for(state="detached")
    again = anna.carla()
    again.say("back again")
    again.wait_line("back again", ".own:not(.pending)")
    assert anna.own_page.read_text() == kept
    anna.page.get_by_text("ok: exercise 6.4 is done").wait_for(state="attached")
    windows["berta"].say("and Berta noticed nothing")
    windows["berta"].wait_line("and Berta noticed nothing", ".own:not(.pending)")


def test_first_lesson_when_all_cells_run(people: dict[str, Learner]) -> None:
    """Lesson 00 gets to its end on a hub: what the hub has otherwise than course.py is a note and stops nobody."""
    berta = people["berta"]
    berta.begin(START)
    berta.page.get_by_text("Every panel is disconnected.").wait_for()
    assert berta.page.locator("[data-mime-type='application/vnd.jupyter.error']").count() == 0

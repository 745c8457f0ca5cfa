"""Lessons as people see them, in JupyterLab and a real Chromium: the first minutes, and two people who chat in lesson 5."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.course.jupyterlab import ARTEFACTS, jupyterlab, open_and_run
from tests.course.nbval_runs import NOTEBOOKS
from tests.stage.waiting import eventually

START, BROADCAST = (next(path for path in NOTEBOOKS if path.name.startswith(number)) for number in ("00-", "05-"))
AGAIN = "again.ipynb"
"""A copy of the first lesson as it was saved, which has another kernel."""
WITHIN_MS = 180_000
NOTHING_RUNS = (
    "() => ![...document.querySelectorAll('.jp-InputPrompt')].some(prompt => prompt.textContent.includes('*'))"
)
RUN_WITHIN_MS = 300_000
"""All cells of the notebook, on a machine that runs other tests at the same time."""
HOSTILE = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"


@dataclass
class Lab:
    """A JupyterLab with some lessons, and a Chromium to open them in."""

    chromium: Any
    address: str
    notebooks: Path
    opened: dict[str, Any] = field(default_factory=dict)

    def window(self, name: str, width: int, height: int) -> tuple[Any, str]:
        """A window of its own, and the address to open a notebook in it: each has a workspace of its own.

        JupyterLab opens again what a workspace has had open.
        """
        page = self.opened[name] = self.chromium.new_page(viewport={"width": width, "height": height})
        page.set_default_timeout(WITHIN_MS)
        return page, self.address.replace("/lab/tree/", f"/lab/workspaces/{name}/tree/")

    def run(self, lesson: Path, width: int, height: int) -> Any:
        """A window with a lesson, all of whose cells begin to run."""
        page, address = self.window(lesson.stem, width, height)
        open_and_run(page, address.format(lesson.name))
        return page


@pytest.fixture(scope="module")
def lab(chromium: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """JupyterLab with the two lessons; the last picture of each window is kept."""
    ARTEFACTS.mkdir(exist_ok=True)
    folder = tmp_path_factory.mktemp("lab")
    with jupyterlab(folder, START, BROADCAST) as address:
        running = Lab(chromium, address, folder / "course" / "notebooks")
        try:
            yield running
        finally:
            for name, page in running.opened.items():
                if not page.is_closed():
                    page.screenshot(path=ARTEFACTS / f"{name}-last.png")
                    page.close()


@pytest.fixture(scope="class")
def first_lesson(lab: Lab) -> Iterator[Any]:
    """A browser page with lesson 0, all of whose cells have run."""
    page = lab.run(START, 1150, 1_000)
    page.locator(".chat-pair .chat-bubble", has_text="Loud and clear.").first.wait_for()
    page.get_by_text("Every panel is disconnected.").wait_for()
    page.wait_for_function(NOTHING_RUNS)
    yield page
    page.close()


@pytest.fixture(scope="module")
def page(lab: Lab) -> Any:
    """A browser page with lesson 5, all of whose cells have run."""
    page = lab.run(BROADCAST, 1280, 1000)
    wait_until_run(page)
    return page


def wait_until_run(page) -> None:
    """Returns when the notebook's last cell has disconnected both panels and their plugs have connected them again."""
    both = page.locator(".chat-pair .chat-panel")
    bubbles(both.nth(0), "other", "It does.").wait_for(state="attached", timeout=RUN_WITHIN_MS)
    for panel in (both.nth(0), both.nth(1)):
        panel.locator(".chat-dot.chat-disconnected").wait_for(state="attached")
        plug_of(panel).click()
        panel.locator(".chat-dot.chat-connected").wait_for()


def plug_of(panel):
    """The button that connects and disconnects."""
    return panel.locator(".chat-head button").last


def panels(page):
    """Alice's and Bob's panel: the pair that stands side by side."""
    both = page.locator(".chat-pair .chat-panel")
    both.first.scroll_into_view_if_needed()
    assert both.count() == 2
    return both.nth(0), both.nth(1)


def message_field(panel):
    return panel.locator(".chat-foot input")  # its placeholder says whether the panel is connected


def bubbles(panel, kind: str, text: str):
    return panel.locator(f".chat-run.chat-{kind} .chat-bubble", has_text=text)


class TestFirstLesson:
    """Lesson 0, whose page is closed when these have run: a page costs as long as it is open."""

    def test_browser_check_when_clicked(self, first_lesson):
        """The button of the pre-flight check is drawn, and its click changes the text beside it."""
        first_lesson.get_by_role("button", name="Click here").click()
        first_lesson.get_by_text("this browser shows widgets").wait_for()

    def test_lesson_when_shown(self, first_lesson):
        """Every diagram is drawn, no cell shows an error, and each exercise says what is not yet right."""
        assert first_lesson.locator(".jp-RenderedMermaid svg, .jp-RenderedMermaid img").count() == 2
        assert first_lesson.locator("[data-mime-type='application/vnd.jupyter.error']").count() == 0
        assert first_lesson.locator(".jp-OutputArea-output", has_text="not yet: ").count() == 2

    def test_panels_when_the_notebook_is_opened_again(self, first_lesson, lab):
        """Beside its kernel a panel lives on; beside another there is the picture that was saved, and no error."""
        first_lesson.get_by_role("menuitem", name="File", exact=True).click()
        first_lesson.locator(".lm-Menu-itemLabel", has_text=re.compile("^Save Notebook$")).click()
        first_lesson.locator(".jp-mod-dirty").first.wait_for(state="detached")
        shutil.copy(lab.notebooks / START.name, lab.notebooks / AGAIN)
        page, address = lab.window("again", 1150, 1_000)
        page.goto(address.format(START.name))
        panels(page)
        page.locator(".jp-DirListing-item", has_text=AGAIN).dblclick()
        again = page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)")
        picture = again.get_by_text("A chat panel: alive in JupyterLab and VS Code").first
        picture.wait_for()
        page.get_by_text("Python 3 (ipykernel) | Idle").wait_for()
        picture.wait_for()
        assert again.locator(".chat-panel").count() == again.get_by_text("Error displaying widget").count() == 0
        page.screenshot(path=ARTEFACTS / "notebook-again.png")
        page.close()


def test_panels_when_a_message_is_typed(page):
    """Enter sends; the other panel shows it as somebody else's, one's own shows it set apart, and the field is empty."""
    alice, bob = panels(page)
    message_field(alice).fill("Typed in a browser")
    message_field(alice).press("Enter")
    bubbles(bob, "other", "Typed in a browser").wait_for()
    bubbles(alice, "own", "Typed in a browser").wait_for()
    page.wait_for_function("() => document.querySelector('.chat-foot input').value === ''")
    page.screenshot(path=ARTEFACTS / "notebook-05-panels.png")


def test_panels_when_the_button_is_clicked(page):
    """Leaving the field sends nothing; the button does."""
    alice, bob = panels(page)
    message_field(bob).fill("Sent by the button")
    message_field(alice).click()
    assert bubbles(alice, "other", "Sent by the button").count() == 0
    bob.locator(".chat-foot button").click()
    bubbles(alice, "other", "Sent by the button").wait_for()
    assert bubbles(alice, "other", "Sent by the button").count() == 1


def test_panels_when_a_message_is_hostile(page):
    """Markup in a message is shown letter by letter; no element of it exists and no script of it runs."""
    alice, bob = panels(page)
    title = page.title()
    message_field(alice).fill(HOSTILE)
    message_field(alice).press("Enter")
    bubbles(bob, "other", HOSTILE).wait_for()
    assert page.locator(".chat-panel img, .chat-panel script").count() == 0
    assert page.title() == title


def test_panels_when_the_log_is_long(page):
    """The newest message is in view although the log is longer than the panel."""
    alice, bob = panels(page)
    for number in range(12):
        message_field(alice).fill(f"line {number}")
        message_field(alice).press("Enter")
        bubbles(bob, "other", f"line {number}").last.wait_for()
    log = bob.locator(".chat-body").first.bounding_box()
    last = bubbles(bob, "other", "line 11").last.bounding_box()
    assert log["y"] <= last["y"] and last["y"] + last["height"] <= log["y"] + log["height"]


def test_panels_when_the_frames_are_shown(page):
    """The frames view shows the JSON of both directions, and goes back to the log."""
    alice, _ = panels(page)
    message_field(alice).fill("In a frame")
    message_field(alice).press("Enter")
    bubbles(alice, "own", "In a frame").wait_for()
    toggle = alice.locator(".chat-head button").first
    toggle.click()
    alice.locator(".chat-frame.chat-sent code", has_text='"action": "sendMessage"').last.wait_for()
    assert alice.locator(".chat-frame.chat-received code").count() > 1
    page.screenshot(path=ARTEFACTS / "notebook-05-frames.png")
    toggle.click()
    bubbles(alice, "own", "In a frame").wait_for()


def test_panels_when_disconnected(page):
    """The plug disconnects: the dot says so, a line how to go on, the field is disabled; the plug connects again."""
    _, bob = panels(page)
    plug = plug_of(bob)
    plug.click()
    bob.locator(".chat-dot.chat-disconnected").wait_for()
    assert "Press the plug at the top of this panel" in bob.locator(".chat-notice").last.inner_text()
    assert message_field(bob).is_disabled()
    plug.click()
    bob.locator(".chat-dot.chat-connected").wait_for()
    assert message_field(bob).is_enabled()


def test_panels_when_the_theme_is_dark(page):
    """In JupyterLab's dark theme text stands out from its background."""
    page.get_by_role("menuitem", name="Settings", exact=True).click()
    page.locator(".lm-Menu-itemLabel", has_text=re.compile("^Theme$")).click()
    page.locator(".lm-Menu-itemLabel", has_text=re.compile("^JupyterLab Dark$")).click()
    page.locator("body[data-jp-theme-light='false']").wait_for(state="attached")
    page.locator(".jp-Splash, #jupyterlab-splash").wait_for(state="detached")  # it lies over everything for a moment
    panels(page)
    # The attribute changes before the theme's style sheet has come.
    eventually(lambda: page.evaluate(CONTRASTS), lambda found: bool(found) and min(found) >= 4.5, "contrasts over 4.5")
    page.screenshot(path=ARTEFACTS / "notebook-05-dark.png")


CONTRASTS = """() => {
    const light = colour => {  // rgb(255, 255, 255), or color(srgb 1 1 1) where two were mixed
        const whole = colour.startsWith('color(srgb ') ? 1 : 255;
        const [r, g, b] = colour.match(/[\\d.]+(e-\\d+)?/g).slice(0, 3)
            .map(part => part / whole).map(part => part <= .03928 ? part / 12.92 : ((part + .055) / 1.055) ** 2.4);
        return .2126 * r + .7152 * g + .0722 * b;
    };
    return [...document.querySelectorAll('.chat-panel :is(.chat-bubble, .chat-sender, .chat-time, .chat-state)')].map(text => {
        let ground = text;
        while (getComputedStyle(ground).backgroundColor === 'rgba(0, 0, 0, 0)') ground = ground.parentElement;
        const [a, b] = [light(getComputedStyle(text).color), light(getComputedStyle(ground).backgroundColor)].sort((x, y) => y - x);
        return (a + .05) / (b + .05);
    });
}"""

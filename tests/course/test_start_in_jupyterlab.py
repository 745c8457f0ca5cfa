"""A learner's first minutes: lesson 00 in JupyterLab and a real Chromium, from the first cell to the last."""

from __future__ import annotations

import pytest

from tests.course.jupyterlab import ARTEFACTS, chromium_path, jupyterlab
from tests.course.nbval_runs import NOTEBOOKS

START = next(path for path in NOTEBOOKS if path.name.startswith("00-"))
WITHIN_MS = 180_000
NOTHING_RUNS = (
    "() => ![...document.querySelectorAll('.jp-InputPrompt')].some(prompt => prompt.textContent.includes('*'))"
)


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """A browser page, tall enough for the whole notebook, all of whose cells have run."""
    executable = chromium_path()
    from playwright.sync_api import sync_playwright

    ARTEFACTS.mkdir(exist_ok=True)
    with jupyterlab(tmp_path_factory.mktemp("lab"), START) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1150, "height": 12_000})
        page.set_default_timeout(WITHIN_MS)
        try:
            page.goto(address.format(START.name))
            page.get_by_text("Python 3 (ipykernel) | Idle").wait_for()
            page.get_by_role("menuitem", name="Run", exact=True).click()
            page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
            page.locator(".chat-pair .chat-bubble", has_text="Loud and clear.").first.wait_for()
            page.get_by_text("Every panel is disconnected.").wait_for()
            page.wait_for_function(NOTHING_RUNS)
            yield page
        finally:
            page.screenshot(path=ARTEFACTS / "notebook-00-last.png")
            browser.close()


def test_browser_check_when_clicked(page):
    """The button of the pre-flight check is drawn, and its click changes the text beside it."""
    page.get_by_role("button", name="Click here").click()
    page.get_by_text("this browser shows widgets").wait_for()


def test_lesson_when_shown(page):
    """Every diagram is drawn, no cell shows an error, and each exercise says what is not yet right."""
    assert page.locator(".jp-RenderedMermaid svg, .jp-RenderedMermaid img").count() == 2
    assert page.locator("[data-mime-type='application/vnd.jupyter.error']").count() == 0
    assert page.locator(".jp-OutputArea-output", has_text="not yet: ").count() == 2

"""The site, built from the repository's own files and opened in a real browser, and the chat page: whole, linked, accessible."""

from __future__ import annotations

import os
import posixpath
import subprocess
import venv
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import nbformat
import pytest

from classroom.operations.notebooks import SOLUTIONS
from tests.course.jupyterlab import ARTEFACTS
from tests.course.nbval_runs import NOTEBOOKS, ROOT
from tests.course.page_browser import HTML, need_npm, served, violations
from tests.course.page_server import PageServer

pytestmark = pytest.mark.weekly
INSTALL_WITHIN_S, BUILD_WITHIN_S, DRAWN_WITHIN_MS = 600, 300, 60_000
SCREENS = {"desktop": {"width": 1280, "height": 900}, "phone": {"width": 390, "height": 844}}
LESSONS = [f"notebooks/{path.stem}.html" for path in NOTEBOOKS]
SLIDES = [name.replace("notebooks/", "slides/") for name in LESSONS]
SEEN = [
    "index.html",
    *LESSONS,
    *SLIDES,
    "notebooks/GLOSSARY.html",
    "docs/reference.html",
    "docs/differences.html",
    "INSTRUCTORS.html",
]


class Links(HTMLParser):
    """What a page links to, and the places in it that can be linked to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.places: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attributes}
        self.places.add(given.get("id", ""))
        self.links += [given[name] for name in ("href", "src") if name in given and tag != "base"]


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment with the packages of docs/requirements.txt."""
    need_npm("the site's Mermaid")
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=True)
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    install = [python, "-m", "pip", "install", "-q", "--no-deps", "-r", ROOT / "docs" / "requirements.txt"]
    subprocess.run(install, check=True, timeout=INSTALL_WITHIN_S)
    subprocess.run([python, "-m", "pip", "check"], check=True, timeout=INSTALL_WITHIN_S)
    return python


@pytest.fixture(scope="module")
def site(python: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the site; a warning while it is built fails here."""
    folder = tmp_path_factory.mktemp("site") / "site"
    environment = {name: value for name, value in os.environ.items() if name != "GITHUB_REPOSITORY"}
    built = subprocess.run(
        [python, "-m", "docs.site", folder],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=BUILD_WITHIN_S,
    )  # fmt: skip
    assert built.returncode == 0 and "WARNING" not in built.stderr, built.stderr
    return folder


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    with served(site) as address:
        yield address


@pytest.fixture(scope="module")
def axe(python: Path) -> str:
    """axe-core, the program that finds what keeps people out of a page."""
    where = [python, "-c", "import axe_playwright_python as package; print(package.__path__[0])"]
    return (Path(subprocess.check_output(where, text=True).strip()) / "axe.min.js").read_text("utf-8")


def test_links_when_the_site_is_built(site: Path) -> None:
    """Every link of every page leads to a page, or a place in one, that exists; there is a page for each lesson."""
    pages = {path.relative_to(site).as_posix(): Links(path.read_text("utf-8")) for path in site.rglob("*.html")}
    assert set(SEEN) <= pages.keys()
    broken = []
    for name, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or link.startswith("//"):
                continue
            target = (
                posixpath.normpath(posixpath.join(posixpath.dirname(name), unquote(parts.path))) if parts.path else name
            )
            there = (site / target).is_file()
            if not there or (
                parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].places
            ):
                broken.append((name, link))
    assert [found for found in broken if found[1] != "#"] == []


@pytest.mark.parametrize(("screen", "scheme"), [("desktop", "light"), ("phone", "dark")])
def test_pages_when_opened(address: str, axe: str, chromium: Any, screen: str, scheme: str) -> None:
    """On a desktop (light) and a phone (dark): axe finds nothing, nothing is asked of others, nothing sticks out."""
    context = chromium.new_context(viewport=SCREENS[screen], color_scheme=scheme)
    page = context.new_page()
    strange: list[str] = []
    page.on("request", lambda request: request.url.startswith((address, "data:")) or strange.append(request.url))
    page.on("response", lambda answer: answer.status < 400 or strange.append(f"{answer.status} {answer.url}"))
    page.on("pageerror", lambda error: strange.append(str(error)))
    for name in SEEN:
        page.goto(address + name)
        page.locator("html[data-diagrams=drawn]").wait_for(state="attached", timeout=DRAWN_WITHIN_MS)
        assert (name, strange) == (name, [])
        assert (name, violations(page, axe)) == (name, [])
        strange.clear()  # axe itself reads the style sheets once more, and looks for some of them in the wrong place.
        sticks_out = page.evaluate("document.documentElement.scrollWidth") - SCREENS[screen]["width"]
        assert (name, max(sticks_out, 1)) == (name, 1)  # The width of a fraction of a pixel is rounded up.
    ARTEFACTS.mkdir(exist_ok=True)
    page.goto(address + "index.html")
    page.screenshot(path=ARTEFACTS / f"site-{screen}-{scheme}.png")
    context.close()


def test_lesson_when_it_is_read(address: str, chromium: Any) -> None:
    """A lesson has its outputs, drawn diagrams, solutions that are folded until asked for, and errors that lead on."""
    page = chromium.new_page()
    page.goto(address + next(name for name in LESSONS if "/05-" in name))
    page.locator("pre.mermaid svg").first.wait_for()
    solution = page.locator("details.solution").first
    assert not solution.locator("pre").first.is_visible()
    solution.locator("summary").click()
    written = nbformat.read(
        SOLUTIONS / next(path.name for path in NOTEBOOKS if path.name.startswith("05-")), as_version=4
    )
    assert solution.locator("pre").first.inner_text().strip() == next(
        cell.source for cell in written.cells if cell.id == "exercise-5-1"
    )
    assert page.locator("figure img").first.evaluate("picture => picture.naturalWidth") > 100
    page.locator("a.error", has_text="GoneException").first.click()
    page.locator("h2", has_text="From the error to the lesson").wait_for()
    page.close()


def test_slides_when_a_teacher_turns_them(address: str, chromium: Any) -> None:
    """The arrow keys turn the slides one by one; a prediction shows its choices, and no slide a hint."""
    page = chromium.new_page(viewport=SCREENS["desktop"])
    page.goto(address + next(name for name in SLIDES if "/05-" in name))
    page.locator("html[data-diagrams=drawn]").wait_for(state="attached")
    assert page.locator("section").count() > 10 and "Hint" not in page.locator("main").inner_text()
    page.keyboard.press("ArrowRight")
    page.wait_for_function("document.activeElement === document.querySelectorAll('section')[1]")
    page.keyboard.press("ArrowLeft")
    page.wait_for_function("document.activeElement === document.querySelectorAll('section')[0]")
    page.close()


def test_search_when_somebody_looks_for_an_error(address: str, chromium: Any) -> None:
    """The search finds the lesson that explains GoneException."""
    page = chromium.new_page()
    page.goto(f"{address}search.html?q=GoneException")
    page.locator("#search-results li a", has_text="Broadcast").first.wait_for()
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("screen", SCREENS)
def test_chat_page_when_people_talk(axe: str, chromium: Any, screen: str, scheme: str) -> None:
    """The chat page as it opens, and with messages in it: axe finds nothing."""
    context = chromium.new_context(viewport=SCREENS[screen], color_scheme=scheme, bypass_csp=True)
    page = context.new_page()
    page.goto((HTML / "index.html").as_uri())
    assert violations(page, axe) == []
    with PageServer() as server:
        page.locator("#url").fill(server.url)
        page.locator("#name").fill("Ann")
        page.locator("#connect").click()
        page.locator("#status-text", has_text="Connected").wait_for()
        page.locator("#message").fill("Is this readable?")
        page.keyboard.press("Enter")
        page.locator("#log li .text").first.wait_for()
        assert violations(page, axe) == []
    context.close()

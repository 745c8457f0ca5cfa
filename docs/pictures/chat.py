"""Films the real thing: two panels in JupyterLab and the chat page beside them, as docs/pictures/chat.webp.

The README shows it. The site, which has no kernel, shows panel.webp and panels.webp,
taken at the end of the film, where a lesson has a live panel or two.

Run it from the repository's root, with what the tests need installed, and Pillow beside it:

    python -m docs.pictures.chat

It starts JupyterLab and localstage, types as three people would, and leaves nothing running.
"""

from __future__ import annotations

import io
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
from nbformat.v4 import new_code_cell, new_notebook
from PIL import Image
from playwright.sync_api import sync_playwright

from tests.course.jupyterlab import chromium_path, jupyterlab, open_and_run

PICTURE = Path(__file__).with_suffix(".webp")
WHOLE_SIZE = {"width": 1300, "height": 900}
NOTEBOOK_SIZE = {"width": 800, "height": 560}
PAGE_SIZE = {"width": 370, "height": 560}
QUICK_MS, READ_MS, END_MS = 180, 1400, 3200
WITHIN_MS = 120_000
CELLS = (
    "from classroom import side_by_side, start\nlesson = start(6)",
    'alice, bob = lesson.panels("alice", "bob")\nside_by_side(alice, bob)',
    'lesson.page_links("carla")',
)


@dataclass
class Film:
    """Two browser windows, photographed together again and again."""

    notebook: Any
    chat: Any
    frames: list[Image.Image] = field(default_factory=list)
    durations_ms: list[int] = field(default_factory=list)

    def take(self, duration_ms: int = QUICK_MS) -> None:
        shots = [Image.open(io.BytesIO(window.screenshot())).convert("RGB") for window in (self.notebook, self.chat)]
        frame = Image.new("RGB", (sum(shot.width for shot in shots) + 1, shots[0].height), "#c8ccd0")
        frame.paste(shots[0], (0, 0))
        frame.paste(shots[1], (shots[0].width + 1, 0))
        self.frames.append(frame)
        self.durations_ms.append(duration_ms)

    def type(self, field_of: Any, text: str, words_at_once: int = 2) -> None:
        """Type a text, a few words to a picture, and send it; the last picture shows it on all three screens."""
        words = text.split(" ")
        for end in range(words_at_once, len(words) + words_at_once, words_at_once):
            field_of.fill(" ".join(words[:end]))
            self.take()
        field_of.press("Enter")
        for panel in self.notebook.locator(".chat-panel").all():
            panel.locator(".chat-bubble", has_text=text).wait_for()
        self.chat.locator("#log li", has_text=text).wait_for()
        self.take(READ_MS)

    def save(self, path: Path) -> None:
        first, *others = self.frames
        first.save(
            path, save_all=True, append_images=others, duration=self.durations_ms, loop=0, quality=80, method=6,
            minimize_size=True,
        )  # fmt: skip


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        notebook = Path(folder) / "chat.ipynb"
        kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3 (ipykernel)"}}
        nbformat.write(new_notebook(cells=[new_code_cell(cell) for cell in CELLS], metadata=kernel), notebook)
        with jupyterlab(Path(folder) / "lab", notebook) as address, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium_path(), args=["--no-sandbox"])
            try:
                film = shoot(browser, address.format(notebook.name))
            finally:
                browser.close()
    film.save(PICTURE)
    print(f"{PICTURE}: {len(film.frames)} pictures, {PICTURE.stat().st_size // 1024} KB")


def shoot(browser: Any, address: str) -> Film:
    """What happens in the film."""
    lab = browser.new_context(viewport=WHOLE_SIZE).new_page()
    lab.set_default_timeout(WITHIN_MS)
    open_and_run(lab, address)
    link = lab.get_by_role("link", name="Open the chat page for carla")
    link.wait_for(state="attached")
    chat = browser.new_context(viewport=PAGE_SIZE).new_page()
    chat.set_default_timeout(WITHIN_MS)
    chat.goto(link.evaluate("link => link.href"))
    chat.locator("#connect").click()
    chat.locator("#status-text", has_text="Connected").wait_for()
    lab.keyboard.press("Control+b")
    lab.set_viewport_size(NOTEBOOK_SIZE)
    lab.locator(".chat-pair").scroll_into_view_if_needed()
    film = Film(lab, chat)
    film.take(READ_MS // 2)
    alice, bob = (panel.get_by_placeholder("Message") for panel in lab.locator(".chat-panel").all())
    film.type(alice, "Hi Bob. Is this really API Gateway?")
    film.type(bob, "It is localstage, on this laptop. The code is ours.")
    film.type(chat.locator("#message"), "And I am in a browser, no notebook here.")
    film.type(alice, "One frame in, three out. That is lesson 5.")
    film.durations_ms[-1] = END_MS
    for name, part in (("panels", ".chat-pair"), ("panel", ".chat-panel")):
        shot = Image.open(io.BytesIO(lab.locator(part).first.screenshot())).convert("RGB")
        shot.save(PICTURE.with_name(f"{name}.webp"), quality=80, method=6)
    return film


if __name__ == "__main__":
    main()

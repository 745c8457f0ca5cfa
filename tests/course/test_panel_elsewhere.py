"""The lessons' widgets outside JupyterLab: drawn by VS Code's own program for them, and a picture where there is none."""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from ipywidgets import VBox
from ipywidgets.embed import embed_data
from nbformat.v4 import new_code_cell, new_notebook, new_output

from classroom import Panel, side_by_side
from classroom.exercises.predictions import Prediction
from classroom.exercises.progress import Record
from classroom.my_chat.folder import Folder
from classroom.operations.preflight import BrowserCheck
from tests.course.jupyterlab import ARTEFACTS
from tests.course.page_browser import need_npm, served, violations

VIEW = "application/vnd.jupyter.widget-view+json"
PACKAGES = {
    "@vscode/jupyter-ipywidgets8@1.0.9": "dist/ipywidgets.js",
    "requirejs@2.3.8": "require.js",
    "axe-core@4.14.1": "axe.min.js",
}
"""What VS Code's Jupyter extension (microsoft/vscode-jupyter) has with it, and axe; each with the file that is needed."""
THEMES = {
    "light": {"--vscode-editor-foreground": "#3b3b3b", "--surface": "#f8f8f8", "--page": "#fff"},
    "dark": {"--vscode-editor-foreground": "#ccc", "--surface": "#313131", "--page": "#1f1f1f"},
}
"""The colors of VS Code's two default themes, as the extension hands them to widgets: one for every surface."""
PAGE = """<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><script src="require.js"></script>
<style>:root { %s } body { background: var(--page); }
#output { color: var(--vscode-editor-foreground);
  --jp-ui-font-color1: var(--vscode-editor-foreground); --jp-widgets-color: var(--vscode-editor-foreground);
  --jp-widgets-input-color: var(--vscode-editor-foreground); --jp-widgets-label-color: var(--vscode-editor-foreground);
  --jp-layout-color1: var(--surface); --jp-layout-color2: var(--surface);
  --jp-widgets-input-background-color: var(--surface); }</style>
<main id="output"></main>
<script type="module">
import { activate } from "./ipywidgets.js";
activate();
window.vscIPyWidgets8.load();
const saved = await (await fetch("state.json")).json();
const silent = { connect() {}, disconnect() {} };
const kernel = { statusChanged: silent, connectionStatusChanged: silent, iopubMessage: silent, registerCommTarget() {},
  removeCommTarget() {}, username: "", clientId: "", id: "" };
const asked = [];
const loader = { widgetsRegisteredInRequireJs: new Set(), successHandler() {}, errorHandler() {},
  async loadWidgetScript(name) { asked.push(name); } };
const widgets = { "application/vnd.jupyter.widget-state+json": { state: saved.state, version_major: 2, version_minor: 0 } };
const output = document.getElementById("output");
const manager = new window.vscIPyWidgets.WidgetManager(kernel, output, loader, () => {}, widgets);
await manager.restoreWidgets({ metadata: new Map([["widgets", widgets]]) }, { loadKernel: false, loadNotebook: true });
for (const id of Object.keys(saved.state)) (await manager.get_model(id)).comm_live = true;
const view = await manager.create_view(await manager.get_model(saved.model), {});
await manager.display_view({}, view, { node: output });
await document.fonts.ready;
document.body.dataset.asked = JSON.stringify(asked);
</script>"""


def two_panels() -> tuple[Panel, Panel]:
    """Alice's and Bob's screens, with messages of every kind in Bob's."""
    alice, bob = (Panel(name, write=lambda frame: frame) for name in ("alice", "bob"))
    alice.send("Is this readable?")
    for who in ("carla", "ben", "dana", "zoe"):  # Each has another color.
        bob.frame_received(json.dumps({"sender": who, "message": f"I am {who}"}))
    bob.frame_received(json.dumps({"message": "Forbidden", "connectionId": "Ab=", "requestId": "Cd="}))
    return alice, bob


def test_panel_when_a_saved_notebook_is_read(tmp_path: Path) -> None:
    """Where no kernel stands behind the notebook, as in nbconvert's page, there is a picture with both names."""
    shown = side_by_side(*two_panels())
    data = shown._repr_mimebundle_()
    assert VIEW in data
    notebook = new_notebook(cells=[new_code_cell("", outputs=[new_output("display_data", data)])])
    nbformat.write(notebook, tmp_path / "saved.ipynb")
    convert = [sys.executable, "-m", "nbconvert", "--to", "html", "--stdout", tmp_path / "saved.ipynb"]
    page = subprocess.run(convert, check=True, capture_output=True, text=True).stdout
    for name in ("alice", "bob"):
        assert f"<b>{name}</b>" in page
    assert page.count("A chat panel: alive in JupyterLab and VS Code") == 2 and "chat panel of" not in page


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with VS Code's program for widgets, what it needs, and axe."""
    need_npm("VS Code's program for widgets")
    folder = tmp_path_factory.mktemp("vscode")
    for package, file in PACKAGES.items():
        packed = subprocess.run(
            ["npm", "pack", "--silent", package], cwd=folder, check=True, capture_output=True, text=True
        )
        with tarfile.open(folder / packed.stdout.split()[-1]) as archive:
            content = archive.extractfile(f"package/{file}")
            assert content is not None
            (folder / Path(file).name).write_bytes(content.read())
    return folder


@pytest.fixture(scope="module")
def address(programs: Path) -> Iterator[str]:
    with served(programs) as address:
        yield address


@pytest.mark.weekly
@pytest.mark.parametrize("theme", THEMES)
def test_widgets_when_vs_code_draws_them(
    programs: Path, address: str, chromium: Any, theme: str, tmp_path: Path
) -> None:
    """VS Code's program draws panels, a prediction and a button, asks no CDN for more, and axe finds nothing."""
    question = Prediction("5.b", "How many rows?", ("None", "One", "Two"), Record(Folder(tmp_path)))
    shown = VBox([side_by_side(*two_panels())._row, question.widget, BrowserCheck().widget])
    state = embed_data(views=[shown])["manager_state"]["state"]
    (programs / "state.json").write_text(json.dumps({"state": state, "model": shown.model_id}), "utf-8")
    colors = " ".join(f"{name}: {color};" for name, color in THEMES[theme].items())
    (programs / "index.html").write_text(PAGE % colors, "utf-8")
    page = chromium.new_page(viewport={"width": 760, "height": 700})
    strange: list[str] = []
    page.on("request", lambda request: request.url.startswith((address, "data:")) or strange.append(request.url))
    page.on("pageerror", lambda error: strange.append(str(error)))
    page.goto(address)
    page.locator("body[data-asked]").wait_for()
    assert (page.evaluate("document.body.dataset.asked"), strange) == ("[]", [])
    assert page.locator(".chat-panel .chat-foot .fa-paper-plane").count() == 2
    assert page.evaluate("document.fonts.check('14px FontAwesome')")
    assert page.locator("input[type=radio]").count() == 3 and page.get_by_text("How many rows?").is_visible()
    page.get_by_role("button", name="Click here").wait_for()
    page.locator(".chat-refusal", has_text="Forbidden").wait_for()
    bubble, ground = page.evaluate(
        """[".chat-other .chat-bubble", ".chat-panel"].map(
            (which) => getComputedStyle(document.querySelector(which)).backgroundColor)"""
    )
    assert bubble != ground
    ARTEFACTS.mkdir(exist_ok=True)
    page.screenshot(path=ARTEFACTS / f"panel-vscode-{theme}.png")
    assert violations(page, (programs / "axe.min.js").read_text("utf-8"), "#output") == []
    page.close()

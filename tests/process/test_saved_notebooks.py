"""Notebooks as JupyterLab's server hands them out: with a kernel as they were saved, without one no widget alone."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import nbformat
import pytest
from jupyter_core.application import JupyterApp
from nbformat.v4 import new_code_cell, new_notebook, new_output

from classroom.operations.saved_notebooks import VIEW, SavedNotebooks

FORMS = {VIEW: {"model_id": "0a1b"}, "text/html": "<p>a picture</p>", "text/plain": "words"}


class Server(JupyterApp):
    """What the manager needs of a server: one notebook runs on it."""

    class session_manager:
        @staticmethod
        async def list_sessions() -> list[dict[str, Any]]:
            return [{"path": "lessons/running.ipynb"}]


@pytest.mark.parametrize(
    ("name", "shown", "alone"),
    [("running", {VIEW, "text/html", "text/plain"}, {VIEW}), ("ended", {"text/html", "text/plain"}, {VIEW})],
)
def test_notebook_when_it_is_opened(tmp_path: Path, name: str, shown: set[str], alone: set[str]):
    """The file stays as it is; only without a kernel the picture stands in the widget's place, where there is one."""
    outputs = [
        new_output("display_data", FORMS),
        new_output("stream", text="said"),
        new_output("display_data", {VIEW: {}}),
    ]
    (tmp_path / "lessons").mkdir()
    file = tmp_path / "lessons" / f"{name}.ipynb"
    nbformat.write(new_notebook(cells=[new_code_cell("1", outputs=outputs)]), file)
    manager = SavedNotebooks(root_dir=str(tmp_path), parent=Server())
    model = asyncio.run(manager.get(f"/lessons/{name}.ipynb"))
    first, _, last = model["content"]["cells"][0]["outputs"]
    assert (set(first["data"]), set(last["data"])) == (shown, alone)
    assert VIEW in json.loads(file.read_text())["cells"][0]["outputs"][0]["data"]
    assert asyncio.run(manager.get("lessons"))["type"] == "directory"

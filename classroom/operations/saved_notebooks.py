"""Notebooks as ``course.py lab`` opens them: where a panel's kernel has ended, the picture that was saved beside it.

A saved output names a widget by the id that it had in its kernel. JupyterLab prefers
that to the output's picture or words, and writes "Error displaying widget: model not
found" where there is no such kernel any more. So the name is left out as long as the
notebook has none; when a page is loaded again beside a running kernel it is there,
and the panel lives on.

Jupyter's server imports this file; it knows nothing of lessons, and no notebook knows of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from jupyter_server.services.contents.largefilemanager import AsyncLargeFileManager

VIEW = "application/vnd.jupyter.widget-view+json"


class SavedNotebooks(AsyncLargeFileManager):
    """Jupyter's own way to read and write files; in notebooks without a kernel no output is a widget alone."""

    async def get(self, path: str, content: bool = True, *words: Any, **named: Any) -> dict[str, Any]:
        """A file's model, as AsyncContentsManager.get gives it."""
        model = await super().get(path, content, *words, **named)
        if model["type"] == "notebook" and content and not await self._has_a_kernel(path):
            for forms in forms_of_outputs(model["content"]):
                if len(forms) > 1:
                    forms.pop(VIEW, None)
        return model

    async def _has_a_kernel(self, path: str) -> bool:
        assert self.parent is not None  # The server.
        sessions = await self.parent.session_manager.list_sessions()
        return any(session["path"] == path.strip("/") for session in sessions)


def forms_of_outputs(notebook: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The forms of each output of a notebook, by MIME type."""
    for cell in notebook["cells"]:
        for output in cell.get("outputs", ()):
            if "data" in output:
                yield output["data"]

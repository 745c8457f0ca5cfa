"""What to type in a terminal to be a client of the chat: two programs, each with its whole command.

Pure but for the widget. A program that is started in a terminal of JupyterLab reaches what JupyterLab itself
reaches; a localstage that belongs to one kernel is unknown there, so its settings come first.
"""

from __future__ import annotations

from html import escape
from typing import Any
from urllib.parse import urlsplit

import ipywidgets as widgets


def commands(url: str, *, localstage_url: str = "", alone: bool = False) -> list[str]:
    """The lines for the WebSocket address ``url``; ``localstage_url`` is where localstage listens, "" on AWS.

    ``alone`` says that localstage belongs to one kernel. wscat goes through a proxy only if it is told which.
    """
    first = [f'eval "$(localstage env --port {urlsplit(localstage_url).port})"'] if alone else []
    proxy = ' --proxy "$HTTPS_PROXY"' if localstage_url else ""
    return [*first, f"python -m websockets {url}", f"npx wscat{proxy} -c {url}"]


class TerminalCommands:
    """The commands as text to be copied: make it the last expression of a cell. Nothing of it is saved."""

    def __init__(self, lines: list[str]):
        self.lines = lines

    def __repr__(self) -> str:
        return "<what to type in a terminal>"

    def _repr_mimebundle_(self, **kwargs: Any) -> dict:
        shown = widgets.HTML(f'<pre style="white-space:pre-wrap">{escape(chr(10).join(self.lines))}</pre>')
        return {**shown._repr_mimebundle_(**kwargs), "text/plain": repr(self)}

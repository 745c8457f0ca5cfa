"""The chat page's address for a learner's own browser, and links to it that stay the same in a saved notebook.

A browser does not go through localstage's proxy as this kernel's programs do, so
it cannot open ``wss://…amazonaws.com`` there: localstage serves the page itself,
and the page connects to where it came from. Behind a JupyterHub or Binder both
go through jupyter-server-proxy. Knows no widgets but the links', and imports them
when one is shown: commands, too, ask here for addresses, and show none.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

HTML = Path(__file__).resolve().parent.parent / "html"
"""The folder of the page's files."""
_HUB = "JUPYTERHUB_SERVICE_PREFIX"
_LINK = "color:var(--jp-content-link-color,#1657c4);text-decoration:underline"


def on_a_hub(environ: Mapping[str, str]) -> bool:
    """Whether this kernel runs under a JupyterHub (Binder is one), away from its learner's browser."""
    return bool(environ.get(_HUB))


def page_address(environ: Mapping[str, str], api_id: str, stage_name: str, url: str, name: str = "") -> str:
    """Where a browser opens the page for an API's stage, filled in for ``name``.

    ``url`` is the stage's ``wss://`` address, for a page that is opened as a
    file because there is no localstage. Under a hub the address is a path, to
    be opened from a page of the same hub.
    """
    person = {"name": name} if name else {}
    pages, stage = environ.get("LOCALSTAGE_PAGES_URL", ""), environ.get("LOCALSTAGE_URL", "")
    if pages:
        query = urlencode({"api": api_id, "stage": stage_name, **person})
        return f"{_as_the_browser_reaches(pages, environ)}index.html?{query}"
    if stage:
        url = f"{stage.replace('http', 'ws', 1)}/{api_id}/{stage_name}"
    return f"{(HTML / 'index.html').as_uri()}?{urlencode({'url': url, **person})}"


def own_page_address(
    environ: Mapping[str, str], folder: Path, api_id: str, stage_name: str, url: str, name: str
) -> str:
    """The same for the learner's own ``page.html`` in ``folder``, which takes the chat's address from its link as it is.

    Where localstage serves the page that address is a path: a browser completes
    it from the place of the page (MDN: the parameter url of WebSocket()).
    """
    pages, stage = environ.get("LOCALSTAGE_PAGES_URL", ""), environ.get("LOCALSTAGE_URL", "")
    if pages:
        at = _as_the_browser_reaches(pages, environ)
        chat = (
            f"{at.removesuffix('/_localstage/pages/')}/{api_id}/{stage_name}"
            if on_a_hub(environ)
            else f"/{api_id}/{stage_name}"
        )
        return f"{at}{folder.name}/page.html?{urlencode({'url': chat, 'name': name}, safe='/')}"
    if stage:
        url = f"{stage.replace('http', 'ws', 1)}/{api_id}/{stage_name}"
    return f"{(folder / 'page.html').absolute().as_uri()}?{urlencode({'url': url, 'name': name})}"


def _as_the_browser_reaches(address: str, environ: Mapping[str, str]) -> str:
    """A loopback address of this machine; under a hub its path through jupyter-server-proxy."""
    if not on_a_hub(environ):
        return address
    parts = urlsplit(address)
    return f"{environ[_HUB].rstrip('/')}/proxy/{parts.port}{parts.path}"


class ToCopy:
    """A text for a person to copy, such as a token. The cell shows it and the saved notebook does not keep it."""

    def __init__(self, what: str, text: str):
        self._what, self._text = what, text

    def __repr__(self) -> str:
        return f"<{self._what}, to be copied>"

    def _repr_mimebundle_(self, **kwargs: Any) -> dict:
        import ipywidgets as widgets

        field = widgets.Text(value=self._text, description=self._what, style={"description_width": "initial"})
        field.layout.width = "95%"  # with the margins of a cell's output the whole of it is visible
        return {**field._repr_mimebundle_(**kwargs), "text/plain": repr(self)}


class PageLinks:
    """Links to the page, one for each person, to be opened in windows of a browser: the last expression of a cell."""

    def __init__(self, addresses: Mapping[str, str], which: str = "the chat page", missing: str = ""):
        """``which`` page it is, in words; ``missing`` says why there is nothing to open yet."""
        self._addresses, self._which, self._missing = dict(addresses), which, missing

    def __repr__(self) -> str:
        return f"<links to {self._which} for {', '.join(self._addresses)}>"

    def _repr_mimebundle_(self, **kwargs: Any) -> dict:
        import ipywidgets as widgets

        return {**widgets.HTML(self._html())._repr_mimebundle_(**kwargs), "text/plain": repr(self)}

    def _html(self) -> str:
        if self._missing:
            return f"<div>{escape(self._missing)}</div>"
        lines = [self._line(escape(name), escape(address)) for name, address in self._addresses.items()]
        if any(address.startswith("file:") for address in self._addresses.values()):
            lines.append(
                "A notebook cannot open a file for you. Localstage serves the page, and these lines become links, when "
                "it is started with <code>--pages html --more-pages my_chat</code>. For a chat on AWS put the page's "
                "folder on any web server, and everything from the question mark on behind its address."
            )
        return f'<div style="line-height:2">{"<br>".join(lines)}</div>'

    def _line(self, name: str, address: str) -> str:
        if address.startswith("file:"):  # which a browser does not follow from a notebook
            return f"Open this in a new browser window, for {name}: <code>{address}</code>"
        link = f'<a href="{address}" target="_blank" rel="noopener" style="{_LINK}">'
        return f"{link}Open {self._which} for {name}</a>"

"""Static files of one folder or two, for a browser on this machine: ``/_localstage/pages/…``.

GET and HEAD only, never a listing, never a file outside the folder or one whose
name begins with a dot. Nothing is kept by a browser, so that an edited file
shows at the next reload.

The pages share their origin with the AWS calls of this port. That gives them
nothing: those calls need a signature, and no page is told a key. WebSockets
need none here, as on AWS. The port refuses foreign Host headers before it
comes here, so that no other page can read these by DNS rebinding.

Does not know what the pages are for.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote

from localstage.port import web

PAGES_PATH = "/_localstage/pages/"
_INDEX = "index.html"
_TEXT = {
    ".html": "text/html",
    ".htm": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".json": "application/json",
    ".map": "application/json",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
    ".md": "text/markdown",
}
_BINARY = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
    ".webp": "image/webp",
    ".ico": "image/x-icon",
    ".woff2": "font/woff2",
    ".wasm": "application/wasm",
    ".pdf": "application/pdf",
}
_HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "frame-ancestors 'self'",
}


class Pages:
    """Answers for one folder; None serves nothing and says so.

    ``more`` is a second folder, which appears in the first under its own name
    and may be made later. Of it only pages are served, since notes and programs
    may lie beside them.
    """

    def __init__(self, folder: Path | None, more: Path | None = None):
        self._folder = folder.resolve() if folder else None
        self._more = more.resolve() if more else None

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """The file, or 404 or 405 in one sentence."""
        if self._folder is None:
            return _refused(404, "localstage serves no pages; start it with --pages FOLDER.")
        if request.method not in ("GET", "HEAD"):
            return _refused(405, f"Pages are read with GET or HEAD, not {request.method}.", Allow="GET, HEAD")
        path = request.raw_path.partition("?")[0]
        found = self._find(path.removeprefix(PAGES_PATH))
        if found is None:
            return _refused(404, f"There is no page {path}.")
        return file_answer(found, _HEADERS)

    def _find(self, path: str) -> Path | None:
        assert self._folder is not None
        first, _, rest = path.partition("/")
        if self._more is None or first != self._more.name:
            return file_below(self._folder, path)
        found = file_below(self._more, rest)
        return found if found and found.suffix in (".html", ".css", ".js") else None


def file_below(folder: Path, path: str) -> Path | None:
    """The file that a URL's path, percent-encoded, names below ``folder``; None if it names no such file.

    An empty path and one that ends with a slash name the ``index.html`` there.
    Symbolic links are followed, but not out of the folder.
    """
    parts = [unquote(part) for part in path.split("/")]
    if not parts[-1]:
        parts[-1] = _INDEX
    if any(part.startswith(".") or not part or set(part) & set("/\\:\0") for part in parts):
        return None
    try:
        found = folder.joinpath(*parts).resolve(strict=True)
    except (OSError, ValueError):
        return None
    return found if found.is_file() and found.is_relative_to(folder) else None


def file_answer(file: Path, headers: Mapping[str, str]) -> web.StreamResponse:
    """The answer that is this file."""
    from aiohttp.web_fileresponse import FileResponse  # Half a megabyte that a start without a browser does not need.

    return FileResponse(file, headers={**headers, "Content-Type": _content_type(file)})


def _content_type(file: Path) -> str:
    """What a browser is told of a file. Not asked of the system: on some a ``.js`` is text/plain."""
    suffix = file.suffix.lower()
    if suffix in _TEXT:
        return f"{_TEXT[suffix]}; charset=utf-8"
    return _BINARY.get(suffix, "application/octet-stream")


def _refused(status: int, sentence: str, **headers: str) -> web.Response:
    return web.Response(status=status, text=f"{sentence}\n", headers={**_HEADERS, **headers})

"""moto's server application, called one request at a time on the account thread.

moto's backends are not written for threads, so one thread owns them. This
shell turns an HTTP request into a WSGI call and back; it knows no service.
"""

from __future__ import annotations

import asyncio
import io
import logging
import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar
from urllib.parse import parse_qs, unquote_to_bytes

from aiohttp import web

from localstage.door.unserved import answer_to_failure, answer_to_unknown_path

T = TypeVar("T")
Environ = dict[str, Any]
Wire = tuple[int, list[tuple[str, str]], bytes]
"""A WSGI request; status, headers and body of an answer."""

log = logging.getLogger(__name__)

_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "date", "server"}


class AccountThread:
    """The one thread on which moto runs."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="account")

    async def run(self, work: Callable[[], T]) -> T:
        """Runs ``work`` after what was asked before, and returns its result."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, work)

    def stop(self) -> None:
        """Drops what waits and ends the thread."""
        self._executor.shutdown(wait=True, cancel_futures=True)


class MotoServer:
    """The AWS APIs that moto serves. ``load`` must have run before the first ``answer``."""

    def __init__(
        self, thread: AccountThread, around: Callable[[Environ, Callable[[Environ], Wire]], Wire] | None = None
    ):
        """``around`` stands around each call, on the account thread, and is given what answers it."""
        self._thread = thread
        self._around = around
        self._application: Any = None

    async def load(self, extensions: Callable[[], None]) -> None:
        """Imports moto (about a second) and registers our extensions of it."""
        await self._thread.run(lambda: self._load(extensions))

    def _load(self, extensions: Callable[[], None]) -> None:
        # AWS has its managed policies in every account; moto loads them only on request.
        os.environ.setdefault("MOTO_IAM_LOAD_MANAGED_POLICIES", "true")
        # No web page may read an answer: AWS's APIs name no other origin either.
        os.environ["MOTO_DISABLE_GLOBAL_CORS"] = "true"
        # jsonschema's optional IRI format builds a grammar at import, for a second;
        # nothing here checks IRIs, so for this process the module is not there.
        sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
        from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        extensions()
        self._application = DomainDispatcherApplication(create_backend_app)

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answers one AWS API call."""
        body = await read_body(request)
        environ = _wsgi_environ(request, body)
        around = self._around
        status, headers, payload = await self._thread.run(
            (lambda: self._call(environ)) if around is None else lambda: around(environ, self._call)
        )
        response = web.Response(status=status, body=payload)
        response.headers.popall("Content-Type", None)
        for name, value in headers:
            if name.lower() not in _HOP_BY_HOP:
                response.headers.add(name, value)
        if request.method == "HEAD":
            length = next((value for name, value in headers if name.lower() == "content-length"), "0")
            response.headers["Content-Length"] = length
        return response

    def _call(self, environ: Environ) -> Wire:
        started: list[Any] = []

        def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> None:
            started[:] = [int(status.split(" ", 1)[0]), headers]

        try:
            chunks = self._application(environ, start_response)
            try:
                payload = b"".join(chunks)
            finally:
                if hasattr(chunks, "close"):
                    chunks.close()
        except Exception as error:  # A call that moto cannot serve must not take others with it.
            if not isinstance(error, NotImplementedError):
                log.exception("%s %s failed", environ["REQUEST_METHOD"], environ["PATH_INFO"])
            return answer_to_failure(error, environ)
        if started[0] == 404 and payload.startswith(b"<!doctype html>"):  # No path of moto's.
            return answer_to_unknown_path(environ)
        return started[0], started[1], payload


_TOLD = "told to continue"


async def read_body(request: web.BaseRequest) -> bytes:
    """The request's body; a client that waits for ``100 Continue`` is told to go on, once."""
    waits = request.headers.get("Expect", "").lower() == "100-continue" and _TOLD not in request
    if waits and request.transport is not None:
        request[_TOLD] = True
        request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    return await request.read()


def _wsgi_environ(request: web.BaseRequest, body: bytes) -> Environ:
    path, _, query = request.raw_path.partition("?")
    secured = request.transport is not None and request.transport.get_extra_info("sslcontext") is not None
    host = request.headers.get("Host", "127.0.0.1")
    name, _, port = host.partition(":")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
        "QUERY_STRING": query,
        "REQUEST_URI": request.raw_path,
        "RAW_URI": request.raw_path,
        "SERVER_NAME": name,
        "SERVER_PORT": port or ("443" if secured else "80"),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": request.remote or "127.0.0.1",
        "CONTENT_LENGTH": str(len(body)),
        "CONTENT_TYPE": request.headers.get("Content-Type", ""),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "https" if secured else "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": _Complaints(),
        "wsgi.input_terminated": True,
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for header, value in request.headers.items():
        key = "HTTP_" + header.upper().replace("-", "_")
        if key not in ("HTTP_CONTENT_TYPE", "HTTP_CONTENT_LENGTH", "HTTP_TRANSFER_ENCODING"):
            environ[key] = f"{environ[key]},{value}" if key in environ else value
    credential = parse_qs(query).get("X-Amz-Credential")
    if credential and "HTTP_AUTHORIZATION" not in environ:
        # moto guesses the service of a pre-signed call; permissions were asked for the one it is signed for.
        environ["HTTP_AUTHORIZATION"] = f"AWS4-HMAC-SHA256 Credential={credential[0]}, SignedHeaders=host, Signature=0"
    return environ


class _Complaints(io.TextIOBase):
    """Where WSGI applications write errors: the stage's log."""

    def write(self, text: str) -> int:
        if text.strip():
            log.error("%s", text.rstrip())
        return len(text)

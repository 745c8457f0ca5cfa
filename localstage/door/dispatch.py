"""How moto is given a call, and which of its backends and operations that is: as moto itself would say.

Off the event loop.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from functools import cache, lru_cache
from typing import Any
from urllib.parse import unquote_to_bytes

from localstage.door.signatures.request import SignableRequest

_backends: dict[tuple[str, str, str], str] = {}
"""The backends of calls to "/", by all that moto chooses them by then: credential, target, host."""
_KEPT_BACKENDS = 1024


def backend_of(raw_path: str, headers: Mapping[str, str], new_environ: Callable[[], dict[str, Any]]) -> str:
    """moto's package that answers a request, such as ``awslambda``; "" where moto cannot tell."""
    credential = headers.get("authorization", "").partition(",")[0]
    if raw_path != "/" or not credential:
        return _dispatched_to(new_environ())
    key = (credential, headers.get("x-amz-target", ""), headers.get("host", ""))
    found = _backends.get(key)
    if found is None:
        if len(_backends) >= _KEPT_BACKENDS:
            _backends.clear()
        found = _backends[key] = _dispatched_to(new_environ())
    return found


def match(service: str, request: Any) -> tuple[Any, Mapping[str, Any]]:
    """moto's model of the operation that a request means, or None, and what its path names."""
    from moto.core.routing import get_service_router
    from werkzeug.exceptions import HTTPException

    try:
        return get_service_router(service).match(request)
    except (HTTPException, NotImplementedError):  # Nothing has this path; moto routes no such protocol.
        return None, {}


def environ_of(
    request: SignableRequest, sent: Iterable[tuple[str, str]], source_ip: str | None, secure: bool
) -> dict[str, Any]:
    """What WSGI's servers make of a request (PEP 3333), without its body, and S3's metadata names as moto keeps them.

    werkzeug's own builder takes a tenth of a scan's time (a test compares the two).
    """
    from moto.core.request import PRESERVED_HEADER_NAMES_ENVIRON_KEY, should_preserve_original_header_name

    host = request.headers.get("host", "127.0.0.1")
    name, _, port = host.partition(":")
    target = f"{request.raw_path}?{request.raw_query}" if request.raw_query else request.raw_path
    kept: dict[str, str] = {}
    environ: dict[str, Any] = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(request.raw_path).decode("latin-1"),
        "QUERY_STRING": request.raw_query,
        "REQUEST_URI": target,
        "RAW_URI": target,
        "SERVER_NAME": name,
        "SERVER_PORT": port if port.isdigit() else "443" if secure else "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": source_ip or "127.0.0.1",
        "CONTENT_LENGTH": str(len(request.body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "https" if secure else "http",
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "wsgi.input_terminated": True,
        PRESERVED_HEADER_NAMES_ENVIRON_KEY: kept,
    }
    for header, value in sent:
        key = _environ_name(header)
        if key in ("CONTENT_LENGTH", "HTTP_TRANSFER_ENCODING"):  # The body is here, and whole.
            continue
        if key != "CONTENT_TYPE":
            environ[key] = f"{environ[key]}, {value}" if key in environ else value
        else:
            environ.setdefault(key, value)
        if should_preserve_original_header_name(header):
            kept[key] = header
    environ.setdefault("HTTP_HOST", host)
    return environ


@lru_cache(maxsize=256)
def _environ_name(header: str) -> str:
    name = header.upper().replace("-", "_")
    return name if name in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{name}"


def _dispatched_to(environ: dict[str, Any]) -> str:
    try:
        return str(_dispatcher().get_application(environ) or "")
    except Exception:  # moto takes headers for given that a call may lack.
        return ""


@cache
def _dispatcher() -> Any:
    """moto's choice of the service that answers, made to give the service's name instead of an application.

    Its search of 200 patterns for a host takes longer than all other reading, so it is done once for each host.
    """
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication

    dispatcher: Any = DomainDispatcherApplication(lambda backend: backend)
    dispatcher.get_backend_for_host = lru_cache(maxsize=1024)(dispatcher.get_backend_for_host)
    return dispatcher

"""A Runtime API client in pure Python, for systems where awslambdaric has no native one.

Runs inside the execution environment, so it imports the standard library
only. It has the four calls of awslambdaric's ``runtime_client`` module, with
its arguments and results (awslambdaric 4.2.2, lambda_runtime_client.py).
"""

from __future__ import annotations

import http.client
import types
from collections.abc import Mapping

_RESPONSE_HEADERS = (
    "Lambda-Runtime-Aws-Request-Id",
    "Lambda-Runtime-Trace-Id",
    "Lambda-Runtime-Invoked-Function-Arn",
    "Lambda-Runtime-Deadline-Ms",
    "Lambda-Runtime-Client-Context",
    "Content-Type",
    "Lambda-Runtime-Cognito-Identity",
    "Lambda-Runtime-Aws-Tenant-Id",
    "Lambda-Runtime-Invocation-Id",
)


def split_address(address: str) -> tuple[str, str]:
    """``host:port/path`` as ("host:port", "/path"); the path may be empty."""
    host, slash, path = address.partition("/")
    return host, slash + path


class PythonRuntimeClient:
    """Speaks with the Runtime API at ``address`` ("host:port/path") over one kept connection."""

    def __init__(self, address: str) -> None:
        host, path = split_address(address)
        self._connection = http.client.HTTPConnection(host)
        self._base = f"{path}/2018-06-01/runtime/invocation/"
        self._user_agent = ""

    def as_module(self) -> types.ModuleType:
        """What to put into ``sys.modules["runtime_client"]`` before awslambdaric is imported."""
        module = types.ModuleType("runtime_client", __doc__)
        for name in ("initialize_client", "next", "post_invocation_result", "post_error"):
            setattr(module, name, getattr(self, name))
        return module

    def initialize_client(self, user_agent: str) -> None:
        self._user_agent = user_agent

    def next(self) -> tuple[bytes, dict[str, str | int | None]]:
        """The next event and its headers; blocks until there is one. Raises RuntimeError."""
        response, body = self._exchange("GET", "next", None, {}, "Failed to get next")
        headers: dict[str, str | int | None] = {name: response.headers.get(name) for name in _RESPONSE_HEADERS}
        headers["Lambda-Runtime-Deadline-Ms"] = int(response.headers["Lambda-Runtime-Deadline-Ms"])
        return body, headers

    def post_invocation_result(
        self, invoke_id: str, result: bytes, content_type: str, invocation_id: str | None = None
    ) -> None:
        """Posts the handler's result. Raises RuntimeError."""
        headers = {"Content-Type": content_type, **_invocation(invocation_id)}
        self._exchange("POST", f"{invoke_id}/response", result, headers, "Failed to post invocation response")

    def post_error(self, invoke_id: str, error: str, xray_fault: str, invocation_id: str | None = None) -> None:
        """Posts an error payload. The X-Ray cause is for X-Ray only and is not sent. Raises RuntimeError."""
        headers = {"Content-Type": "application/json", **_invocation(invocation_id)}
        self._exchange("POST", f"{invoke_id}/error", error.encode(), headers, "Failed to post invocation error")

    def _exchange(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str], failure: str
    ) -> tuple[http.client.HTTPResponse, bytes]:
        full = {"User-Agent": self._user_agent, **headers, **(_memory() if body is not None else {})}
        try:
            response, answer = self._request(method, path, body, full)
        except OSError as error:
            raise RuntimeError(failure) from error
        if not 200 <= response.status < 300:
            raise RuntimeError(failure)
        return response, answer

    def _request(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
    ) -> tuple[http.client.HTTPResponse, bytes]:
        kept = self._connection.sock is not None
        try:
            self._connection.request(method, self._base + path, body, headers)
            response = self._connection.getresponse()
        except (ConnectionError, http.client.BadStatusLine):
            self._connection.close()
            if not kept:
                raise
            # The server may close a connection that rested; a new one is tried once.
            self._connection.request(method, self._base + path, body, headers)
            response = self._connection.getresponse()
        return response, response.read()


def _invocation(invocation_id: str | None) -> dict[str, str]:
    return {"Lambda-Runtime-Invocation-Id": invocation_id} if invocation_id else {}


def _memory() -> dict[str, str]:
    """The peak memory of this process, where the system tells (not on Windows)."""
    try:
        import resource
    except ImportError:
        return {}
    import sys

    unit = 1024 * 1024 if sys.platform == "darwin" else 1024
    return {"Localstage-Max-Memory-Mb": str(-(-resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // unit))}

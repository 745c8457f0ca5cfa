"""What a Lambda proxy integration returned, read as API Gateway reads it.

AWS: FIDELITY sections 2, 3 and 7. A result that is not of the proxy form is
malformed: 502 at ``$connect``, the "Internal server error" frame on a message.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from localstage.core.strict_json import read_json

_KEYS = {"statusCode", "headers", "multiValueHeaders", "body", "isBase64Encoded"}


class MalformedProxyResult(Exception):
    """The function returned something else than ``{"statusCode": int, …}``."""


@dataclass(frozen=True)
class ProxyResult:
    """A well-formed result. ``body`` is None where the function gave none."""

    status_code: int
    body: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def header(self, name: str) -> str | None:
        """A header's value; names compare without case."""
        for key, value in self.headers.items():
            if key.lower() == name.lower():
                return value
        return None


def read_proxy_result(payload: bytes) -> ProxyResult:
    """Reads a function's result. Raises MalformedProxyResult."""
    try:
        result = read_json(payload)
    except ValueError as error:
        raise MalformedProxyResult(f"the result is not JSON: {error}") from error
    if not isinstance(result, dict):
        raise MalformedProxyResult(f"the result is {type(result).__name__}, not an object with a statusCode")
    unknown = sorted(set(result) - _KEYS)
    if unknown:
        raise MalformedProxyResult(f"the result has keys that a proxy result cannot have: {', '.join(unknown)}")
    status = _status_code(result.get("statusCode"))
    return ProxyResult(status, _body(result), _headers(result))


def _status_code(value: Any) -> int:
    if isinstance(value, str) and value.isdigit():  # Guess: as REST APIs do.
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 100 <= value <= 599:
        raise MalformedProxyResult("statusCode is missing or not an HTTP status")
    return value


def _body(result: Mapping[str, Any]) -> str | None:
    body = result.get("body")
    if body is None:
        return None
    if not isinstance(body, str):
        raise MalformedProxyResult("body is not a string")
    if not result.get("isBase64Encoded"):
        return body
    try:
        return base64.b64decode(body, validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise MalformedProxyResult("body is not base64 of UTF-8 text") from error


def _headers(result: Mapping[str, Any]) -> dict[str, str]:
    single = result.get("headers") or {}
    multiple = result.get("multiValueHeaders") or {}
    if not isinstance(single, dict) or not isinstance(multiple, dict):
        raise MalformedProxyResult("headers is not an object")
    joined = {name: ", ".join(map(str, values)) for name, values in multiple.items() if isinstance(values, list)}
    return {name: str(value) for name, value in {**joined, **single}.items()}

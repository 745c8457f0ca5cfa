"""What an integration's URI names, and what its answer means.

AWS: FIDELITY sections 2, 3 and 7. A URI names a function (in the
``arn:aws:apigateway:…:lambda:path/…`` form or by its bare ARN) or an HTTP
endpoint. A result that is not of the proxy form is malformed: 502 at
``$connect``, the "Internal server error" frame on a message.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from localstage.core.snapshot import IntegrationResponse
from localstage.core.strict_json import read_json

_RESULT_KEYS = {"statusCode", "headers", "multiValueHeaders", "body", "isBase64Encoded"}
_LAMBDA_PATH = re.compile(r"^arn:[^:]+:apigateway:[^:]+:lambda:path/\d{4}-\d{2}-\d{2}/functions/(.+)/invocations$")
_FUNCTION_ARN = re.compile(r"^arn:[^:]+:lambda:[^:]*:\d*:function:[^:]+(:[^:]+)?$")
_STAGE_VARIABLE = re.compile(r"\$\{stageVariables\.([A-Za-z0-9_]+)\}")


def fill_stage_variables(text: str, stage_variables: Mapping[str, str]) -> str:
    """The text with each ``${stageVariables.x}`` replaced; an unknown variable becomes ""."""
    return _STAGE_VARIABLE.sub(lambda match: stage_variables.get(match.group(1), ""), text)


def function_arn_of(integration_uri: str, stage_variables: Mapping[str, str] | None = None) -> str | None:
    """The (perhaps qualified) ARN of the function that the URI names, or None if it names none."""
    uri = fill_stage_variables(integration_uri, stage_variables or {})
    path = _LAMBDA_PATH.match(uri)
    arn = path.group(1) if path else uri
    return arn if _FUNCTION_ARN.match(arn) else None


def refusal_of_endpoint(url: str, allow_host: str) -> str | None:
    """Why localstage does not call an HTTP endpoint, in one sentence; None if it does.

    It calls this machine, and ``allow_host`` if that is not empty.
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return f"{url} is not a URL."
    if parts.scheme in ("http", "https") and (_is_this_machine(host) or (host and host == allow_host.lower())):
        return None
    return f"localstage calls HTTP endpoints of this machine only, not {url}; --allow-host {host or 'NAME'} allows it."


def _is_this_machine(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


class MalformedProxyResult(Exception):
    """The function returned something else than ``{"statusCode": int, …}`` or a part of it."""


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
    unknown = sorted(set(result) - _RESULT_KEYS)
    if unknown:
        raise MalformedProxyResult(f"the result has keys that a proxy result cannot have: {', '.join(unknown)}")
    status = _status_code(result.get("statusCode", 200))  # Guess (Proxy result): a missing one is 200.
    return ProxyResult(status, _body(result), _headers(result))


def _status_code(value: Any) -> int:
    if isinstance(value, str) and value.isdigit():  # Guess (Proxy result): as REST APIs do.
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 100 <= value <= 599:
        raise MalformedProxyResult("statusCode is not an HTTP status")
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


def integration_response_for(status: int, responses: Iterable[IntegrationResponse]) -> IntegrationResponse | None:
    """The integration response of a non-proxy integration that fits the status it answered.

    The one whose pattern, such as ``/2\\d\\d/``, matches the whole status, else ``$default``, else None.
    """
    default = None
    for response in responses:
        key = response.integration_response_key
        if key == "$default":
            default = response
        elif _matches(key, str(status)):
            return response
    return default


def _matches(key: str, status: str) -> bool:
    try:
        return re.fullmatch(key.removeprefix("/").removesuffix("/"), status) is not None
    except re.error:
        return False

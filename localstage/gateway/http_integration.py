"""HTTP and HTTP_PROXY integrations: the message goes to an HTTP endpoint of this machine.

AWS: FIDELITY section 7. Only loopback addresses are called, and the one host that
``--allow-host`` names: localstage makes no other calls into the network on a
message's behalf, and follows no redirect, which could lead there: like API
Gateway, it hands the redirect on as the result.
Does not know routes or frames.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Mapping
from functools import cache
from typing import Any

import aiohttp

from localstage.core.integrations import ProxyResult, fill_stage_variables, refusal_of_endpoint
from localstage.core.snapshot import Integration, ServedStage

_HEADER = re.compile(r"^integration\.request\.header\.(.+)$")
_QUERY = re.compile(r"^integration\.request\.querystring\.(.+)$")


class HttpUnreachable(Exception):
    """The endpoint is one that localstage does not call, or does not answer."""


async def call_http(
    integration: Integration, stage: ServedStage, event: Mapping[str, Any], allow_host: str = ""
) -> ProxyResult:
    """Sends the event's body to the integration's endpoint; its status and text are the result.

    ``allow_host`` is the one host that may be called although it is not this machine.
    What is not text in the answer becomes U+FFFD. Guess (`HTTP` and `HTTP_PROXY`): as for PostToConnection.
    Raises HttpUnreachable.
    """
    url = fill_stage_variables(integration.integration_uri or "", stage.stage_variables)
    refusal = refusal_of_endpoint(url, allow_host)
    if refusal is not None:
        raise HttpUnreachable(refusal)
    method = integration.integration_method or "POST"
    headers, query = _mapped(integration.request_parameters, event)
    # Guess (`HTTP` integration): ANY stands for POST where the message itself names no method.
    request = {
        "method": "POST" if method == "ANY" else method,
        "headers": headers,
        "params": query,
        "data": event.get("body", "").encode("utf-8"),
        "allow_redirects": False,
    }
    try:
        connector = aiohttp.TCPConnector(ssl=_public_roots())
        async with aiohttp.ClientSession(connector=connector) as session, session.request(url=url, **request) as answer:
            return ProxyResult(answer.status, await answer.text(errors="replace"))
    except aiohttp.ClientError as error:
        raise HttpUnreachable(f"{url} does not answer: {error}") from error


@cache
def _public_roots() -> ssl.SSLContext:
    """What an https endpoint is verified by: aiohttp's own was made without them (commands/process.py)."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(("http/1.1",))
    return context


def _mapped(parameters: Mapping[str, str], event: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, str]]:
    """The headers and query values that the integration's request parameters map from the event."""
    headers: dict[str, str] = {}
    query: dict[str, str] = {}
    for target, source in parameters.items():
        value = _source_value(source, event)
        for pattern, into in ((_HEADER, headers), (_QUERY, query)):
            match = pattern.match(target)
            if match and value is not None:
                into[match.group(1)] = value
    return headers, query


def _source_value(source: str, event: Mapping[str, Any]) -> str | None:
    if source.startswith("'") and source.endswith("'"):
        return source[1:-1]
    root, _, path = source.partition(".")
    value: Any = event.get("requestContext") if root == "context" else event.get("stageVariables")
    if source.startswith("route.request."):
        kind, _, name = source.removeprefix("route.request.").partition(".")
        value, path = event.get({"header": "headers", "querystring": "queryStringParameters"}.get(kind, "")), name
    for part in path.split(".") if not source.startswith("route.request.") else [path]:
        value = value.get(part) if isinstance(value, Mapping) else None
    return None if value is None else str(value)

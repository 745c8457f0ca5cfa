"""Running the integration of a route for one event.

Lives here: AWS_PROXY and MOCK; HTTP has a file of its own. Does not know sockets or frames: a failure
says by its type what a handshake and what a message are answered.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from localstage.core import frames
from localstage.core.integration_responses import integration_response_for
from localstage.core.integration_uri import function_arn_of
from localstage.core.proxy_result import MalformedProxyResult, ProxyResult, read_proxy_result
from localstage.core.snapshot import Integration, ServedStage
from localstage.functions.definition import FunctionDefinition
from localstage.functions.errors import InvocationRefused
from localstage.gateway.http_integration import HttpUnreachable, call_http

if TYPE_CHECKING:
    from localstage.functions.service import InvocationResult


class IntegrationFailed(Exception):
    """The integration gave no usable answer (FIDELITY sections 2 and 3)."""

    handshake_status = 500
    frame_message = frames.INTERNAL_SERVER_ERROR


class NotInvocable(IntegrationFailed):
    """There is no such function, or API Gateway may not invoke it: 500 at ``$connect``."""


class FunctionFailed(IntegrationFailed):
    """The function raised, died, or returned something malformed: 502 at ``$connect``."""

    handshake_status = 502


class IntegrationTimedOut(IntegrationFailed):
    """The integration took longer than its time-out."""

    handshake_status = 504  # Guess: no capture of a $connect that timed out.
    frame_message = frames.ENDPOINT_REQUEST_TIMED_OUT


class FunctionDirectory(Protocol):
    """What the account knows of functions."""

    def function(self, arn: str) -> FunctionDefinition | None:
        """The function that an ARN names, qualified or not."""

    def may_invoke(self, function_arn: str, source_arn: str) -> bool:
        """Whether the function's resource policy lets API Gateway invoke it for this source."""


class FunctionInvoker(Protocol):
    """What invokes functions."""

    async def invoke(self, definition: FunctionDefinition, payload: bytes) -> InvocationResult:
        """Runs one invocation to its end."""


class Integrations:
    """Runs integrations with the account's functions."""

    def __init__(self, directory: FunctionDirectory, invoker: FunctionInvoker):
        self._directory = directory
        self._invoker = invoker

    async def run(self, stage: ServedStage, route_key: str, integration: Integration,
                  event: Mapping[str, Any]) -> ProxyResult:
        """The integration's answer to an event. Raises IntegrationFailed."""
        if integration.integration_type == "MOCK":
            return _mock(integration)
        if integration.integration_type in ("HTTP", "HTTP_PROXY"):
            return await _http(stage, integration, event)
        if integration.integration_type != "AWS_PROXY":
            raise NotInvocable(f"the local stage does not run {integration.integration_type} integrations")
        payload = json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
        source_arn = (f"arn:aws:execute-api:{stage.region}:{stage.account_id}:"
                      f"{stage.api_id}/{stage.stage_name}/{route_key}")
        uri = integration.integration_uri or ""
        try:
            result = await asyncio.wait_for(
                self.invoke(uri, stage, source_arn, payload, check_permission=not integration.credentials_arn),
                integration.timeout_ms / 1000)
        except asyncio.TimeoutError:
            raise IntegrationTimedOut(f"{route_key} took longer than {integration.timeout_ms} ms") from None
        try:
            return read_proxy_result(result)
        except MalformedProxyResult as error:
            raise FunctionFailed(f"malformed Lambda proxy response: {error}") from error

    async def invoke(self, uri: str, stage: ServedStage, source_arn: str, payload: bytes, *,
                     check_permission: bool) -> bytes:
        """Invokes the function that a URI names and returns its result. Raises IntegrationFailed."""
        arn = function_arn_of(uri, stage.stage_variables)
        definition = self._directory.function(arn) if arn else None
        if definition is None:
            raise NotInvocable(f"there is no function {arn or uri}")
        if check_permission and not self._directory.may_invoke(arn or "", source_arn):
            raise NotInvocable(f"API Gateway may not invoke {definition.name} for {source_arn}")
        try:
            invocation = await self._invoker.invoke(definition, payload)
        except InvocationRefused as refusal:
            raise NotInvocable(str(refusal)) from refusal
        if invocation.function_error:
            raise FunctionFailed(invocation.payload.decode("utf-8", "replace"))
        return invocation.payload


async def _http(stage: ServedStage, integration: Integration, event: Mapping[str, Any]) -> ProxyResult:
    try:
        return await asyncio.wait_for(call_http(integration, stage, event), integration.timeout_ms / 1000)
    except HttpUnreachable as error:
        raise IntegrationFailed(str(error)) from error
    except asyncio.TimeoutError:
        raise IntegrationTimedOut(f"{integration.integration_uri} took too long") from None


def _mock(integration: Integration) -> ProxyResult:
    """FIDELITY section 7: a MOCK integration answers the status of its request template."""
    template = integration.request_templates.get(integration.template_selection_expression or "", "") or next(
        iter(integration.request_templates.values()), '{"statusCode": 200}')
    try:
        status = int(json.loads(template)["statusCode"])
    except (ValueError, KeyError, TypeError):
        raise FunctionFailed("the MOCK integration's request template gives no statusCode") from None
    response = integration_response_for(status, integration.responses)
    return ProxyResult(status, next(iter(response.response_templates.values()), None) if response else None)

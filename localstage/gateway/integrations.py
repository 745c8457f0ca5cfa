"""Running the integration of a route for one event.

Lives here: AWS_PROXY and MOCK; HTTP has a file of its own. Does not know sockets or frames: a failure
says by its type what a handshake and what a message are answered.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from localstage.core import refusals
from localstage.core.integrations import (
    MalformedProxyResult,
    ProxyResult,
    function_arn_of,
    integration_response_for,
    read_proxy_result,
)
from localstage.core.records import ExecutionLog
from localstage.core.snapshot import Integration, ServedStage
from localstage.functions.definition import FunctionDefinition
from localstage.functions.invocation import InvocationRefused
from localstage.functions.service import Functions
from localstage.gateway.http_integration import HttpUnreachable, call_http


class IntegrationFailed(Exception):
    """The integration gave no usable answer (FIDELITY sections 2 and 3)."""

    handshake_status = 500
    frame_message = refusals.INTERNAL_SERVER_ERROR


class NotInvocable(IntegrationFailed):
    """There is no such function, or API Gateway may not invoke it: 500 at ``$connect``."""


class FunctionFailed(IntegrationFailed):
    """The function raised, died, or returned something malformed: 502 at ``$connect``."""

    handshake_status = 502


class IntegrationTimedOut(IntegrationFailed):
    """The integration took longer than its time-out."""

    handshake_status = 504  # Guess (`$connect` that times out): no capture of a $connect that timed out.
    frame_message = refusals.ENDPOINT_REQUEST_TIMED_OUT


class FunctionDirectory(Protocol):
    """What the account knows of functions."""

    def function(self, arn: str) -> FunctionDefinition | None:
        """The function that an ARN names, qualified or not. Raises InvocationRefused."""

    def may_invoke(self, function_arn: str, source_arn: str) -> bool:
        """Whether the function's resource policy lets API Gateway invoke it for this source."""


@dataclass(frozen=True)
class FunctionCall:
    """Whom to invoke for whom with what. ``uri`` may hold stage variables."""

    uri: str
    source_arn: str
    payload: bytes
    needs_permission: bool
    """Whether the function's resource policy must allow it; credentials of an integration stand for that."""


@dataclass(frozen=True)
class RoutedEvent:
    """An event on the route that serves it."""

    stage: ServedStage
    route_key: str
    event: Mapping[str, Any]
    log: ExecutionLog

    @property
    def context(self) -> Mapping[str, Any]:
        """The event's requestContext."""
        return self.event["requestContext"]


class Integrations:
    """Runs integrations with the account's functions; ``allow_host`` is the setting of that name."""

    def __init__(self, directory: FunctionDirectory, functions: Functions, allow_host: str = ""):
        self._directory = directory
        self._functions = functions
        self._allow_host = allow_host

    async def run(self, integration: Integration, routed: RoutedEvent) -> ProxyResult:
        """The integration's answer to an event; its steps go to the event's log. Raises IntegrationFailed."""
        if integration.integration_type == "MOCK":
            return _mock(integration)
        if integration.integration_type in ("HTTP", "HTTP_PROXY"):
            return await _http(integration, routed, self._allow_host)
        if integration.integration_type != "AWS_PROXY":
            raise NotInvocable(f"localstage does not run {integration.integration_type} integrations")
        payload = json.dumps(routed.event, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
        call = FunctionCall(
            integration.integration_uri or "",
            f"{routed.stage.arn}/{routed.route_key}",
            payload,
            needs_permission=not integration.credentials_arn,
        )
        try:
            result = await self.invoke(call, routed.stage, routed.log, integration.timeout_ms / 1000)
        except TimeoutError:
            routed.log.error("Execution failed due to a timeout error")
            raise IntegrationTimedOut(f"{routed.route_key} took longer than {integration.timeout_ms} ms") from None
        try:
            return read_proxy_result(result)
        except MalformedProxyResult as error:
            routed.log.error("Execution failed due to configuration error: Malformed Lambda proxy response")
            raise FunctionFailed(f"malformed Lambda proxy response: {error}") from error

    async def invoke(self, call: FunctionCall, stage: ServedStage, log: ExecutionLog, within_s: float) -> bytes:
        """Invokes a function and returns its result; that it has to wait for a process does not count.

        Raises IntegrationFailed, TimeoutError.
        """
        arn = function_arn_of(call.uri, stage.stage_variables)
        address = f"https://lambda.{stage.region}.amazonaws.com/2015-03-31/functions/{arn}/invocations"
        log.data("Endpoint request URI", address)
        log.data("Endpoint request body after transformations", call.payload)
        log.info(f"Sending request to {address}")
        try:
            definition = self._directory.function(arn) if arn else None
        except InvocationRefused as refusal:
            raise _not_run(refusal, log) from refusal
        permitted = not call.needs_permission or self._directory.may_invoke(arn or "", call.source_arn)
        if definition is None or not permitted:
            log.error("Execution failed due to configuration error: Invalid permissions on Lambda function")
            if definition is None:
                raise NotInvocable(f"there is no function {arn or call.uri}")
            raise NotInvocable(f"API Gateway may not invoke {definition.name} for {call.source_arn}")
        try:
            invocation = await self._functions.invoke(definition, call.payload, within_s=within_s)
        except InvocationRefused as refusal:
            raise _not_run(refusal, log) from refusal
        log.info(f"Received response. Status: 200, Integration latency: {int(invocation.measured.duration_ms)} ms")
        log.data("Endpoint response body before transformations", invocation.payload)
        if invocation.function_error:
            log.error(
                "Lambda execution failed with status 200 due to customer function error: "
                f"{_error_message(invocation.payload)}. Lambda request id: {invocation.request_id}"
            )
            raise FunctionFailed(invocation.payload.decode("utf-8", "replace"))
        log.info(f"AWS Integration Endpoint RequestId : {invocation.request_id}")
        return invocation.payload


def _not_run(refusal: InvocationRefused, log: ExecutionLog) -> NotInvocable:
    log.error(f"Execution failed due to an internal error: {refusal}")  # Guess (Execution log): the sentence.
    return NotInvocable(str(refusal))


def _error_message(payload: bytes) -> str:
    try:
        return str(json.loads(payload)["errorMessage"])
    except (ValueError, KeyError, TypeError):
        return payload.decode("utf-8", "replace")


async def _http(integration: Integration, routed: RoutedEvent, allow_host: str) -> ProxyResult:
    log = routed.log
    log.info(f"Sending request to {integration.integration_uri}")
    try:
        result = await asyncio.wait_for(
            call_http(integration, routed.stage, routed.event, allow_host), integration.timeout_ms / 1000
        )
        log.data("Endpoint response body before transformations", result.body or "")
        return result
    except HttpUnreachable as error:
        log.error("Execution failed due to configuration error: Invalid endpoint address")
        raise IntegrationFailed(str(error)) from error
    except TimeoutError:
        log.error("Execution failed due to a timeout error")
        raise IntegrationTimedOut(f"{integration.integration_uri} took too long") from None


def _mock(integration: Integration) -> ProxyResult:
    """FIDELITY section 7: a MOCK integration answers the status of its request template."""
    template = integration.request_templates.get(integration.template_selection_expression or "", "") or next(
        iter(integration.request_templates.values()), '{"statusCode": 200}'
    )
    try:
        status = int(json.loads(template)["statusCode"])
    except (ValueError, KeyError, TypeError):
        raise FunctionFailed("the MOCK integration's request template gives no statusCode") from None
    response = integration_response_for(status, integration.responses)
    return ProxyResult(status, next(iter(response.response_templates.values()), None) if response else None)

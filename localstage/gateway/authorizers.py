"""Asking a Lambda authorizer whether a connection may be opened.

AWS: FIDELITY section 3: once, at ``$connect``, for the whole API.
"""

from __future__ import annotations

import json
from typing import Any

from localstage.clock import Clock
from localstage.core import events
from localstage.core.authorization import (
    MalformedAuthorizerResult,
    condition_keys,
    identity_is_present,
    read_authorizer_result,
)
from localstage.core.execution_log import ExecutionLog
from localstage.core.snapshot import ServedStage
from localstage.gateway.integrations import FunctionCall, FunctionFailed, IntegrationFailed, Integrations
from localstage.gateway.refusal import Refused
from localstage.gateway.registry import Connection


class Authorizers:
    """Runs the authorizer of a ``$connect`` route."""

    def __init__(self, integrations: Integrations, clock: Clock):
        self._integrations = integrations
        self._clock = clock

    async def authorize(
        self,
        stage: ServedStage,
        connection: Connection,
        handshake: events.HandshakeRequest,
        stamp: events.EventStamp,
        told: ExecutionLog,
    ) -> dict[str, Any] | None:
        """The authorizer's context for the events, or None if ``$connect`` asks for none. Raises Refused."""
        route = stage.snapshot.routes["$connect"]
        if route.authorization_type == "AWS_IAM":
            _check_signer(connection, handshake)
            return None
        authorizer = route.authorizer
        if route.authorization_type == "NONE" or authorizer is None:
            return None
        method_arn = f"arn:aws:execute-api:{stage.region}:{stage.account_id}:{stage.api_id}/{stage.stage_name}/$connect"
        event = events.authorizer_event(connection.facts, stamp, handshake, method_arn)
        if not identity_is_present(
            authorizer.identity_source, handshake, stage.stage_variables, event["requestContext"]
        ):
            raise Refused(401, "Unauthorized")
        told.info(f"Starting authorizer: {authorizer.authorizer_id} for request: {stamp.request_id}")
        started = self._clock.monotonic()
        source_arn = (
            f"arn:aws:execute-api:{stage.region}:{stage.account_id}:"
            f"{stage.api_id}/authorizers/{authorizer.authorizer_id}"
        )
        payload = json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
        try:
            call = FunctionCall(authorizer.authorizer_uri or "", source_arn, payload, not authorizer.credentials_arn)
            result = read_authorizer_result(await self._integrations.invoke(call, stage, told))
        except FunctionFailed as failure:
            raise _refusal_of(failure) from failure
        except (IntegrationFailed, MalformedAuthorizerResult) as failure:
            told.error("Execution failed due to configuration error: Authorizer error")
            raise Refused(500, "Internal server error") from failure
        if not result.allows(method_arn, condition_keys(connection.facts, handshake, stamp.at_ms)):
            told.error("The client is not authorized to perform this operation.")
            raise Refused(403, "Forbidden")
        told.info("Successfully completed authorizer execution")
        latency_ms = int((self._clock.monotonic() - started) * 1000)
        return {**result.context, "principalId": result.principal_id, "integrationLatency": latency_ms}


def _check_signer(connection: Connection, handshake: events.HandshakeRequest) -> None:
    """AWS: FIDELITY section 3, a handshake that nobody known has signed is refused with 403. Raises Refused."""
    if handshake.signature_refusal is not None or not connection.facts.signer:
        raise Refused(403, handshake.signature_refusal or "Missing Authentication Token")


def _refusal_of(failure: FunctionFailed) -> Refused:
    """An authorizer that raises exactly ``Exception('Unauthorized')`` means 401, any other error 500."""
    try:
        message = json.loads(str(failure)).get("errorMessage")
    except (ValueError, AttributeError):
        message = None
    return Refused(401, "Unauthorized") if message == "Unauthorized" else Refused(500, "Internal server error")

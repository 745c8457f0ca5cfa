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
    identity_is_present,
    read_authorizer_result,
)
from localstage.core.snapshot import Route, ServedStage
from localstage.gateway.integrations import FunctionFailed, IntegrationFailed, Integrations
from localstage.gateway.refusal import Refused
from localstage.gateway.registry import Connection


class Authorizers:
    """Runs the authorizer of a ``$connect`` route."""

    def __init__(self, integrations: Integrations, clock: Clock):
        self._integrations = integrations
        self._clock = clock

    async def authorize(self, stage: ServedStage, route: Route, connection: Connection,
                        handshake: events.HandshakeRequest, stamp: events.EventStamp) -> dict[str, Any] | None:
        """The authorizer's context for the events, or None if the route asks for none. Raises Refused."""
        if route.authorization_type == "AWS_IAM":
            _check_signer(connection, handshake)
            return None
        authorizer = route.authorizer
        if route.authorization_type == "NONE" or authorizer is None:
            return None
        method_arn = f"arn:aws:execute-api:{stage.region}:{stage.account_id}:{stage.api_id}/{stage.stage_name}/$connect"
        event = events.authorizer_event(connection.facts, stamp, handshake, method_arn)
        if not identity_is_present(authorizer.identity_source, handshake, stage.stage_variables,
                                   event["requestContext"]):
            raise Refused(401, "Unauthorized")
        started = self._clock.monotonic()
        source_arn = (f"arn:aws:execute-api:{stage.region}:{stage.account_id}:"
                      f"{stage.api_id}/authorizers/{authorizer.authorizer_id}")
        payload = json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
        try:
            answer = await self._integrations.invoke(authorizer.authorizer_uri or "", stage, source_arn, payload,
                                                     check_permission=not authorizer.credentials_arn)
            result = read_authorizer_result(answer)
        except FunctionFailed as failure:
            raise _refusal_of(failure) from failure
        except (IntegrationFailed, MalformedAuthorizerResult) as failure:
            raise Refused(500, "Internal server error") from failure
        if not result.allows(method_arn):
            raise Refused(403, "Forbidden")
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

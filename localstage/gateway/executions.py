"""One event on its way through a route: selected, checked, run, told.

Lives here: what ``$connect``, a message and ``$disconnect`` do from the event
to the answer. Does not know sockets, nor who is connected: it gives back what
the client is to be sent.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from localstage.clock import Clock
from localstage.core import events, frames
from localstage.core.access_log import Served
from localstage.core.connection_life import Ending
from localstage.core.execution_log import ExecutionLog, has_disconnected, is_connecting, sent_a_message
from localstage.core.identifiers import connect_request_id, new_id, new_message_id
from localstage.core.integration_responses import integration_response_for
from localstage.core.integration_uri import fill_stage_variables
from localstage.core.proxy_result import ProxyResult
from localstage.core.request_models import satisfies_model
from localstage.core.selection import select_route
from localstage.core.snapshot import Integration, Route, ServedStage
from localstage.core.throttling import Throttles
from localstage.gateway.authorizers import Authorizers
from localstage.gateway.integrations import IntegrationFailed, Integrations
from localstage.gateway.refusal import Refused
from localstage.gateway.registry import Connection

log = logging.getLogger(__name__)


class Stages(Protocol):
    """What the account knows of deployed stages."""

    def served_stage(self, api_id: str, stage_name: str) -> ServedStage | None:
        """The stage as it is served now, or None if there is none or it has no deployment."""

    def unserved_kind(self, api_id: str) -> str | None:
        """``HTTP`` or ``REST`` for an API that is there and that a stage does not serve."""

    def has_api_key(self, stage: ServedStage, key: str) -> bool:
        """Whether an enabled API key of a usage plan with this stage has this value."""


class Telemetry(Protocol):
    """Who keeps access logs and metrics."""

    def served(self, stage: ServedStage, served: Served) -> None:
        """Takes note of one event; returns at once."""

    def executed(self, stage: ServedStage, lines: Sequence[str]) -> None:
        """Takes the execution log of one event, if the stage writes one; returns at once."""

    def sent(self, facts: events.ConnectionFacts, region: str) -> None:
        """Takes note of one message to a client; returns at once."""


class Executions:
    """Runs events through the routes of their stage."""

    def __init__(
        self,
        clock: Clock,
        stages: Stages,
        integrations: Integrations,
        telemetry: Telemetry,
        random_bytes: Callable[[int], bytes],
    ):
        self._clock = clock
        self._stages = stages
        self._integrations = integrations
        self._authorizers = Authorizers(integrations, clock)
        self._throttles = Throttles()
        self._telemetry = telemetry
        self._random_bytes = random_bytes

    async def connect(
        self, stage: ServedStage, connection: Connection, handshake: events.HandshakeRequest
    ) -> ProxyResult:
        """Runs ``$connect``; returns its result if the connection is accepted. Raises Refused."""
        stamp = events.EventStamp(
            connect_request_id(connection.connection_id, self._random_bytes), self._clock.now_ms()
        )
        with self._log(stage, "$connect", stamp, is_connecting(connection.facts)) as told:
            result = await self._connect(stage, connection, handshake, stamp, told)
            told.info("Successfully completed execution")
            return result

    async def _connect(
        self,
        stage: ServedStage,
        connection: Connection,
        handshake: events.HandshakeRequest,
        stamp: events.EventStamp,
        told: ExecutionLog,
    ) -> ProxyResult:
        route = stage.snapshot.routes.get("$connect")
        bare = events.connect_event(connection.facts, stamp, handshake)["requestContext"]
        try:
            if not self._throttles.allow_connection(stage, self._clock.monotonic()):
                raise Refused(429, frames.TOO_MANY_REQUESTS)
            if route is not None:
                connection.authorizer = await self._authorizers.authorize(stage, connection, handshake, stamp, told)
                self._check_api_key(stage, route, handshake)
        except Refused as refused:
            told.error(f"Execution failed: {refused.message}")
            self._telemetry.served(stage, Served(bare, refused.status, error=refused.message, refused_early=True))
            raise
        if route is None or route.integration is None:
            # FIDELITY section 3: route and integration are optional.
            self._telemetry.served(stage, Served(bare, 200))
            return ProxyResult(200)
        event = events.connect_event(connection.facts, stamp, handshake, connection.authorizer)
        try:
            result = await self._run(stage, "$connect", route.integration, event, told)
        except IntegrationFailed as failure:
            raise Refused(failure.handshake_status, frames.INTERNAL_SERVER_ERROR) from failure
        if not 200 <= result.status_code < 300:
            raise Refused(result.status_code)
        return result

    async def message(self, connection: Connection, text: str) -> str | None:
        """Serves one message; returns the frame for its sender, or None if there is none."""
        facts = connection.facts
        stamp = events.EventStamp(new_id(self._random_bytes), self._clock.now_ms())
        stage = self._stages.served_stage(facts.api_id, facts.stage)
        if stage is None:
            return frames.error_frame(frames.FORBIDDEN, connection.connection_id, stamp.request_id)
        route = _route_for(stage, text)
        route_key = route.route_key if route else "-"
        event = events.message_event(
            facts,
            stamp,
            route_key,
            new_message_id(facts.connection_id, self._random_bytes),
            text,
            _without_latency(connection.authorizer),
        )
        with self._log(stage, route_key, stamp, sent_a_message(facts)) as told:
            return await self._message(stage, route, event, told)

    async def _message(
        self, stage: ServedStage, route: Route | None, event: Mapping[str, Any], told: ExecutionLog
    ) -> str | None:
        context = event["requestContext"]
        refusal = self._refusal(stage, route, event["body"])
        if refusal is not None or route is None or route.integration is None:
            status, message = refusal or (403, frames.FORBIDDEN)
            told.error(f"Execution failed: {message}")
            self._telemetry.served(stage, Served(context, status, error=message, refused_early=True))
            if message == frames.BAD_REQUEST_BODY:
                return frames.bad_request_body_frame(context["connectionId"], context["messageId"])
            return frames.error_frame(message, context["connectionId"], context["requestId"])
        try:
            result = await self._run(stage, route.route_key, route.integration, event, told)
        except IntegrationFailed as failure:
            return frames.error_frame(failure.frame_message, context["connectionId"], context["requestId"])
        told.info("Successfully completed execution")
        # FIDELITY section 7: two-way; without a body an empty message reaches the client.
        return (result.body or "") if _answers(route, result.status_code) else None

    async def disconnect(self, connection: Connection, ending: Ending) -> None:
        """Runs ``$disconnect``; its result has no effect (FIDELITY section 4)."""
        facts = connection.facts
        stage = self._stages.served_stage(facts.api_id, facts.stage)
        route = stage.snapshot.routes.get("$disconnect") if stage else None
        if stage is None or route is None or route.integration is None:
            return
        stamp = events.EventStamp(new_id(self._random_bytes), self._clock.now_ms())
        event = events.disconnect_event(
            facts, stamp, ending.code, ending.reason, _without_latency(connection.authorizer)
        )
        with self._log(stage, "$disconnect", stamp, has_disconnected(facts)) as told:
            try:
                await self._run(stage, "$disconnect", route.integration, event, told)
            except IntegrationFailed:
                return  # Told already, by _run.
            told.info("Successfully completed execution")

    @contextmanager
    def _log(
        self, stage: ServedStage, route_key: str, stamp: events.EventStamp, what_happens: str
    ) -> Iterator[ExecutionLog]:
        """The execution log of one event, begun; handed on when the event has been served, however."""
        told = ExecutionLog(stamp.request_id, stage.route_logging.get(route_key, stage.default_logging))
        told.begin(route_key, what_happens)
        try:
            yield told
        finally:
            self._telemetry.executed(stage, told.lines)

    def _check_api_key(self, stage: ServedStage, route: Route, handshake: events.HandshakeRequest) -> None:
        """FIDELITY section 3: a bad or missing key, sent as ``x-api-key``, is 403. Raises Refused."""
        if route.api_key_required:
            sent = {name.lower(): value for name, value in handshake.headers}.get("x-api-key")
            if not sent or not self._stages.has_api_key(stage, sent):
                raise Refused(403, frames.FORBIDDEN)

    def _refusal(self, stage: ServedStage, route: Route | None, text: str) -> tuple[int, str] | None:
        """Why a message is refused before any integration is called, or None."""
        if route is None or route.integration is None:
            # Guess: a route without an integration answers as one that is not there.
            return 403, frames.FORBIDDEN
        if not self._throttles.allow(stage, route.route_key, self._clock.monotonic()):
            return 429, frames.TOO_MANY_REQUESTS
        if not satisfies_model(route.model_selection_expression, route.request_models, text):
            return 400, frames.BAD_REQUEST_BODY
        return None

    async def _run(
        self, stage: ServedStage, route_key: str, integration: Integration, event: Mapping[str, Any], told: ExecutionLog
    ) -> ProxyResult:
        """Runs an integration and tells what became of it. Raises IntegrationFailed."""
        began = self._clock.monotonic()
        context = event["requestContext"]
        try:
            result = await self._integrations.run(stage, route_key, integration, event, told)
        except IntegrationFailed as failure:
            log.info("%s failed: %s", route_key, failure)
            self._telemetry.served(
                stage,
                Served(
                    context, failure.handshake_status, error=str(failure), integration_latency_ms=self._since(began)
                ),
            )
            raise
        self._telemetry.served(stage, Served(context, result.status_code, result.status_code, self._since(began)))
        return result

    def _since(self, began: float) -> int:
        return int((self._clock.monotonic() - began) * 1000)


def _route_for(stage: ServedStage, text: str) -> Route | None:
    routes = stage.snapshot.routes
    expression = fill_stage_variables(stage.snapshot.route_selection_expression, stage.stage_variables)
    key = select_route(expression, text, routes)
    return routes[key] if key is not None else None


def _answers(route: Route, status: int) -> bool:
    """Two-way needs both halves, and a non-proxy integration a response that fits (FIDELITY section 7)."""
    integration = route.integration
    if route.route_response_selection_expression != "$default" or "$default" not in route.route_response_keys:
        return False
    if integration is None or integration.integration_type not in ("HTTP", "MOCK"):
        return True
    return integration_response_for(status, integration.responses) is not None


def _without_latency(authorizer: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    if authorizer is None:
        return None
    return {key: value for key, value in authorizer.items() if key != "integrationLatency"}

"""One event on its way through a route: selected, checked, run, recorded.

Lives here: what ``$connect``, a message and ``$disconnect`` do from the event
to the answer. Does not know sockets, nor who is connected: it gives back what
the client is to be sent.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from localstage.clock import Clock
from localstage.core import events, refusals
from localstage.core.connection import Ending, connect_request_id, new_id, new_message_id
from localstage.core.integrations import ProxyResult, fill_stage_variables, integration_response_for
from localstage.core.records import EventRecord, ExecutionLog, has_disconnected, is_connecting, sent_a_message
from localstage.core.refusals import BadRequestBody, HandshakeRefused, MessageRefused
from localstage.core.selection import satisfies_model, select_route
from localstage.core.snapshot import Integration, Route, ServedStage
from localstage.core.throttling import Throttles
from localstage.gateway.authorizers import Authorizers
from localstage.gateway.connections import Connection, ConnectRequest
from localstage.gateway.integrations import IntegrationFailed, Integrations, RoutedEvent
from localstage.gateway.served_stages import ServedStages
from localstage.settings import Settings

logger = logging.getLogger(__name__)


class Telemetry(Protocol):
    """Who keeps access logs, execution logs and metrics. Each method returns at once."""

    def record_event(self, stage: ServedStage, record: EventRecord) -> None:
        """Takes note of one event and what became of it."""

    def record_execution(self, stage: ServedStage, lines: Sequence[str]) -> None:
        """Takes the execution log of one event, if the stage writes one."""

    def record_sent(self, facts: events.ConnectionFacts, region: str) -> None:
        """Takes note of one message to a client."""


@dataclass(frozen=True)
class GatewayAccount:
    """What the gateway has of the account behind it."""

    stages: ServedStages
    integrations: Integrations
    telemetry: Telemetry


class Executions:
    """Runs events through the routes of their stage."""

    def __init__(self, settings: Settings, clock: Clock, account: GatewayAccount, random_bytes: Callable[[int], bytes]):
        self._clock = clock
        self._account = account
        self._authorizers = Authorizers(account.integrations, clock, settings.authorizer_timeout_s)
        self._throttles = Throttles()
        self._random_bytes = random_bytes

    async def connect(self, request: ConnectRequest) -> ProxyResult:
        """Runs ``$connect``; returns its result if the connection is accepted. Raises HandshakeRefused."""
        connection_id = request.connection.connection_id
        stamp = events.EventStamp(connect_request_id(connection_id, self._random_bytes), self._clock.now_ms())
        with self._log(request.stage, "$connect", stamp, is_connecting(request.connection.facts)) as log:
            try:
                result = await self._connect(request, stamp, log)
            except HandshakeRefused as refused:
                refused.name_ids(connection_id, stamp.request_id)
                raise
            log.info("Successfully completed execution")
            return result

    async def _connect(self, request: ConnectRequest, stamp: events.EventStamp, log: ExecutionLog) -> ProxyResult:
        stage, connection, handshake = request.stage, request.connection, request.handshake
        route = stage.snapshot.routes.get("$connect")
        bare = events.connect_event(connection.facts, stamp, handshake)["requestContext"]
        try:
            authorizer = await self._admit(request, route, stamp, log)
        except HandshakeRefused as refused:
            log.error(f"Execution failed: {refused.message}")
            self._record(stage, EventRecord(bare, refused.status, error=refused.message, refused_early=True))
            raise
        if route is None or route.integration is None:
            # FIDELITY section 3: route and integration are optional.
            self._record(stage, EventRecord(bare, 200))
            return ProxyResult(200)
        event = events.connect_event(connection.facts, stamp, handshake, authorizer)
        try:
            result = await self._run(route.integration, RoutedEvent(stage, "$connect", event, log))
        except IntegrationFailed as failure:
            raise HandshakeRefused(failure.handshake_status, refusals.INTERNAL_SERVER_ERROR) from failure
        if not 200 <= result.status_code < 300:
            raise HandshakeRefused(result.status_code)
        return result

    async def _admit(
        self, request: ConnectRequest, route: Route | None, stamp: events.EventStamp, log: ExecutionLog
    ) -> Mapping[str, Any] | None:
        """What the CONNECT event has under ``authorizer``, None if nobody was asked. Raises HandshakeRefused."""
        if not self._throttles.allow_connection(request.stage, self._clock.monotonic()):
            raise HandshakeRefused(429, refusals.TOO_MANY_REQUESTS)
        if route is None:
            return None
        authorization = await self._authorizers.authorize(request, stamp, log)
        if route.api_key_required:
            self._check_api_key(request)
        if authorization is None:
            return None
        request.connection.authorizer = authorization.context
        return authorization.for_connect()

    def _check_api_key(self, request: ConnectRequest) -> None:
        """FIDELITY section 3: a bad or missing key, sent as ``x-api-key``, is 403. Raises HandshakeRefused."""
        sent = {name.lower(): value for name, value in request.handshake.headers}.get("x-api-key")
        if not sent or not self._account.stages.has_api_key(request.stage, sent):
            raise HandshakeRefused(403, refusals.FORBIDDEN)

    async def message(self, connection: Connection, text: str) -> str | None:
        """Serves one message; returns the frame for its sender, or None if there is none."""
        facts = connection.facts
        stamp = events.EventStamp(new_id(self._random_bytes), self._clock.now_ms())
        stage = self._account.stages.find(facts.api_id, facts.stage)
        if stage is None:
            return refusals.error_text(refusals.FORBIDDEN, connection.connection_id, stamp.request_id)
        route = _route_for(stage, text)
        route_key = route.route_key if route else "-"
        message_id = new_message_id(facts.connection_id, self._random_bytes)
        event = events.message_event(facts, stamp, route_key, message_id, text, connection.authorizer)
        with self._log(stage, route_key, stamp, sent_a_message(facts)) as log:
            return await self._message(route, RoutedEvent(stage, route_key, event, log))

    def refuse(self, connection: Connection) -> str:
        """The frame for a message that is one too many: it is not even read."""
        facts = connection.facts
        stamp = events.EventStamp(new_id(self._random_bytes), self._clock.now_ms())
        message_id = new_message_id(facts.connection_id, self._random_bytes)
        context = events.message_event(facts, stamp, "-", message_id, "", connection.authorizer)["requestContext"]
        refused = MessageRefused(429, refusals.TOO_MANY_REQUESTS)
        stage = self._account.stages.find(facts.api_id, facts.stage)
        if stage is not None:
            self._record(stage, EventRecord(context, refused.status, error=refused.message, refused_early=True))
        return refused.frame(context)

    async def _message(self, route: Route | None, routed: RoutedEvent) -> str | None:
        context = routed.context
        try:
            route, integration = self._accept(route, routed)
        except MessageRefused as refused:
            routed.log.error(f"Execution failed: {refused.message}")
            self._record(routed.stage, EventRecord(context, refused.status, error=refused.message, refused_early=True))
            return refused.frame(context)
        try:
            result = await self._run(integration, routed)
        except IntegrationFailed as failure:
            return refusals.error_text(failure.frame_message, context["connectionId"], context["requestId"])
        routed.log.info("Successfully completed execution")
        # FIDELITY section 7: two-way; without a body an empty message reaches the client.
        return (result.body or "") if _is_two_way(route, integration, result.status_code) else None

    def _accept(self, route: Route | None, routed: RoutedEvent) -> tuple[Route, Integration]:
        """The route and the integration that serve a message. Raises MessageRefused."""
        if route is None or route.integration is None:
            # Guess (A route without): a route without an integration answers as one that is not there.
            raise MessageRefused(403, refusals.FORBIDDEN)
        if not self._throttles.allow(routed.stage, route.route_key, self._clock.monotonic()):
            raise MessageRefused(429, refusals.TOO_MANY_REQUESTS)
        if not satisfies_model(route.model_selection_expression, route.request_models, routed.event["body"]):
            raise BadRequestBody
        return route, route.integration

    async def disconnect(self, connection: Connection, ending: Ending) -> None:
        """Runs ``$disconnect``; its result has no effect (FIDELITY section 4)."""
        facts = connection.facts
        stage = self._account.stages.find(facts.api_id, facts.stage)
        route = stage.snapshot.routes.get("$disconnect") if stage else None
        if stage is None or route is None or route.integration is None:
            return
        stamp = events.EventStamp(new_id(self._random_bytes), self._clock.now_ms())
        event = events.disconnect_event(facts, stamp, ending.code, ending.reason, connection.authorizer)
        with self._log(stage, "$disconnect", stamp, has_disconnected(facts)) as log:
            try:
                await self._run(route.integration, RoutedEvent(stage, "$disconnect", event, log))
            except IntegrationFailed:
                return  # Recorded already, by _run.
            log.info("Successfully completed execution")

    @contextmanager
    def _log(
        self, stage: ServedStage, route_key: str, stamp: events.EventStamp, what_happens: str
    ) -> Iterator[ExecutionLog]:
        """The execution log of one event, begun; handed on when the event has been served, however."""
        log = ExecutionLog(stamp.request_id, stage.route_logging.get(route_key, stage.default_logging))
        log.begin(route_key, what_happens)
        try:
            yield log
        finally:
            self._account.telemetry.record_execution(stage, log.lines)

    async def _run(self, integration: Integration, routed: RoutedEvent) -> ProxyResult:
        """Runs an integration and records what became of it. Raises IntegrationFailed."""
        began = self._clock.monotonic()
        try:
            result = await self._account.integrations.run(integration, routed)
        except IntegrationFailed as failure:
            logger.info("%s failed: %s", routed.route_key, failure)
            self._record(
                routed.stage,
                EventRecord(
                    routed.context,
                    failure.handshake_status,
                    error=str(failure),
                    integration_latency_ms=self._ms_since(began),
                ),
            )
            raise
        self._record(routed.stage, EventRecord(routed.context, result.status_code, result, self._ms_since(began)))
        return result

    def _record(self, stage: ServedStage, record: EventRecord) -> None:
        self._account.telemetry.record_event(stage, record)

    def _ms_since(self, began: float) -> int:
        return int((self._clock.monotonic() - began) * 1000)


def _route_for(stage: ServedStage, text: str) -> Route | None:
    routes = stage.snapshot.routes
    expression = fill_stage_variables(stage.snapshot.route_selection_expression, stage.stage_variables)
    key = select_route(expression, text, routes)
    return routes[key] if key is not None else None


def _is_two_way(route: Route, integration: Integration, status: int) -> bool:
    """Two-way needs both halves, and a non-proxy integration a response that fits (FIDELITY section 7)."""
    if route.route_response_selection_expression != "$default" or "$default" not in route.route_response_keys:
        return False
    if integration.integration_type not in ("HTTP", "MOCK"):
        return True
    return integration_response_for(status, integration.responses) is not None

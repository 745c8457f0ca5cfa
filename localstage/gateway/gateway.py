"""API Gateway's WebSocket side: from the handshake to the last event.

Decides nothing itself: the core selects routes and builds events, integrations
run functions, the registry owns the open connections.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Protocol

from localstage.clock import Clock
from localstage.core import events, frames
from localstage.core.connection_life import GOING_AWAY, Ending, Happening
from localstage.core.identifiers import connect_request_id, new_id, new_message_id
from localstage.core.integration_uri import fill_stage_variables
from localstage.core.proxy_result import ProxyResult
from localstage.core.request_models import satisfies_model
from localstage.core.selection import select_route
from localstage.core.snapshot import Route, ServedStage
from localstage.core.throttling import Throttles
from localstage.gateway.authorizers import Authorizers
from localstage.gateway.integrations import IntegrationFailed, Integrations
from localstage.gateway.refusal import Refused
from localstage.gateway.registry import Connection, Connections
from localstage.gateway.socket import ClientReadsTooSlowly
from localstage.settings import Settings

log = logging.getLogger(__name__)


class Stages(Protocol):
    """What the account knows of deployed stages."""

    def served_stage(self, api_id: str, stage_name: str) -> ServedStage | None:
        """The stage as it is served now, or None if there is none or it has no deployment."""


class Gateway:
    """Serves the connections of all stages."""

    def __init__(self, settings: Settings, clock: Clock, stages: Stages, integrations: Integrations,
                 random_bytes: Callable[[int], bytes] = os.urandom):
        self.settings = settings
        self.connections = Connections()
        self._clock = clock
        self._stages = stages
        self._integrations = integrations
        self._authorizers = Authorizers(integrations, clock)
        self._throttles = Throttles()
        self._random_bytes = random_bytes
        self._tasks: set[asyncio.Task[None]] = set()

    def now_ms(self) -> int:
        """Milliseconds since the epoch, of the gateway's clock."""
        return self._clock.now_ms()

    def served_stage(self, api_id: str, stage_name: str) -> ServedStage | None:
        """The stage as it is served now."""
        return self._stages.served_stage(api_id, stage_name)

    def new_connection(self, stage: ServedStage, source_ip: str, user_agent: str | None) -> Connection:
        """A connection in state CONNECTING, not yet known to the management API."""
        now = self._clock.now_ms()
        facts = events.ConnectionFacts(
            connection_id=new_id(self._random_bytes), connected_at_ms=now, api_id=stage.api_id,
            stage=stage.stage_name, domain_name=f"{stage.api_id}.execute-api.{stage.region}.amazonaws.com",
            source_ip=source_ip, user_agent=user_agent, stage_variables=stage.stage_variables)
        return Connection(facts, stage.region, last_active_ms=now)

    async def connect(self, stage: ServedStage, connection: Connection,
                      handshake: events.HandshakeRequest) -> ProxyResult:
        """Runs ``$connect``; returns its result if the connection is accepted. Raises Refused."""
        route = stage.snapshot.routes.get("$connect")
        if not self._throttles.allow_connection(stage, self._clock.monotonic()):
            raise Refused(429, frames.TOO_MANY_REQUESTS)
        if route is None:
            return ProxyResult(200)  # FIDELITY section 3: route and integration are optional.
        stamp = events.EventStamp(connect_request_id(connection.connection_id, self._random_bytes),
                                  self._clock.now_ms())
        connection.authorizer = await self._authorizers.authorize(stage, route, connection, handshake, stamp)
        if route.integration is None:
            return ProxyResult(200)
        event = events.connect_event(connection.facts, stamp, handshake, connection.authorizer)
        try:
            result = await self._integrations.run(stage, "$connect", route.integration, event)
        except IntegrationFailed as failure:
            log.info("$connect refused with %s: %s", failure.handshake_status, failure)
            raise Refused(failure.handshake_status, frames.INTERNAL_SERVER_ERROR) from failure
        if not 200 <= result.status_code < 300:
            raise Refused(result.status_code)
        return result

    def opened(self, connection: Connection) -> None:
        """The handshake is answered 101: the connection is reachable from now on."""
        connection.move(Happening.ACCEPTED)
        self.connections.add(connection)
        end = self._clock.call_later
        connection.timers.append(end(self.settings.connection_duration_s, lambda: self.close(connection, GOING_AWAY)))
        self._watch_idle(connection)

    def received(self, connection: Connection, text: str) -> None:
        """A message came in; it is served beside others, so replies may overtake each other."""
        connection.last_active_ms = self._clock.now_ms()
        self._spawn(self._serve_message(connection, text))

    def ended(self, connection: Connection, ending: Ending) -> None:
        """The connection's socket has ended; ``$disconnect`` runs, its result has no effect."""
        if connection.state.value != "open":
            return
        connection.move(Happening.CLOSED)
        self.connections.remove(connection)
        for timer in connection.timers:
            timer.cancel()
        self._spawn(self._serve_disconnect(connection, ending))

    def send(self, connection: Connection, text: str) -> None:
        """Sends a text frame. Raises ClientReadsTooSlowly."""
        if connection.socket is not None:
            connection.socket.send_text(text)
            connection.last_active_ms = self._clock.now_ms()

    def close(self, connection: Connection, ending: Ending) -> None:
        """Closes a connection from the gateway's side."""
        if connection.socket is not None:
            connection.socket.close(ending)

    async def stop(self) -> None:
        """Closes all connections and drops what is being served."""
        for connection in self.connections.all():
            self.close(connection, GOING_AWAY)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve_message(self, connection: Connection, text: str) -> None:
        facts = connection.facts
        stamp = events.EventStamp(new_id(self._random_bytes), self._clock.now_ms())
        stage = self._stages.served_stage(facts.api_id, facts.stage)
        route = _route_for(stage, text)
        if stage is None or route is None or route.integration is None:
            # Guess: a route without an integration answers as one that is not there.
            self._send_error(connection, frames.FORBIDDEN, stamp)
            return
        if not self._throttles.allow(stage, route.route_key, self._clock.monotonic()):
            self._send_error(connection, frames.TOO_MANY_REQUESTS, stamp)
            return
        message_id = new_message_id(facts.connection_id, self._random_bytes)
        if not satisfies_model(route.model_selection_expression, route.request_models, text):
            self._try_send(connection, frames.bad_request_body_frame(connection.connection_id, message_id))
            return
        event = events.message_event(facts, stamp, route.route_key, message_id, text,
                                     _without_latency(connection.authorizer))
        try:
            result = await self._integrations.run(stage, route.route_key, route.integration, event)
        except IntegrationFailed as failure:
            log.info("%s failed: %s", route.route_key, failure)
            self._send_error(connection, failure.frame_message, stamp)
            return
        if _answers(route):
            # FIDELITY section 7: two-way; without a body an empty message reaches the client.
            self._try_send(connection, result.body or "")

    async def _serve_disconnect(self, connection: Connection, ending: Ending) -> None:
        facts = connection.facts
        stage = self._stages.served_stage(facts.api_id, facts.stage)
        route = stage.snapshot.routes.get("$disconnect") if stage else None
        if stage is None or route is None or route.integration is None:
            return
        stamp = events.EventStamp(new_id(self._random_bytes), self._clock.now_ms())
        context = _without_latency(connection.authorizer)
        event = events.disconnect_event(facts, stamp, ending.code, ending.reason, context)
        try:
            await self._integrations.run(stage, "$disconnect", route.integration, event)
        except IntegrationFailed as failure:
            log.info("$disconnect failed: %s", failure)

    def _send_error(self, connection: Connection, message: str, stamp: events.EventStamp) -> None:
        self._try_send(connection, frames.error_frame(message, connection.connection_id, stamp.request_id))

    def _try_send(self, connection: Connection, text: str) -> None:
        try:
            self.send(connection, text)
        except ClientReadsTooSlowly:
            log.info("a frame for %s was dropped: the client reads too slowly", connection.connection_id)

    def _watch_idle(self, connection: Connection) -> None:
        """Closes the connection once no message went either way for the idle time-out."""
        idle_s = (self._clock.now_ms() - connection.last_active_ms) / 1000
        left_s = self.settings.idle_timeout_s - idle_s
        if left_s <= 0:
            self.close(connection, GOING_AWAY)
            return
        connection.timers[1:] = [self._clock.call_later(left_s, lambda: self._watch_idle(connection))]

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _route_for(stage: ServedStage | None, text: str) -> Route | None:
    if stage is None:
        return None
    routes = stage.snapshot.routes
    expression = fill_stage_variables(stage.snapshot.route_selection_expression, stage.stage_variables)
    key = select_route(expression, text, routes)
    return routes[key] if key is not None else None


def _answers(route: Route) -> bool:
    """Two-way needs both halves (FIDELITY section 7)."""
    return route.route_response_selection_expression == "$default" and "$default" in route.route_response_keys


def _without_latency(authorizer: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    if authorizer is None:
        return None
    return {key: value for key, value in authorizer.items() if key != "integrationLatency"}

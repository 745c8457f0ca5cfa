"""API Gateway's WebSocket side: who is connected, from the handshake to the end.

Lives here: the life of connections and their time limits. What an event does
is the executions' business; frames and sockets are the shells'.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from localstage.clock import Clock
from localstage.core import events
from localstage.core.connection import GOING_AWAY, Ending, State, Transition, new_id
from localstage.core.management import execute_api_host_of
from localstage.core.refusals import INTERNAL_SERVER_ERROR, error_text
from localstage.core.snapshot import ServedStage
from localstage.door.signatures.verification import KnownKey
from localstage.gateway.connections import Connection, Connections
from localstage.gateway.executions import Executions, GatewayAccount
from localstage.gateway.socket import ClientReadsTooSlowly
from localstage.settings import Settings

log = logging.getLogger(__name__)

_MESSAGES_BEFORE_DISCONNECT_S = 5.0
MOST_IN_PROGRESS = 1_000
"""Messages of one connection that are served at the same time, or wait for a function."""


ExecuteApiDenial = Callable[[KnownKey, str, str, str | None], str | None]
"""Why a caller may not do an action on an ARN from an IP address: the denial's sentence, or None if they may."""


class Gateway:
    """Serves the connections of all stages; the one owner of open connections."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        account: GatewayAccount,
        random_bytes: Callable[[int], bytes] = os.urandom,
    ):
        self.settings = settings
        self.connections = Connections()
        self.stages = account.stages
        self.executions = Executions(settings, clock, account, random_bytes)
        self._clock = clock
        self._telemetry = account.telemetry
        self._random_bytes = random_bytes
        self._tasks: set[asyncio.Task[None]] = set()

    def new_connection(
        self, stage: ServedStage, source_ip: str, user_agent: str | None, signer: Mapping[str, str | None]
    ) -> Connection:
        """A connection in state CONNECTING, not yet known to the management API.

        ``signer`` is what ``identity`` gains where the handshake was signed.
        """
        now = self._clock.now_ms()
        facts = events.ConnectionFacts(
            connection_id=new_id(self._random_bytes),
            connected_at_ms=now,
            api_id=stage.api_id,
            stage=stage.stage_name,
            domain_name=execute_api_host_of(stage.api_id, stage.region),
            source_ip=source_ip,
            user_agent=user_agent,
            stage_variables=stage.stage_variables,
            signer=signer,
        )
        return Connection(facts, stage.region, last_active_ms=now, last_active_s=self._clock.monotonic())

    def opened(self, connection: Connection) -> None:
        """The handshake is answered 101: the connection is reachable from now on."""
        connection.advance(Transition.ACCEPTED)
        self.connections.add(connection)
        connection.timers.append(
            self._clock.call_later(self.settings.connection_duration_s, lambda: self.close(connection, GOING_AWAY))
        )
        self._watch_idle(connection)

    def received(self, connection: Connection, text: str) -> None:
        """A message came in; it is served beside others, so replies may overtake each other.

        Guess (Many messages): on AWS the messages of one connection are bounded by the account's limits alone,
        which allow more than this machine does; one too many is answered as if it were throttled.
        """
        self._note_activity(connection)
        if len(connection.being_served) >= MOST_IN_PROGRESS:
            self._reply(connection, self.executions.refuse(connection))
            return
        serving = self._spawn(self._serve_message(connection, text))
        connection.being_served.add(serving)
        serving.add_done_callback(connection.being_served.discard)

    def ended(self, connection: Connection, ending: Ending) -> None:
        """The connection's socket has ended; ``$disconnect`` runs once."""
        if connection.state is not State.OPEN:
            return
        connection.advance(Transition.CLOSED)
        self.connections.remove(connection)
        for timer in connection.timers:
            timer.cancel()
        self._spawn(self._leave(connection, ending))

    def send(self, connection: Connection, text: str) -> None:
        """Sends a text frame. Raises ClientReadsTooSlowly."""
        if connection.socket is not None:
            connection.socket.send_text(text)
            self._telemetry.record_sent(connection.facts, connection.region)
            self._note_activity(connection)

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
        try:
            frame = await self.executions.message(connection, text)
        except Exception:  # A defect of localstage must not be silence for the client.
            log.exception("a message of %s could not be served", connection.connection_id)
            frame = error_text(INTERNAL_SERVER_ERROR, connection.connection_id, new_id(self._random_bytes))
        if frame is not None:
            self._reply(connection, frame)

    def _reply(self, connection: Connection, frame: str) -> None:
        try:
            self.send(connection, frame)
        except ClientReadsTooSlowly:
            log.info("a frame for %s was dropped: the client reads too slowly", connection.connection_id)

    async def _leave(self, connection: Connection, ending: Ending) -> None:
        # Guess (`$disconnect` right after): on AWS $disconnect comes so late that a message sent right before
        # the close is served first, and AWS's own examples need that: their
        # message handler reads the row that their $disconnect deletes.
        if connection.being_served:
            await asyncio.wait(connection.being_served, timeout=_MESSAGES_BEFORE_DISCONNECT_S)
        await self.executions.disconnect(connection, ending)

    def _watch_idle(self, connection: Connection) -> None:
        """Closes the connection once no message went either way for the idle time-out."""
        left_s = self.settings.idle_timeout_s - (self._clock.monotonic() - connection.last_active_s)
        if left_s <= 0:
            self.close(connection, GOING_AWAY)
            return
        connection.timers[1:] = [self._clock.call_later(left_s, lambda: self._watch_idle(connection))]

    def _note_activity(self, connection: Connection) -> None:
        """A message went either way: by the time of day for GetConnection, by one that never jumps for the time-out."""
        connection.last_active_ms, connection.last_active_s = self._clock.now_ms(), self._clock.monotonic()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

"""The open connections of all stages: who is there, since when, last active when.

The one owner of open connections. Does not know how messages are routed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from localstage.clock import Timer
from localstage.core.connection import State, Transition, next_state
from localstage.core.events import ConnectionFacts, HandshakeRequest
from localstage.core.snapshot import ServedStage
from localstage.gateway.socket import WebSocket


@dataclass
class Connection:
    """One WebSocket as the gateway sees it."""

    facts: ConnectionFacts
    region: str
    authorizer: Mapping[str, Any] | None = None
    """What each event has under ``requestContext.authorizer``; None if nobody was asked."""
    state: State = State.CONNECTING
    last_active_ms: int = 0
    last_active_s: float = 0.0
    """The same moment on the clock that never goes back."""
    socket: WebSocket | None = None
    timers: list[Timer] = field(default_factory=list)
    being_served: set[asyncio.Task[None]] = field(default_factory=set)
    """Its messages that an integration is working on."""

    @property
    def connection_id(self) -> str:
        return self.facts.connection_id

    def advance(self, transition: Transition) -> None:
        """Goes on in its life. Raises IllegalMove."""
        self.state = next_state(self.state, transition)


@dataclass(frozen=True)
class ConnectRequest:
    """One handshake: which stage it is for, the connection that it would open, and what was sent."""

    stage: ServedStage
    connection: Connection
    handshake: HandshakeRequest
    signature_refusal: str | None = None
    """Why the signature of a handshake that must be signed (AWS_IAM) does not count; None if it does."""


class Connections:
    """Open connections by id."""

    def __init__(self) -> None:
        self._open: dict[str, Connection] = {}

    def add(self, connection: Connection) -> None:
        """Makes an open connection known to the management API."""
        self._open[connection.connection_id] = connection

    def remove(self, connection: Connection) -> None:
        """Forgets a connection; it is gone from now on."""
        self._open.pop(connection.connection_id, None)

    def get(self, api_id: str, stage: str, connection_id: str) -> Connection | None:
        """The open connection with this id on this stage, or None."""
        connection = self._open.get(connection_id)
        if connection is None or (connection.facts.api_id, connection.facts.stage) != (api_id, stage):
            return None
        return connection

    def all(self) -> list[Connection]:
        """A list of all open connections."""
        return list(self._open.values())

    def __len__(self) -> int:
        return len(self._open)

"""The life of one WebSocket connection, as a table, and how its end is told.

AWS: FIDELITY sections 3 and 4. Illegal moves raise and change nothing. Does
not know sockets: the gateway's shell reports what happened.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class State(Enum):
    """Where a connection is in its life."""

    CONNECTING = "connecting"
    OPEN = "open"
    CLOSED = "closed"


class Transition(Enum):
    """What can happen to a connection. One that is refused is forgotten before it is open."""

    ACCEPTED = "the $connect integration accepted it, or there is none"
    CLOSED = "either side closed it, or it was cut"


TRANSITIONS: dict[tuple[State, Transition], State] = {
    (State.CONNECTING, Transition.ACCEPTED): State.OPEN,
    (State.OPEN, Transition.CLOSED): State.CLOSED,
}
"""Only a connection that was open has a $disconnect (Guess: none after a refused connect; FIDELITY section 4)."""


class IllegalMove(Exception):
    """Something happened that cannot happen in this state."""


def next_state(state: State, transition: Transition) -> State:
    """The state that follows. Raises IllegalMove."""
    try:
        return TRANSITIONS[state, transition]
    except KeyError:
        raise IllegalMove(f"a connection that is {state.value} cannot be {transition.name.lower()}") from None


@dataclass(frozen=True)
class Ending:
    """Close code and reason as the $disconnect event tells them."""

    code: int
    reason: str


NO_STATUS = Ending(1005, "Client-side close frame status not set")
GOING_AWAY = Ending(1001, "Going away")
DELETED = Ending(1000, "Connection Closed Normally")
CUT = Ending(1006, "")  # Guess: no public capture of a cut connection (FIDELITY section 4, unsure).


def ending_of_client_close(code: int, reason: str) -> Ending:
    """The ending for a close frame that the client sent; 1005 stands for a frame without a code.

    Guess: an own code and reason are passed through (FIDELITY section 4, unsure).
    """
    return NO_STATUS if code == 1005 else Ending(code, reason)

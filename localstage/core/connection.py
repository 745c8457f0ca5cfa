"""One WebSocket connection: its ids, its life as a table, and how its end is told.

AWS: FIDELITY sections 1, 3 and 4. Ids are 11 bytes in base64url, 16 characters
ending in ``=``; random bytes come in as an argument, so a test can fix them.
Illegal moves raise and change nothing. Does not know sockets: the gateway's
shell reports what happened.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

ID_BYTES = 11
SHARED_TAIL_BYTES = 4

RandomBytes = Callable[[int], bytes]


def encode_id(raw: bytes) -> str:
    """The text form of an id's bytes."""
    return base64.urlsafe_b64encode(raw).decode("ascii")


def new_id(random_bytes: RandomBytes) -> str:
    """A fresh connection or request id."""
    return encode_id(random_bytes(ID_BYTES))


def new_message_id(connection_id: str, random_bytes: RandomBytes) -> str:
    """A message id; its last four bytes are those of its connection id (FIDELITY section 1)."""
    tail = base64.urlsafe_b64decode(connection_id)[-SHARED_TAIL_BYTES:]
    return encode_id(random_bytes(ID_BYTES - SHARED_TAIL_BYTES) + tail)


def connect_request_id(connection_id: str, random_bytes: RandomBytes) -> str:
    """The request id of a CONNECT event; it begins as the connection id does (FIDELITY section 1)."""
    head = base64.urlsafe_b64decode(connection_id)[:SHARED_TAIL_BYTES]
    return encode_id(head + random_bytes(ID_BYTES - SHARED_TAIL_BYTES))


def is_well_formed_id(text: str) -> bool:
    """Whether the text could be a connection id: base64url of 8 to 16 bytes.

    The length is left open because one capture has 20 characters (FIDELITY
    section 1). A malformed id is answered 400, a well-formed unknown one 410.
    """
    try:
        raw = base64.b64decode(text.encode("ascii"), altchars=b"-_", validate=True)
    except (UnicodeEncodeError, binascii.Error):
        return False
    return 8 <= len(raw) <= 16


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
"""Only a connection that was open has a $disconnect.

Guess (`$disconnect` after a refused): none after a refused connect; FIDELITY section 4.
"""


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
CUT = Ending(
    1006, ""
)  # Guess (A line that is cut): no public capture of a cut connection (FIDELITY section 4, unsure).


def ending_of_client_close(code: int, reason: str) -> Ending:
    """The ending for a close frame that the client sent; 1005 stands for a frame without a code.

    Guess (A close without): an own code and reason are passed through (FIDELITY section 4, unsure).
    """
    return NO_STATUS if code == 1005 else Ending(code, reason)

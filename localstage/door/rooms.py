"""What a service's room may offer the door. Everything may be left out; what is not offered is moto's alone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from localstage.door.call import Answer, AwsCall
from localstage.door.refusal import Refusal


class ServicePace(Protocol):
    """A service at AWS's pace. All of it runs on the account thread; times are of one monotonic clock."""

    def refusal(self, call: AwsCall, now: float) -> Refusal | None:
        """What AWS answers instead of doing the call; None when it does it."""

    def answer(self, call: AwsCall, now: float, proceed: Callable[[], Answer]) -> Answer:
        """The call's answer as AWS would give it now; ``proceed`` does the call."""

    def forget(self) -> None:
        """The account has been emptied: nothing is waited for any more."""


@dataclass(frozen=True)
class Room:
    """One service, by the name that its calls are signed for."""

    prepare: Callable[[], Awaitable[None]] | None = None
    """Awaited on the event loop before a call: makes readable what has been written elsewhere."""
    refusal: Callable[[AwsCall], Refusal | None] | None = None
    """A limit of the service that holds at any pace. On the account thread."""
    pace: ServicePace | None = None
    """None for a service that is done when it answers."""
    answers: Callable[[AwsCall], bool] | None = None
    """Which calls do not go to moto: ``answer`` does them, on the event loop."""
    answer: Callable[[AwsCall], Awaitable[Answer]] | None = None
    """Answers one of them. Raises Refusal."""


Rooms = Mapping[str, Room]
NO_ROOM = Room()

"""How long everything takes at AWS's pace, and two notions of time that the rooms' paces are made of.

AWS promises none of these times. Here they are about a tenth of what is
usually seen there, so that a class is rehearsed in minutes. Everything takes
``now``, in seconds of one monotonic clock. What is replaced is replaced whole,
so another thread may ask while the owner changes it.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, fields
from typing import Generic, TypeVar

T = TypeVar("T")
Name = TypeVar("Name", bound=Hashable)


@dataclass(frozen=True)
class Delays:
    """Times in seconds. Guess (How long everything takes): all of them; docs/differences.md says so."""

    table_s: float = 1.0
    """A table is CREATING, UPDATING or DELETING."""
    time_to_live_s: float = 2.0
    """A table's time to live is ENABLING or DISABLING; AWS: UpdateTimeToLive, up to an hour."""
    stale_read_s: float = 0.5
    """A read that is not consistent shows the table as it was so long ago."""
    function_s: float = 1.0
    """A function is Pending, or its last update InProgress."""
    role_s: float = 2.0
    """Lambda cannot assume a new role yet; AWS: IAM, changes are not always immediately visible."""
    policy_s: float = 1.0
    """A changed policy or permission is not in effect yet."""
    stack_step_s: float = 0.05
    """CloudFormation's time for one half of the work on one resource. AWS works on many at the same time."""
    change_set_s: float = 0.5
    """A change set is CREATE_PENDING for so long, and then CREATE_IN_PROGRESS."""
    stage_s: float = 1.0
    """API Gateway serves what a stage was before: nothing (403) or the old deployment."""
    deployment_s: float = 1.0
    """The least time between two CreateDeployment calls; AWS: FIDELITY section 5, five seconds."""
    log_lines_s: float = 1.0
    """A line that a function has written is not in CloudWatch Logs yet."""

    def times(self, factor: float) -> Delays:
        """All delays, ``factor`` times as long."""
        return Delays(**{field.name: getattr(self, field.name) * factor for field in fields(self)})


class Delayed(Generic[T]):
    """A value of which others see each change some time after it was made.

    A policy that is set at 3.0 and counts from 4.0 on: ``change(new, due=4.0)``;
    ``seen(3.5)`` is the old one.
    """

    def __init__(self, first: T):
        self._seen = first
        self._coming: tuple[tuple[float, T], ...] = ()

    def change(self, value: T, due: float) -> None:
        """The value changes; others see it from ``due`` on. ``due`` must not go back from call to call."""
        self._coming = (*self._coming, (due, value))

    def seen(self, now: float) -> T:
        """What others see."""
        come = [value for due, value in self._coming if due <= now]
        return come[-1] if come else self._seen

    def forget_past(self, now: float) -> None:
        """Drops what nobody sees any more. Only the owner may call this."""
        self._seen, self._coming = self.seen(now), tuple(entry for entry in self._coming if entry[0] > now)

    def settled(self, now: float) -> bool:
        """Whether the last change is seen."""
        return all(due <= now for due, _ in self._coming)


class PendingUntil(Generic[Name]):
    """Names of what is not ready yet, each until a time: tables that are CREATING, functions that are Pending."""

    def __init__(self) -> None:
        self._until: dict[Name, float] = {}

    def begin(self, name: Name, until: float) -> None:
        """Work on ``name`` lasts until then."""
        self._until[name] = until

    def has(self, name: Name, now: float) -> bool:
        """Whether work on ``name`` is going on."""
        return now < self._until.get(name, now)

    def forget(self, name: Name) -> None:
        """Work on ``name`` has ended, if there was any."""
        self._until.pop(name, None)

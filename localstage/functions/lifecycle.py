"""The life of one execution environment: its phases, and which of them may follow which.

The pool and the environment share one ``Lifecycle``, which alone knows the
environment's phase. Nothing here knows of processes, sockets or the clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Phase(Enum):
    """Where an execution environment is. AWS: Lambda developer guide, execution environment lifecycle."""

    INIT = "Init"
    """The process starts and the handler's module is imported."""
    READY = "Ready"
    """The runtime waits for an invocation."""
    INVOKE = "Invoke"
    """The handler runs."""
    ANSWERED = "Answered"
    """The result is known, the runtime has not asked for the next invocation yet."""
    ENDED = "Ended"
    """The process is gone or about to be."""


class Step(Enum):
    """What may happen to an execution environment."""

    NEXT = "ask for an invocation"
    INITIALISED = "become ready"
    ASSIGN = "be given an invocation"
    ANSWER = "answer"
    END = "end"


TRANSITIONS = {
    (Phase.INIT, Step.NEXT): Phase.INIT,
    (Phase.INIT, Step.INITIALISED): Phase.READY,
    (Phase.READY, Step.NEXT): Phase.READY,
    (Phase.READY, Step.ASSIGN): Phase.INVOKE,
    (Phase.INVOKE, Step.ANSWER): Phase.ANSWERED,
    (Phase.ANSWERED, Step.NEXT): Phase.READY,
    **{(phase, Step.END): Phase.ENDED for phase in Phase},
}


class IllegalStep(Exception):
    """The step is not allowed in this phase; the phase stays as it was."""

    def __init__(self, phase: Phase, step: Step) -> None:
        super().__init__(f"An execution environment in {phase.value} cannot {step.value}.")


@dataclass
class Lifecycle:
    """One environment of a revision of a function, and its phase ``since`` a time in seconds."""

    environment: str
    function: str
    revision: str
    since: float
    phase: Phase = Phase.INIT

    def take(self, step: Step, now: float) -> None:
        """Goes on to the phase that follows. Raises IllegalStep."""
        after = TRANSITIONS.get((self.phase, step))
        if after is None:
            raise IllegalStep(self.phase, step)
        if after is not self.phase:
            self.phase, self.since = after, now

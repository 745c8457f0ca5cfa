"""The life of one execution environment, as a table.

Here are the states, the moves and which move is allowed in which state.
Nothing here knows of processes, sockets or the clock.
"""

from __future__ import annotations

from enum import Enum


class Life(Enum):
    """Where an execution environment is."""

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


class Move(Enum):
    """What may happen to an execution environment."""

    NEXT = "next"
    ASSIGN = "assign"
    ANSWER = "answer"
    END = "end"


TRANSITIONS = {
    (Life.INIT, Move.NEXT): Life.READY,
    (Life.READY, Move.NEXT): Life.READY,
    (Life.READY, Move.ASSIGN): Life.INVOKE,
    (Life.INVOKE, Move.ANSWER): Life.ANSWERED,
    (Life.ANSWERED, Move.NEXT): Life.READY,
    (Life.INIT, Move.END): Life.ENDED,
    (Life.READY, Move.END): Life.ENDED,
    (Life.INVOKE, Move.END): Life.ENDED,
    (Life.ANSWERED, Move.END): Life.ENDED,
    (Life.ENDED, Move.END): Life.ENDED,
}


class IllegalMove(Exception):
    """The move is not allowed in this state; the state stays as it was."""

    def __init__(self, life: Life, move: Move) -> None:
        super().__init__(f"An execution environment in {life.value} cannot {move.value}.")
        self.life = life
        self.move = move


def after(life: Life, move: Move) -> Life:
    """The state that follows. Raises IllegalMove."""
    try:
        return TRANSITIONS[life, move]
    except KeyError:
        raise IllegalMove(life, move) from None

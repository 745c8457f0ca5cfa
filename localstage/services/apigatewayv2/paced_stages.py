"""Stages as clients see them at AWS's pace: a change of what a stage serves is seen a moment later.

Written on the account thread, read on the event loop.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from localstage.core.snapshot import ServedStage
from localstage.door.delays import Delayed

if TYPE_CHECKING:
    from localstage.services.apigatewayv2.stage import Stage


class PacedStages:
    """What each stage of API Gateway is seen to serve."""

    def __init__(self, delay_s: float, now: Callable[[], float]):
        self._delay_s = delay_s
        self._now = now
        self._late: WeakKeyDictionary[Stage, Delayed[ServedStage | None]] = WeakKeyDictionary()

    def refreshed(self, stage: Stage) -> None:
        """What the stage serves has changed."""
        late = self._late.setdefault(stage, Delayed(None))
        late.forget_past(self._now())
        late.change(stage.served, self._now() + self._delay_s)

    def seen(self, stage: Stage) -> ServedStage | None:
        """What the stage serves to a client now; None answers 403."""
        late = self._late.get(stage)
        return stage.served if late is None else late.seen(self._now())

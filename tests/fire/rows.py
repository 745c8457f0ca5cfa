"""What a trial says: one row of the table in docs/reliability.md."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from localstage import LocalStage


@dataclass(frozen=True)
class Row:
    """What was tried, whether what is promised of it held, and the figures."""

    area: str
    tried: str
    held: bool
    number: str

    def __str__(self) -> str:
        return f"| {self.area} | {self.tried} | {'held' if self.held else '**fell**'} | {self.number} |"


Trial = Callable[[LocalStage], Row]
"""One attack on an emulator that runs and is not needed afterwards."""

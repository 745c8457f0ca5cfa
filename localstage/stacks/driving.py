"""Who drives the operations of stacks, and how fast.

An operation yields what it waits for. On the stage nothing needs waiting for,
so operations are driven to their end at once, before the request is answered;
a stage that rehearses AWS's pace brings a driver that takes time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

Steps = Iterator[str]
RESOURCE, CHANGE_SET = "resource", "change set"
"""What an operation can wait for."""


class Driver(Protocol):
    """Drives operations to their end, now or later, always on the account thread."""

    def drive(self, work_id: str, steps: Steps, ended: Callable[[], None]) -> None:
        """Begins an operation of the stack or change set ``work_id``, in place of one that runs for it."""


class AtOnce:
    """The stage's own pace."""

    def drive(self, work_id: str, steps: Steps, ended: Callable[[], None]) -> None:
        """Drives the operation to its end."""
        for _ in steps:
            pass
        ended()

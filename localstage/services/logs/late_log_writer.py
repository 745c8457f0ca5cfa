"""Lines that reach CloudWatch Logs a moment after they were written."""

from __future__ import annotations

from collections.abc import Sequence

from localstage.door.moto import AccountThread
from localstage.door.pace import Timers
from localstage.services.logs.log_writer import LogWriter


class LateLogWriter(LogWriter):
    """Holds every line back. AWS: CloudWatch Logs makes no promise; Guess: for how long."""

    def __init__(self, thread: AccountThread, account_id: str, timers: Timers, delay_s: float):
        super().__init__(thread, account_id)
        self._timers = timers
        self._delay_s = delay_s

    def write(self, region: str, log_group: str, log_stream: str, events: Sequence[tuple[int, str]]) -> None:
        """Takes lines as (milliseconds, message); they can be read later."""
        taken = list(events)
        self._timers.after(
            self._delay_s, lambda: super(LateLogWriter, self).write(region, log_group, log_stream, taken)
        )

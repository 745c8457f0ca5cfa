"""How long a cell waits before it says that something did not happen.

Somebody whose chat is wrong should hear so in seconds. Somebody whose chat is right,
but whose machine thirty others use as well, should not be told that it is wrong.
"""

from __future__ import annotations

import os

MOST = 3.0
"""How many times as long the busiest machine is given: 10 s become as long as API Gateway gives an integration."""


def patience(seconds: float) -> float:
    """So many seconds on a machine with a processor to spare, and more the more programs wait for one (its load average).

    Windows has no load average: always ``seconds`` there.
    """
    if not hasattr(os, "getloadavg"):
        return seconds
    waiting_for_each_processor = os.getloadavg()[0] / (os.cpu_count() or 1)
    return seconds * min(max(waiting_for_each_processor, 1.0), MOST)

"""How long a cell waits before it says that something did not happen.

Somebody whose chat is wrong should hear so in seconds. Somebody whose chat is right,
but whose machine thirty others use as well, should not be told that it is wrong.
"""

from __future__ import annotations

import os

MOST = 3.0
"""How many times as long the busiest machine is given: 10 s become as long as API Gateway gives an integration."""


def patience(timeout: float | None, at_rest_s: float) -> float:
    """The seconds that a cell waits: what it names, exactly, since that may be a rhythm; else ``at_rest_s`` or more.

    It is more where more programs wait for a processor than there are processors (the load average, which
    Windows does not have).
    """
    if timeout is not None:
        return timeout
    if not hasattr(os, "getloadavg"):
        return at_rest_s
    waiting_for_each_processor = os.getloadavg()[0] / (os.cpu_count() or 1)
    return at_rest_s * min(max(waiting_for_each_processor, 1.0), MOST)

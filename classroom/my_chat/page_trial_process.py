"""The JavaScript engine of a page's trial, in a process of its own: a line of input is code, a line of output its result.

An engine cannot be ended from within a program that goes on, so it has its own, which ends with its input.
"""

from __future__ import annotations

import json
import os
import sys

from py_mini_racer import JSEvalException, MiniRacer


def main(within_s: float) -> None:
    """Answer ``"code"`` with ``{"value": …}``, ``{"error": "…"}``, or ``{"endless": true}`` after ``within_s`` seconds."""
    engine = MiniRacer()
    for line in sys.stdin:
        try:
            answer = {"value": engine.eval(json.loads(line), timeout_sec=within_s)}
        except TimeoutError:
            answer = {"endless": True}
        except JSEvalException as error:
            answer = {"error": str(error)}
        print(json.dumps(answer, default=lambda value: None), flush=True)
    os._exit(0)  # the engine's threads would keep the process


if __name__ == "__main__":
    main(float(sys.argv[1]))

"""Processes that outlive the execution environment that started them: found by a variable, and ended.

A process that a function starts in a session of its own is in nobody's group
any more, and when its parent ends, nobody's child. What it has kept is its
environment, with the address of its Runtime API, which no other process has.
Linux only; one that has put that variable away stays.

Imported by the emulator, and by bootstrap.py in the environment itself, which
ends what is left when the emulator is gone; so nothing of either is imported here.
Environments of other languages run it as a program then: it ends its group, too.
"""

from __future__ import annotations

import os
import signal

_VARIABLE = b"\0AWS_LAMBDA_RUNTIME_API="


def end_stragglers(runtime_api: str) -> list[int]:
    """Ends every other process that was given this address, or, if it ends in "/", one that begins so; their ids."""
    mark = _VARIABLE + runtime_api.encode() + (b"" if runtime_api.endswith("/") else b"\0")
    ended: list[int] = []
    try:
        names = os.listdir("/proc")
    except OSError:
        return ended
    for name in names:
        if name.isdigit() and int(name) != os.getpid() and _has(name, mark):
            try:
                os.kill(int(name), signal.SIGKILL)
                ended.append(int(name))
            except OSError:
                continue  # It has ended by itself.
    return ended


def _has(pid: str, mark: bytes) -> bool:
    try:
        with open(f"/proc/{pid}/environ", "rb") as environ:
            return mark in b"\0" + environ.read() + b"\0"
    except OSError:
        return False  # Another user's, or gone.


if __name__ == "__main__":
    end_stragglers(os.environ["AWS_LAMBDA_RUNTIME_API"])
    os.killpg(0, signal.SIGKILL)

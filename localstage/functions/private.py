"""Keeps a process's memory and variables from other processes of the same user (Linux).

Imported by the emulator, which holds the administrator's keys and the key of its
certificate authority, and by the processes of functions, beside which they lie;
so nothing of either is imported here. It is a threshold, no wall: files of the
user's stay readable, and root reads everything.
"""

from __future__ import annotations

import sys

_PR_SET_DUMPABLE = 4


def keep_private() -> bool:
    """Lets no other process of this user read this one's memory or its first variables; whether that was possible.

    A process that this one forks is as private; a program that it starts is not.
    Linux: prctl(2), PR_SET_DUMPABLE.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        import ctypes

        return bool(ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) == 0)
    except (ImportError, OSError, AttributeError):  # A Python or a C library without.
        return False

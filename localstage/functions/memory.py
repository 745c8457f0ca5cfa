"""How much memory a process has used at most, where the system tells it without further packages."""

from __future__ import annotations

import math


def peak_memory_mb(pid: int) -> int | None:
    """The peak resident size of a process in MB, or None: not Linux, or the process is gone."""
    try:
        with open(f"/proc/{pid}/status", "rb") as status:
            found = status.read()
    except OSError:
        return None
    _, mark, rest = found.partition(b"VmHWM:")
    return math.ceil(int(rest.split(None, 1)[0]) / 1024) if mark else None

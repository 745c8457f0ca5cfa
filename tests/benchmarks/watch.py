"""What a subject's processes take: memory and processor time, of all of them together (Linux only).

Memory is the proportional set size, in which pages that processes share count
once; root alone sees it of localstage's processes (functions/private.py), so of
those an ordinary user gets the resident size, in which they count each time.
Processor time is user and system time, that of ended children included.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

_TICKS_PER_S = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


def tree(roots: Iterable[int]) -> list[int]:
    """The process ids of ``roots`` and of all that they have started."""
    found = []
    for root in roots:
        found += [root, *_children(root)]
    return found


def memory_mb(roots: Iterable[int]) -> float:
    """The memory of whole process trees, in MB; 0 where the system does not tell."""
    return sum(pss_mb(pid) for pid in tree(roots))


def cpu_s(roots: Iterable[int]) -> float:
    """The processor time that whole process trees have used so far, in seconds."""
    return sum(_cpu_s(pid) for pid in tree(roots))


def _children(pid: int) -> Iterator[int]:
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            names = task.read_text().split()
        except OSError:
            continue  # It ended while we looked.
        for child in names:
            yield int(child)
            yield from _children(int(child))


def pss_mb(pid: int) -> float:
    """The memory of one process in MB; 0 where the system does not tell."""
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) / 1024
    except PermissionError:
        with suppress(OSError):
            return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
    except OSError:
        pass  # It ended while we looked.
    return 0.0


def _cpu_s(pid: int) -> float:
    try:
        facts = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(int(ticks) for ticks in facts[11:15]) / _TICKS_PER_S

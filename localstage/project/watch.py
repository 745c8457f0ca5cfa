"""Noticing that files have changed, by looking: it works on every system and file system, and needs no library."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from localstage.project.packaging import CannotPackage, files_below

_Picture = frozenset[tuple[str, int, int]]


class Watch:
    """The files of some paths, looked at now and then by whoever calls ``changed``."""

    def __init__(self, paths: Iterable[Path]):
        self._settled = self._last = picture_of(paths)

    def changed(self, paths: Iterable[Path]) -> bool:
        """Whether files have changed since this was last true, and have come to rest: two looks saw the same.

        An editor or a branch's change writes many files, one after the other.
        """
        now = picture_of(paths)
        at_rest, self._last = now == self._last, now
        if not at_rest or now == self._settled:
            return False
        self._settled = now
        return True


def picture_of(paths: Iterable[Path]) -> _Picture:
    """Name, time of change and size of every file of the paths; a path that is gone has none."""
    return frozenset(entry for path in paths for entry in _entries(path))


def _entries(path: Path) -> Iterator[tuple[str, int, int]]:
    with suppress(CannotPackage):  # The next deployment says it.
        for file in files_below(path) if path.is_dir() else (path,):
            try:
                facts = os.stat(file)
            except OSError:
                continue
            yield str(file), facts.st_mtime_ns, facts.st_size

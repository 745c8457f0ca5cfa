"""The folder in which an emulator keeps its files: who has it, and what is left of those that were killed.

An emulator holds a lock on a file of its folder as long as it lives, which the
system takes away whatever ends the process. So a folder whose lock can be had is
nobody's, and the next emulator that starts removes it. Keys and functions' code
are in there.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import BinaryIO

PREFIX = "localstage-"
_LOCK = "in-use"
_MADE_JUST_NOW_S = 600
"""A folder without a lock may be one that an emulator is about to use."""


def new_work_dir() -> Path:
    """A folder that nobody else can read. Raises OSError."""
    return Path(tempfile.mkdtemp(prefix=PREFIX))


def claim(folder: Path) -> BinaryIO:
    """Marks the folder as in use until the file is closed, or this process is gone. Raises OSError."""
    lock = folder / _LOCK
    held = lock.open("xb") if os.name == "nt" else lock.with_suffix(".new").open("xb")
    if os.name != "nt":  # Nobody may see the file before it is locked.
        _is_free(held)
        lock.with_suffix(".new").rename(lock)
    return held


def sweep() -> None:
    """Removes the folders that killed emulators of this user have left; what cannot be removed stays."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        try:
            facts = folder.lstat()
            if hasattr(os, "getuid") and facts.st_uid != os.getuid():
                continue
            if not folder.is_symlink() and folder.is_dir() and _is_nobodys(folder, facts.st_mtime):
                shutil.rmtree(folder, ignore_errors=True)
        except OSError:
            continue  # Another one that starts sweeps, too.


def _is_nobodys(folder: Path, changed_s: float) -> bool:
    lock = folder / _LOCK
    if not lock.is_file():
        return not any(folder.iterdir()) and time.time() - changed_s > _MADE_JUST_NOW_S
    if os.name == "nt":
        lock.unlink()  # Windows lets nobody remove what an emulator has open.
        return True
    with lock.open("rb+") as file:
        return _is_free(file)


def _is_free(file: BinaryIO) -> bool:
    """Takes the lock on a file if nobody has it; whether that was so."""
    import fcntl  # Windows has none.

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True

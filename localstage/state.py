"""Where running emulators are noted, so that ``env``, ``status`` and ``stop`` find them.

One file for each, readable by its owner alone, removed when it ends.
"""

from __future__ import annotations

import http.client
import json
import os
import urllib.request
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import platformdirs

from localstage.environment import Access

NOTE_NAME = "emulator.json"
"""The note in the work directory of an emulator that a parent has started."""
READY = "localstage ready"
"""How the first line of a process that can be reached begins."""


@dataclass(frozen=True)
class RunningEmulator:
    """An emulator that has noted itself."""

    pid: int
    port: int
    work_dir: str
    access: Access


def note_path(port: int) -> Path:
    """The file of the emulator on a port. ``LOCALSTAGE_STATE_DIR`` moves the directory."""
    named = os.environ.get("LOCALSTAGE_STATE_DIR")
    directory = Path(named) if named else platformdirs.user_state_path("localstage", appauthor=False)
    return directory / f"{port}.json"


def write_note(emulator: RunningEmulator, path: Path) -> None:
    """Writes an emulator's note; the file appears whole or not at all, with mode 0600."""
    draft = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    with os.fdopen(_open_in_folder(draft), "w") as file:
        json.dump(asdict(emulator), file)
    draft.replace(path)


def _open_in_folder(path: Path) -> int:
    """A new file's descriptor; its folder is made, also when another one that ends removes it meanwhile."""
    while True:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        except FileNotFoundError:
            continue


def read_note(path: Path) -> RunningEmulator | None:
    """The emulator noted in a file, or None if there is none or it is not readable as one."""
    try:
        facts = json.loads(path.read_text())
        noted = RunningEmulator(facts["pid"], facts["port"], facts["work_dir"], Access(**facts["access"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    # Other numbers than those of one process mean groups of them, or nothing, to the system.
    return noted if type(noted.pid) is int and 0 < noted.pid < 2**31 and type(noted.port) is int else None


def remove_note(path: Path) -> None:
    """Removes a note, and its directory if that is empty now."""
    path.unlink(missing_ok=True)
    with suppress(OSError):  # Others are noted there.
        path.parent.rmdir()


def running_emulators() -> list[RunningEmulator]:
    """All noted emulators whose process is alive; notes of dead ones are removed."""
    forget_dead_emulators()
    return [emulator for _, emulator in _noted()]


def forget_dead_emulators() -> list[RunningEmulator]:
    """Removes the notes of emulators that were killed, and returns what they said."""
    dead = [(path, emulator) for path, emulator in _noted() if not _alive(emulator.pid)]
    for path, _ in dead:
        remove_note(path)
    return [emulator for _, emulator in dead]


def _noted() -> list[tuple[Path, RunningEmulator]]:
    found = ((path, read_note(path)) for path in sorted(note_path(0).parent.glob("*.json")))
    return [(path, emulator) for path, emulator in found if emulator is not None]


def status_of(emulator: RunningEmulator) -> dict[str, Any]:
    """What answers at a noted address says of itself. Raises OSError if nothing answers there as one does."""
    facts = ask(emulator.access.url, "status")
    try:
        return {name: facts[name] for name in ("pid", "region", "connections", "environments")}
    except KeyError as error:
        raise OSError("what answers there is not localstage (KeyError)") from error


def ask(url: str, what: str, timeout_s: float = 5) -> dict[str, Any]:
    """What localstage at an address answers below ``/_localstage/``. Raises OSError if nothing answers there as one does."""
    # No proxy: the variables of another emulator must not lead this call away.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{url}/_localstage/{what}", timeout=timeout_s) as answer:
            facts = json.load(answer)
    except (http.client.HTTPException, ValueError) as error:
        raise OSError(f"what answers there is not localstage ({type(error).__name__})") from error
    if not isinstance(facts, dict):
        raise OSError(f"what answers there is not localstage ({type(facts).__name__})")
    return facts


def _alive(pid: int) -> bool:
    """Whether a process of this number runs; one that has ended, and whose parent has not noticed yet, does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        with open(f"/proc/{pid}/stat", "rb") as stat:
            return stat.read().rpartition(b")")[2].split()[0] not in (b"Z", b"X")
    except OSError:  # Not Linux, or gone by now, which the next one who looks will see.
        return True

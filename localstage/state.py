"""Where running stages are noted, so that ``env``, ``status`` and ``stop`` find them.

One file a stage, readable by its owner alone, removed when the stage ends.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

import platformdirs

from localstage.environment import Reach

NOTE_NAME = "stage.json"
"""The note in the work directory of a stage that a parent has started."""


@dataclass(frozen=True)
class RunningStage:
    """A stage that has noted itself."""

    pid: int
    port: int
    work_dir: str
    reach: Reach


def note_path(port: int) -> Path:
    """The file of the stage on a port. ``LOCALSTAGE_STATE_DIR`` moves the directory."""
    named = os.environ.get("LOCALSTAGE_STATE_DIR")
    directory = Path(named) if named else platformdirs.user_state_path("localstage", appauthor=False)
    return directory / f"{port}.json"


def write_note(stage: RunningStage, path: Path) -> None:
    """Writes a stage's note; the file appears whole or not at all, with mode 0600."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(asdict(stage), file)
    draft.replace(path)


def read_note(path: Path) -> RunningStage | None:
    """The stage noted in a file, or None if there is none or it is not readable as one."""
    try:
        facts = json.loads(path.read_text())
        return RunningStage(facts["pid"], facts["port"], facts["work_dir"], Reach(**facts["reach"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def remove_note(path: Path) -> None:
    """Removes a note, and its directory if that is empty now."""
    path.unlink(missing_ok=True)
    try:
        path.parent.rmdir()
    except OSError:
        pass  # Other stages are noted there.


def running_stages() -> list[RunningStage]:
    """All noted stages whose process is alive; notes of dead ones are removed."""
    found = []
    for path in sorted(note_path(0).parent.glob("*.json")):
        stage = read_note(path)
        if stage is not None and _alive(stage.pid):
            found.append(stage)
        elif stage is not None:
            remove_note(path)
    return found


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True

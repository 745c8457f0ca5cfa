"""``--late 7``: the emulators that tests start do at random late what a busy machine may do late, as the number 7 gives it.

Lives here: how a test's processes get there. What is late, and how, is in sitecustomize.py.
"""

from __future__ import annotations

import os
from pathlib import Path

_FOLDER = str(Path(__file__).parent)
_ROOT = str(Path(__file__).resolve().parents[2])


def of_test(seed: int, nodeid: str) -> None:
    """Lets the emulators that a test starts draw by the seed and the test's name, its own process's likewise.

    Tests of the pure tier have no emulator, only parts of one, in which nothing may take time.
    """
    from tests.late import sitecustomize

    sitecustomize.install()
    if nodeid.startswith("tests/pure/"):
        sitecustomize.begin(None)
        return
    os.environ |= variables(f"{seed} {nodeid}")
    sitecustomize.begin(os.environ["LATE_SEED"])


def variables(seed: str) -> dict[str, str]:
    """What makes the emulators of a program late, and those of all that it starts."""
    path = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    return {
        "LATE_SEED": seed,
        "PYTHONPATH": os.pathsep.join([_FOLDER, *(each for each in path if each not in ("", _FOLDER))]),
    }


def import_path() -> str:
    """The PYTHONPATH of a program that a test starts with variables of its own: the project, and what makes it late."""
    return os.pathsep.join([*[_FOLDER] * ("LATE_SEED" in os.environ), _ROOT])

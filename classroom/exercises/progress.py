"""What a learner has done so far: exercises, misses and predictions, in ``my_chat/progress.json``.

Written after each check and each prediction, read by ``lesson.progress()`` and
``course.py progress``. Knows the file and its shape; which exercises there are
is told by ``classroom.exercises.registry``.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from classroom.my_chat.folder import Folder, save

FILE = "progress.json"


@dataclass
class Attempt:
    """What happened with one exercise: ``passed`` is the UTC time at which its check passed first, "" until then."""

    passed: str = ""
    misses: int = 0
    since: int = 0
    """Misses since the check passed, or since the beginning: what decides about hints."""


@dataclass
class Progress:
    """One learner's progress: attempts by exercise, such as "4.1", and chosen answers by prediction, such as "4.a"."""

    learner: str = ""
    exercises: dict[str, Attempt] = field(default_factory=dict)
    predictions: dict[str, str] = field(default_factory=dict)

    def passed(self) -> set[str]:
        """The numbers of the exercises that are done."""
        return {number for number, attempt in self.exercises.items() if attempt.passed}


def read(path: Path) -> Progress:
    """The progress in a file; an empty one if there is no such file.

    A file that cannot be read is put aside as ``progress.broken.json``, and a new one is begun.
    """
    try:
        facts = json.loads(path.read_text("utf-8"))
        attempts = {number: Attempt(**attempt) for number, attempt in facts["exercises"].items()}
        return Progress(facts["learner"], attempts, dict(facts["predictions"]))
    except FileNotFoundError:
        return Progress()
    except (ValueError, KeyError, TypeError, AttributeError):
        os.replace(path, path.with_name("progress.broken.json"))
        return Progress()


class Record:
    """The learner's own progress, kept in their folder. Each change is written at once."""

    def __init__(self, folder: Folder, learner: str = ""):
        self._path = folder.path / FILE
        self._learner = learner

    def read(self) -> Progress:
        """What is recorded now: another notebook may have written meanwhile."""
        return read(self._path)

    def passed(self, exercise: str) -> None:
        """An exercise's check has found everything right."""
        progress = self.read()
        attempt = progress.exercises.setdefault(exercise, Attempt())
        attempt.passed = attempt.passed or datetime.now(UTC).isoformat(timespec="seconds")
        attempt.since = 0
        self._write(progress)

    def missed(self, exercise: str) -> int:
        """An exercise's check has found something wrong; how many times in a row that is now."""
        progress = self.read()
        attempt = progress.exercises.setdefault(exercise, Attempt())
        attempt.misses += 1
        attempt.since += 1
        self._write(progress)
        return attempt.since

    def predicted(self, prediction: str, answer: str) -> None:
        """The learner has chosen an answer."""
        progress = self.read()
        progress.predictions[prediction] = answer
        self._write(progress)

    def _write(self, progress: Progress) -> None:
        progress.learner = self._learner or progress.learner
        save(self._path, json.dumps(asdict(progress), indent=1, ensure_ascii=False) + "\n")

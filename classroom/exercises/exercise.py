"""One exercise: what it asks for, and how ``lesson.check("4.1")`` judges the answer.

The judge is a function in ``classroom/exercises/lesson_NN.py``. Around it this
file says what every check has in common: an unfilled blank, a missing name or
file and a cell that failed are told in plain words; a wrong answer gets the
first wrong fact and where to look, then the hint, then the solution; nothing
runs longer than its time. Knows no AWS.
"""

from __future__ import annotations

import ast
import difflib
import dis
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from classroom.errors import OneSentence
from classroom.exercises.cells import CellWatch
from classroom.exercises.checks import CheckFailed, described
from classroom.exercises.progress import Record
from classroom.my_chat.folder import Folder, fault_of
from classroom.my_chat.trial import Trial
from classroom.my_chat.writing import is_empty

HINT_AFTER, SOLUTION_AFTER = 3, 5
_COUNTS = {1: "blank", 2: "two blanks", 3: "three blanks", 4: "four blanks"}


class NotAnswered(Exception):
    """There is nothing to judge yet; the text says what to do. It does not count as a miss."""


class TooSlow(BaseException):
    """An answer took longer than its exercise allows. Not an ``Exception``: a learner's ``except`` must not catch it."""


@dataclass(frozen=True)
class Exercise:
    """What is asked. ``names`` are the notebook's names that answer it, ``file`` is the file of ``my_chat/`` that does.

    ``account`` says that the judge looks at what the learner's cells made in the account. ``look`` is the first
    place to look at when no check names a better one; ``within_s`` how long the judge may take.
    """

    number: str
    judge: Callable[[Answer], None]
    look: str
    names: tuple[str, ...] = ()
    file: str = ""
    account: bool = False
    within_s: float = 30.0


@dataclass(frozen=True)
class Answer:
    """What a judge looks at: the notebook's ``names``, the ``lesson``, and the learner's ``folder``."""

    exercise: Exercise
    names: Mapping[str, Any]
    folder: Folder
    lesson: Any = field(default=None, repr=False)

    def __getattr__(self, name: str) -> Any:
        """A name of the notebook. Raises ``NotAnswered`` where a check is the first to need it."""
        names = object.__getattribute__(self, "names")
        if name.startswith("__") or name not in names:
            raise NotAnswered(f"Run the cell that defines {name} first, then this one.")
        return names[name]

    def trial(self) -> Trial:
        """A trial of the learner's file as it is."""
        return self.lesson.my_chat.trial_of(self.lesson.my_chat.version(self.exercise.file))

    @property
    def text(self) -> str:
        """The learner's file."""
        return self.folder.text(self.exercise.file) or ""


def judge(answer: Answer, record: Record, watch: CellWatch) -> bool:
    """Judge an answer and print what was found: ``ok`` lines, or one line that says what is not right yet."""
    exercise = answer.exercise
    try:
        _refuse_unanswered(answer, watch)
        with within(exercise.within_s):
            exercise.judge(answer)
    except NotAnswered as unanswered:
        print(f"not yet: {unanswered}")
        return False
    except CheckFailed as failed:
        _missed(answer, record, str(failed) if "Look at: " in str(failed) else f"{failed} Look at: {exercise.look}.")
        return False
    except TooSlow:
        _missed(
            answer,
            record,
            f"your answer was still running after {exercise.within_s:g} s, so it was stopped: "
            f"is there a loop that never ends? Look at: {exercise.look}.",
        )
        return False
    except OneSentence as stopped:
        _missed(answer, record, f"{stopped} Look at: {exercise.look}.")
        return False
    except Exception as error:
        _missed(answer, record, f"your answer stopped with an error: {described(error)} Look at: {exercise.look}.")
        return False
    if exercise.file:
        answer.folder.keep_checked(exercise.number, exercise.file)
    record.passed(exercise.number)
    print(f"ok: exercise {exercise.number} is done")
    return True


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Raise ``TooSlow`` inside the block when it takes longer. In the main thread of Linux and macOS; elsewhere no limit."""
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: Any) -> None:
        raise TooSlow

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds, 1.0)  # again each second, should something catch everything
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _refuse_unanswered(answer: Answer, watch: CellWatch) -> None:
    exercise = answer.exercise
    for name in exercise.names:
        if watch.error_of(name):
            raise NotAnswered(
                f"the cell that defines {name} stopped with an error ({watch.error_of(name)}): "
                "mend it, run it again, then run this cell again."
            )
    _refuse_misplaced(answer, watch)
    if any(name not in answer.names for name in exercise.names):
        raise NotAnswered("Run the cell above first, then this one.")
    blanks = sum(_blanks_in(answer.names[name]) for name in exercise.names)
    if blanks:
        raise NotAnswered(f"Fill in the {_COUNTS.get(blanks, 'blanks')} above, then run this cell again.")
    if not exercise.file:
        return
    text = answer.folder.text(exercise.file)
    if text is None or is_empty(text):
        raise NotAnswered(
            f"my_chat/{exercise.file} is not written yet: write it in the cell above, run that, then this."
        )
    fault = fault_of(exercise.file, text)
    if fault:
        raise NotAnswered(f"there is a mistake in my_chat/{exercise.file}: {fault}")


def _refuse_misplaced(answer: Answer, watch: CellWatch) -> None:
    """The last cell has made something, and it is not what the check would look at."""
    exercise, file = answer.exercise, answer.exercise.file
    for name in exercise.names:
        near = difflib.get_close_matches(name, watch.defined - set(exercise.names), 1, 0.8)
        if name not in watch.defined and near:
            raise NotAnswered(f"the last cell defines {near[0]}, and the exercise asks for {name}: mind the spelling.")
    if not file:
        return
    text, path = answer.folder.text(file), answer.folder.path / file
    if watch.wrote not in ("", file) and difflib.get_close_matches(file, [watch.wrote], 1, 0.8):
        raise NotAnswered(
            f"the last cell wrote my_chat/{watch.wrote}, and the exercise asks for {file}: mind the spelling."
        )
    if watch.unwritten_since(file) > (path.stat().st_mtime if text is not None else 0.0):
        raise NotAnswered(
            f"the last cell for my_chat/{file} stopped with an error and changed nothing: mend it, run it again, "
            "then run this cell again."
        )
    lost = watch.defined & _functions_of(text or "") if file.endswith(".py") else set()
    if lost:
        raise NotAnswered(
            f"the last cell defines {min(lost)} in this notebook, and not in my_chat/{file}: it has lost its first line, "
            f"which is %%write {file} or %%mend {file}."
        )


def _functions_of(text: str) -> set[str]:
    """The functions that a file defines, and the one that Lambda looks for."""
    try:
        body = ast.parse(text).body
    except SyntaxError:
        body = []
    return {"lambda_handler", *(one.name for one in body if isinstance(one, ast.FunctionDef))}


def _blanks_in(value: Any) -> int:
    """How many blanks a name still holds: 1 for ``...`` itself, for a function or a collection as many as are left in it."""
    if value is ...:
        return 1
    if isinstance(value, dict | list | tuple):
        return sum(map(_blanks_in, value.values() if isinstance(value, dict) else value))
    code = getattr(value, "__code__", None)
    return sum(step.argval is ... for step in dis.get_instructions(code)) if code else 0


def _missed(answer: Answer, record: Record, sentence: str) -> None:
    number = answer.exercise.number
    misses = record.missed(number)
    print(f"not yet: {sentence[:-1] if sentence.endswith('?.') else sentence}")
    if misses >= SOLUTION_AFTER:
        print(f'lesson.solution("{number}") shows one way to do it, with its reasons.')
    elif misses >= HINT_AFTER:
        print("There is a hint under the question.")

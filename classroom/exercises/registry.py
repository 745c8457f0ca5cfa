"""All exercises and predictions of the course, collected from ``classroom/exercises/lesson_*.py``.

Such a file registers judges with ``@exercise``, the right answers of its
predictions as ``PREDICTIONS``, and as ``FINISHES`` the exercise after which a
file of the learner's is what the next lesson goes on with.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from functools import cache
from types import ModuleType

import classroom.exercises
from classroom.errors import OneSentence
from classroom.exercises.exercise import Answer, Exercise

_MARK = "_exercise_of_the_course"


class NoSuchExercise(OneSentence, LookupError):
    """The course has no exercise of that number."""


def exercise(
    number: str,
    *,
    look: str,
    names: tuple[str, ...] = (),
    file: str = "",
    account: bool = False,
    within_s: float = 30.0,
) -> Callable[[Callable[[Answer], None]], Callable[[Answer], None]]:
    """Register the function below as the judge of an exercise."""

    def register(judge: Callable[[Answer], None]) -> Callable[[Answer], None]:
        setattr(judge, _MARK, Exercise(number, judge, look, names, file, account, within_s))
        return judge

    return register


def exercise_of(number: str) -> Exercise:
    """The exercise of a number such as "4.1". Raises ``NoSuchExercise``."""
    if number not in exercises():
        lesson = name_of_lesson(number)
        known = [one for one in exercises() if name_of_lesson(one) == lesson]
        there = f"lesson {lesson} has {', '.join(known)}" if known else f"there are {', '.join(exercises())}"
        raise NoSuchExercise(f"There is no exercise {number!r}: {there}.")
    return exercises()[number]


@cache
def exercises() -> dict[str, Exercise]:
    """All exercises by number, in the course's order."""
    return {
        one.number: one
        for module in _modules()
        for value in vars(module).values()
        if isinstance(one := getattr(value, _MARK, None), Exercise)
    }


@cache
def predictions() -> dict[str, str]:
    """The right answer of each prediction, such as "4.a"."""
    return {key: answer for module in _modules() for key, answer in getattr(module, "PREDICTIONS", {}).items()}


def finishes(name: str, before_lesson: int) -> str | None:
    """The exercise after which a learner's file is what a lesson begins with; None if no earlier lesson makes it."""
    found = [
        module.FINISHES[name]
        for module in _modules()
        if name in getattr(module, "FINISHES", {}) and lesson_of(module.FINISHES[name]) < before_lesson
    ]
    return found[-1] if found else None


def name_of_lesson(number: str) -> str:
    """The lesson in the number of an exercise, as people say it: "7b" for "7b.2"."""
    return number.partition(".")[0]


def lesson_of(number: str) -> int:
    """The lesson's number in the number of an exercise: 7 for "7b.2"."""
    return int("".join(letter for letter in name_of_lesson(number) if letter.isdigit()))


@cache
def _modules() -> tuple[ModuleType, ...]:
    names = sorted(one.name for one in pkgutil.iter_modules(classroom.exercises.__path__))
    return tuple(importlib.import_module(f"classroom.exercises.{name}") for name in names if name.startswith("lesson_"))

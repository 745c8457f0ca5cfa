"""A learner's half-done chat at each step: a file that is missing, broken, half right, or of an earlier lesson.

Whichever it is, a lesson goes on with one version and says which, or says in one sentence what is wrong.
"""

from __future__ import annotations

import pytest

from classroom.exercises import registry, solutions
from classroom.my_chat.chat import HANDLER, MyChat, NotDeployed
from classroom.my_chat.folder import given
from tests.process.exercise_desk import Desk

WITH_FILES = sorted(number for number, one in registry.exercises().items() if one.file)
BROKEN = {"py": "def lambda_handler(event, context:\n", "yaml": "Resources: [\n", "html": None}


@pytest.fixture
def desk(tmp_path):
    return Desk(tmp_path / "my_chat")


def chat_of(desk: Desk, number: str) -> MyChat:
    """What the exercise's lesson calls ``lesson.my_chat``."""
    return MyChat(None, registry.lesson_of(number), desk.folder)  # type: ignore[arg-type]


def before_it(number: str) -> list[str]:
    """The exercises that make the same file before this one, in the course's order."""
    name, numbers = registry.exercise_of(number).file, list(registry.exercises())
    return [one for one in numbers[: numbers.index(number)] if registry.exercise_of(one).file == name]


@pytest.mark.parametrize("number", WITH_FILES)
def test_version_when_the_file_is_missing(desk, number):
    """The course's answer to this very exercise stands in, and is called so."""
    version = chat_of(desk, number).version(number)
    assert version.files[f"{version.function}.py" if version.name.endswith(".py") else version.name] == (
        solutions.course_text(version.name, number)
    )
    assert str(version) == f"the course's {version.name}, because yours is not written yet"


@pytest.mark.parametrize("number", WITH_FILES)
def test_version_when_the_file_cannot_be_read(desk, number):
    """A mistake that keeps a file from being read is told with its line; nothing else takes the file's place."""
    name = registry.exercise_of(number).file
    broken = BROKEN[name.rpartition(".")[2]]
    if broken is None:
        desk.folder.write(name, "<p>half a page")
        assert chat_of(desk, number).version(number).yours  # a browser reads everything
        return
    desk.folder.write(name, broken)
    with pytest.raises(NotDeployed, match=rf"^There is a mistake in my_chat/{name}, so it was not used: .*line \d"):
        chat_of(desk, number).version(number)
    assert desk.folder.text(name) == broken


@pytest.mark.parametrize("number", [number for number in WITH_FILES if before_it(number)])
def test_version_when_the_file_is_as_an_earlier_exercise_left_it(desk, number):
    """Within a lesson it is the learner's, half right as it is; that of an earlier lesson gives way to the course's."""
    name, earlier = registry.exercise_of(number).file, before_it(number)[-1]
    text = solutions.course_text(name, earlier)
    desk.folder.write(name, text)
    unchecked = chat_of(desk, number).version(number)
    assert (unchecked.yours, str(unchecked)) == (True, f"your {name}, which no check has found right yet")
    desk.folder.keep_checked(earlier, name)
    version = chat_of(desk, number).version(number)
    if registry.lesson_of(earlier) == registry.lesson_of(number):
        assert str(version) == f"your {name}, checked by exercise {earlier}"
    else:
        assert str(version) == f"the course's {name}, because yours is still that of exercise {earlier}"
    assert desk.folder.text(name) == text


@pytest.mark.parametrize("lesson", range(1, 9))
def test_lesson_when_the_chat_before_it_is_unfinished(desk, lesson):
    """A lesson begins with what the last finishing exercise found right, whatever became of the file since."""
    chat = MyChat(None, lesson, desk.folder)  # type: ignore[arg-type]
    exercise = registry.finishes(HANDLER, lesson)
    if exercise is None:
        assert chat.begin_with(lesson) is None
        return
    desk.folder.write(HANDLER, "def lambda_handler(event, context):\n    return None\n")
    begun = chat.begin_with(lesson)
    assert not begun.yours and f"because exercise {exercise} is not done yet" in str(begun)
    desk.folder.write(HANDLER, "def lambda_handler(event, context):\n    return {'statusCode': 200}\n")
    desk.folder.keep_checked(exercise, HANDLER)
    desk.folder.write(HANDLER, "1 / 0\n")
    begun = chat.begin_with(lesson)
    assert str(begun) == f"your {HANDLER}, as exercise {exercise} checked it"
    assert "statusCode" in begun.files[HANDLER] and desk.folder.text(HANDLER) == "1 / 0\n"


@pytest.mark.parametrize("number", [number for number in WITH_FILES if given(registry.exercise_of(number).file)])
def test_check_when_a_handed_out_file_is_as_it_was(desk, number):
    """What the course hands out to be mended does not pass as it is."""
    name = registry.exercise_of(number).file
    desk.folder.write(name, given(name) or "")
    assert desk.check(number).splitlines()[-1].startswith("not yet: ")

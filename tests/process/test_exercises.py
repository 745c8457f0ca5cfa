"""Every exercise: its solution passes, nothing passes unanswered, and natural mistakes get a line that teaches."""

from __future__ import annotations

import ast
import json
import math
import os
import re
import time

import boto3
import nbformat
import pytest
from IPython.core.error import UsageError

from classroom.exercises import registry, solutions
from classroom.exercises.checks import check, eventually
from classroom.my_chat.chat import MyChat, NoSuchFunction, NotDeployed
from classroom.my_chat.folder import NotWritten
from classroom.operations.notebooks import NOTEBOOKS
from tests.process.exercise_desk import Desk, expect_not_answered, expect_refused, expect_solved, name_of, wrong_answers

NUMBERS = sorted(number for number, one in registry.exercises().items() if not one.account)
"""The others are tried in tests/course/test_exercises_in_an_account.py."""
KNOWN = {"json": json, "math": math, "time": time, "boto3": boto3, "check": check, "eventually": eventually}
"""What the set-up cell of a lesson imports."""

OTHER_WAYS = {
    "1.2": """
def last_two(room):
    newest = dynamodb.query(
        TableName=messages, KeyConditions={
            "room_id": {"ComparisonOperator": "EQ", "AttributeValueList": [{"S": room}]}},
        ScanIndexForward=False, Limit=2)["Items"]
    texts = []
    for item in newest:
        texts.insert(0, item["message"]["S"])
    return texts
""",
    "1.3": """
def store(room, timestamp, text):
    item = {"room_id": {"S": room}, "timestamp": {"N": str(timestamp)}, "message": {"S": text}}
    try:
        dynamodb.put_item(TableName=messages, Item=item, ConditionExpression="attribute_not_exists(room_id)")
    except dynamodb.exceptions.ConditionalCheckFailedException:
        return store(room, timestamp + 1, text)
    return timestamp
""",
    "99.1": """
def find_mine(names, tags_of):
    mine = []
    for name in names:
        if name[:len(lesson.prefix) + 1] == lesson.prefix + "-":
            tags = tags_of(name)
            if all(tags.get(key) == value for key, value in lesson.tags.items()):
                mine.append(name)
    return mine
""",
    "99.2": """
def remove(name):
    if name in table_names():
        dynamodb.delete_table(TableName=name)
        while name in table_names():
            time.sleep(1)
""",
}
"""Answers that are right, and of another form than the solution."""


@pytest.fixture
def desk(tmp_path):
    with Desk(tmp_path / "my_chat", **KNOWN) as desk:
        yield desk


@pytest.mark.parametrize("number", NUMBERS)
def test_check_when_nothing_is_answered(desk, number):
    """Before the exercise's cell has run, the check says what to do first, in one line, and counts no miss."""
    expect_not_answered(desk, number)


@pytest.mark.parametrize("number", NUMBERS)
def test_check_when_solved(desk, number):
    """The solution passes, again and again, and nothing but ok lines is printed."""
    desk.solve_up_to(number)
    expect_solved(desk, number)


@pytest.mark.parametrize(("number", "cell"), OTHER_WAYS.items())
def test_check_when_solved_in_another_way(desk, number, cell):
    """What is right in a way of its own passes, too."""
    desk.solve_up_to(number)
    desk.run(cell)
    assert desk.check(number).endswith(f"ok: exercise {number} is done\n")


@pytest.mark.parametrize("number", ["3.3", "4.1", "5.1"])
def test_check_when_the_template_has_grown(desk, number):
    """A template that later lessons have added to still passes, so a check can be run again at any time."""
    desk.folder.write("template.yaml", solutions.course_text("template.yaml", "5.1") or "")
    assert desk.check(number).endswith(f"ok: exercise {number} is done\n")


@pytest.mark.parametrize("wrong", wrong_answers(NUMBERS), ids=name_of)
def test_check_when_the_answer_is_wrong(desk, wrong):
    """A mistake that people make does not pass, and the line says what was found and where to look."""
    desk.solve_up_to(wrong["exercise"])
    expect_refused(desk, wrong)


def test_wrong_answers_when_counted():
    """Each exercise has at least three answers that are known to be wrong."""
    counts = dict.fromkeys(registry.exercises(), 0)
    for wrong in wrong_answers(registry.exercises()):
        counts[wrong["exercise"]] += 1
    assert {number: count for number, count in counts.items() if count < 3} == {}


def test_help_when_an_answer_is_wrong_again_and_again(desk):
    """The third miss points to the hint, the fifth to the solution; a right answer ends the count."""
    desk.run("def read(event):\n    return 1, 2, 3, 4")
    said = [desk.check("4.2").splitlines()[-1] for _ in range(5)]
    assert [line.startswith("not yet: ") for line in said] == [True, True, False, False, False]
    assert said[2] == said[3] == "There is a hint under the question."
    assert said[4].startswith('lesson.solution("4.2") shows')
    desk.run(solutions.solution("4.2").code)
    desk.check("4.2")
    assert desk.record.read().exercises["4.2"].since == 0


def test_check_when_a_blank_is_left(desk):
    """Blanks are counted, in plain words."""
    desk.run("def read(event):\n    one = ...\n    two = ...\n    return one, two")
    assert desk.check("4.2") == "not yet: Fill in the two blanks above, then run this cell again.\n"


def test_check_when_the_cell_failed_after_a_good_run(desk):
    """An answer of an earlier run does not pass while the cell as it is now stops with an error."""
    desk.run(solutions.solution("4.2").code)
    desk.watch.after_cell(_Ran("def read(event):\n    return 1 +", SyntaxError("invalid syntax")))
    assert desk.check("4.2").startswith(
        "not yet: the cell that defines read stopped with an error (SyntaxError: invalid syntax): mend it"
    )
    desk.watch.after_cell(_Ran(solutions.solution("4.2").code))
    assert desk.check("4.2").endswith("ok: exercise 4.2 is done\n")


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        (
            "def answer(frame):\n    return frame",
            "not in my_chat/robot.py: it has lost its first line, which is %%write",
        ),
        ("%%write robots.py\n1", "the last cell wrote my_chat/robots.py, and the exercise asks for robot.py"),
    ],
)
def test_check_when_the_last_cell_went_elsewhere(desk, cell, said):
    """A cell without its ``%%write``, or with another file's name, is told; the file from before is not judged."""
    desk.run(solutions.solution("0.1").code)
    desk.watch.after_cell(_Ran(cell))
    assert re.fullmatch(f"not yet: .*{said}.*\n", desk.check("0.1"))
    desk.watch.after_cell(_Ran('lesson.check("0.1")'))
    assert said in desk.check("0.1")
    desk.watch.after_cell(_Ran(solutions.solution("0.1").code))
    assert desk.check("0.1").endswith("ok: exercise 0.1 is done\n")


def test_check_when_the_cell_of_a_file_failed(desk):
    """The file from before does not pass for what the cell should have written; one changed in an editor since is judged."""
    desk.run(solutions.solution("0.1").code)
    desk.watch.after_cell(_Ran("%%mend robot.py\ndef answer(frame)", NotWritten("a mistake")))
    assert "stopped with an error and changed nothing: mend it" in desk.check("0.1")
    path = desk.folder.path / "robot.py"
    os.utime(path, (time.time() + 1, time.time() + 1))
    assert desk.check("0.1").endswith("ok: exercise 0.1 is done\n")


def test_check_when_a_name_is_misspelled(desk):
    """The name that the last cell defines stands beside the one that is asked for."""
    desk.run("def expires_at(connected_at):\n    return ...")
    desk.watch.after_cell(_Ran("def expire_at(connected_at):\n    return 1"))
    said = "not yet: the last cell defines expire_at, and the exercise asks for expires_at: mind the spelling.\n"
    assert desk.check("1.1") == said


def test_cell_when_its_line_for_a_file_is_not_the_first(desk, capsys):
    """IPython knows no line magic of that name; what to do is said below."""
    desk.watch.after_cell(_Ran("# mine\n%%write robot.py\n1", UsageError("Line magic function `%%write` not found.")))
    assert capsys.readouterr().out.startswith("The line with %% has to be the first one of its cell")


def test_file_when_its_check_has_passed(desk):
    """What an exercise found right is kept, whatever the learner does to the file afterwards."""
    desk.run(solutions.solution("4.3").code)
    desk.check("4.3")
    desk.run("%%write chat_handler.py\n1 / 0\n")
    assert desk.folder.checked("4.3", "chat_handler.py") == solutions.course_text("chat_handler.py", "4.3")
    assert desk.folder.checked_by("chat_handler.py") is None


def test_function_when_its_file_is_used_in_a_notebook(desk, capsys):
    """It is the learner's if that is written, else the course's, and the cell says which; a missing name is told."""
    chat = MyChat(None, 0, desk.folder)  # type: ignore[arg-type]
    asked = {"sender": "dana", "message": "Hello"}
    assert chat.function("0.1", "answer")(asked) == {"sender": "robot", "message": "HELLO"}
    assert capsys.readouterr().out == "In use: the course's robot.py, because yours is not written yet.\n"
    desk.run("%%write robot.py\ndef answer(frame):\n    return frame['sender']\n")
    assert chat.function("0.1", "answer")(asked) == "dana"
    assert capsys.readouterr().out == "In use: your robot.py, which no check has found right yet.\n"
    with pytest.raises(NoSuchFunction, match=r"^my_chat/robot.py defines no function reply: it needs a line"):
        chat.function("robot.py", "reply")


def test_file_when_a_lesson_goes_on_with_an_earlier_one(desk, capsys):
    """It is the learner's if there is one, whatever it is; else the course's answer, and the cell says which."""
    chat = MyChat(None, 7, desk.folder)  # type: ignore[arg-type]
    chat.go_on_with("5.7")
    assert desk.folder.text("chat_handler.py") == solutions.course_text("chat_handler.py", "5.7")
    assert "it is the course's answer to exercise 5.7 now" in capsys.readouterr().out
    desk.run("%%write chat_handler.py\nx = 1\n")
    chat.go_on_with("5.7")
    assert desk.folder.text("chat_handler.py") == "x = 1\n"
    assert capsys.readouterr().out == (
        "my_chat/chat_handler.py is yours. Exercise 5.7 has not found it right yet; "
        'lesson.my_chat.use_course_version("5.7") puts the course\'s answer in its place.\n'
    )
    desk.folder.keep_checked("5.7", "chat_handler.py")
    chat.go_on_with("5.7")
    assert capsys.readouterr().out == "my_chat/chat_handler.py is yours.\n"


def test_version_when_a_file_is_half_done(desk):
    """Missing, and still that of an older lesson: the course's. Unreadable: refused by line. Of this lesson: the learner's."""
    chat = MyChat(None, 7, desk.folder)  # type: ignore[arg-type]
    assert str(chat.version("7.5")) == "the course's disconnect.py, because yours is not written yet"
    desk.run("%%write disconnect.py\ndef lambda_handler(event, context):\n    return {\n")
    with pytest.raises(
        NotDeployed, match=r"mistake in my_chat/disconnect.py, so it was not used: Python cannot read line 2"
    ):
        chat.version("7.5")
    desk.run(solutions.solution("7.2").code)
    desk.check("7.2")
    assert str(chat.version("7.5")) == "your disconnect.py, checked by exercise 7.2"
    desk.run("%%write chat_handler.py --replace\n" + (solutions.course_text("chat_handler.py", "5.7") or ""))
    desk.check("5.7")
    assert str(chat.version("7c.5")).startswith(
        "the course's chat_handler.py, because yours is still that of exercise 5.7"
    )


def test_package_when_a_file_is_a_function_of_its_own(desk):
    """A file that is named as a function of the course is its code, with what it imports; others are the chat's."""
    chat = MyChat(None, 7, desk.folder)  # type: ignore[arg-type]
    course = chat.version("7.5")
    assert (course.function, sorted(course.files)) == ("disconnect", ["disconnect.py", "log.py"])
    desk.run("%%write disconnect.py\nfrom log import log\n")
    assert sorted(chat.version("7.5").files) == ["disconnect.py"]
    desk.run("%%write log.py\nimport json\n")
    assert chat.version("7.5").files["log.py"] == "import json\n"
    desk.run("%%write careless.py\nimport log\n")
    careless = chat.version("careless.py")
    assert (careless.function, sorted(careless.files)) == ("chat_handler", ["chat_handler.py", "log.py"])


@pytest.mark.parametrize("number", NUMBERS)
def test_exercise_when_its_lesson_is_read(number):
    """The lesson asks for the exercise, with a hint, and its check is one short call that shows no answer."""
    lesson = re.sub(r"^(?=\d(\D|$))", "0", number.partition(".")[0])
    [path] = NOTEBOOKS.glob(f"{lesson}-*.ipynb")
    cells = nbformat.read(path, as_version=4).cells
    key = number.replace(".", "-")
    place = next(place for place, cell in enumerate(cells) if cell.get("id") == f"exercise-{key}")
    asked = cells[place - 1].source
    assert f"Exercise {number}" in asked and "<summary>Hint</summary>" in asked
    [check] = [cell for cell in cells if cell.get("id") == f"check-{key}"]
    assert check.source == f'lesson.check("{number}")'


def test_predictions_when_lessons_are_read():
    """Every prediction of a lesson has its right answer, which is one of its choices, and no answer is left over."""
    asked = {}
    for path in NOTEBOOKS.glob("*.ipynb"):
        for cell in nbformat.read(path, as_version=4).cells:
            if cell.cell_type == "code" and "lesson.predict(" in cell.source:
                [call] = [
                    node
                    for node in ast.walk(ast.parse(cell.source))
                    if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "predict"
                ]
                number, _, *choices = [ast.literal_eval(argument) for argument in call.args]
                asked[number] = choices
    assert asked.keys() == registry.predictions().keys()
    assert {number for number, choices in asked.items() if registry.predictions()[number] not in choices} == set()


class _Ran:
    """What IPython tells of a cell that has run."""

    def __init__(self, cell: str, error: Exception | None = None):
        self.info = type("info", (), {"raw_cell": cell})
        self.error_before_exec = error if isinstance(error, SyntaxError) else None
        self.error_in_exec = None if isinstance(error, SyntaxError) else error

"""The exercises of lesson 0: a first file of one's own, and what asking again and again costs."""

from __future__ import annotations

from functools import partial

from classroom.exercises.checks import CheckFailed, attempt, check, check_returned
from classroom.exercises.exercise import Answer
from classroom.exercises.registry import exercise
from classroom.my_chat.chat import function_of

FILE = "robot.py"
PREDICTIONS = {
    "0.a": "Two",
    "0.b": "Two: one goes out, one comes in",
    "0.c": "Never, until Dana writes again",
    "0.d": "12 requests, and up to 4 seconds",
}
PEOPLE, HOURS, WRITTEN = 30, 6, 50


@exercise("0.1", file=FILE, look="the list of what answer does, above")
def write_a_robot(answer: Answer) -> None:
    """``answer`` gives back whatever is written to it, in capitals, in the robot's name."""
    robot = function_of(answer.text, "answer", FILE)
    frames = [{"action": "sendMessage", "sender": "dana", "message": text} for text in ("Is it you?", "good night")]
    for frame in frames:
        text = frame["message"]
        found = attempt(
            f"it answers {text!r}", partial(robot, dict(frame)), look='frame["message"] is what was written'
        )
        check_returned("the answer is a dict", found, dict, look="the { } around its two entries, behind return")
        for key in ("sender", "message"):
            if key not in found:
                raise CheckFailed(f"the answer has no entry {key!r}. It is {found!r}. Look at: the names in quotes.")
        check("its sender", found["sender"], "robot", look='the entry "sender", all in small letters')
        check(f"{text!r} comes back in capitals", found["message"], text.upper(), look='frame["message"] and .upper()')


@exercise("0.2", names=("requests", "messages"), look="the hint under the question")
def count_requests_and_messages(answer: Answer) -> None:
    """Polling costs a request for each person and second; a message goes in once and out to everyone."""
    second_of_all = PEOPLE * HOURS * 3600
    written = PEOPLE * WRITTEN
    _check_number(
        "the requests of thirty people who poll",
        answer.requests,
        second_of_all,
        {
            HOURS * 3600: "how many people poll",
            PEOPLE * HOURS * 60: "how many seconds an hour has",
            PEOPLE * 3600: "how many hours the day has",
        },
        "people × hours × seconds in an hour",
    )
    _check_number(
        "the messages that cross API Gateway",
        answer.messages,
        written * (1 + PEOPLE),
        {
            written: "what leaves API Gateway again, once for each person",
            written * PEOPLE: "each message also goes in once, before it goes out to everyone",
            written * (PEOPLE - 1): "whether the writer gets the message, too, and the way in",
            WRITTEN * (1 + PEOPLE): "how many people write",
            written * 2: "how many people receive each message",
        },
        "people × messages of each × (once in + out to everyone)",
    )


def _check_number(what: str, found: object, right: int, looks: dict[int, str], look: str) -> None:
    """``check`` for a number that the learner is to work out, which it does not give away."""
    if isinstance(found, bool) or not isinstance(found, int | float):
        raise CheckFailed(f"{what}. Found {found!r}, which is not a number. Look at: quotes and commas in the cell.")
    if found != right:
        size = "few" if found < right else "many"
        raise CheckFailed(f"{what}. {found:,} is too {size}. Look at: {looks.get(int(found), look)}.")
    check(what, found, right)

"""The exercises of lesson 8b: what a chat costs, and where it posts to behind a domain name."""

from __future__ import annotations

from functools import partial

from classroom.exercises.checks import CheckFailed, attempt, check
from classroom.exercises.exercise import Answer
from classroom.exercises.registry import exercise

PREDICTIONS = {
    "8b.a": "As many: 32",
    "8b.b": "One or two",
    "8b.c": "It is about four times as high",
    "8b.d": "chat.example.com",
}


_MINUTES = 60


@exercise(
    "8b.1", names=("messages",), look="one line: how often is it counted on its way in, and how often on its way out?"
)
def count_the_messages_of_an_hour(answer: Answer) -> None:
    """Each line of the hour counts once on its way in, and once for each person of the writer's room."""
    for people, room in ((30, 30), (200, 20), (1000, 1000), (1, 1)):
        found = attempt("messages gives a number", partial(answer.messages, people, room))
        lines = people * _MINUTES
        if found == lines * room:
            raise CheckFailed(
                f"{people} people in rooms of {room}. Found {found:,}: that is what goes out, and {lines:,} lines have "
                "come in, too. Look at: one line, which is counted once before anybody gets it."
            )
        if found == lines:
            raise CheckFailed(
                f"{people} people in rooms of {room}. Found {found:,}: that is what comes in, and each line goes out to "
                f"{room} as well. Look at: what happens to one line after it has come in."
            )
        look = "lines of the hour, times what one line costs: people times 60, times 1 and the people of its room"
        check(f"{people:,} people in rooms of {room:,}", found, lines * (1 + room), look=look)


@exercise("8b.2", names=("endpoint",), look="which entries of the request are the same with a domain name and without")
def post_from_behind_a_name(answer: Answer) -> None:
    """The address is the API's own, whatever host the client has connected to."""
    own = {"apiId": "a1b2c3d4e5", "stage": "prod", "domainName": "a1b2c3d4e5.execute-api.us-east-1.amazonaws.com"}
    for what, request, region, expected in (
        ("without a domain name", own, "us-east-1", "https://a1b2c3d4e5.execute-api.us-east-1.amazonaws.com/prod"),
        (
            "behind chat.example.com",
            {**own, "domainName": "chat.example.com"},
            "us-east-1",
            "https://a1b2c3d4e5.execute-api.us-east-1.amazonaws.com/prod",
        ),
        (
            "for another API, stage and region",
            {"apiId": "f6g7h8i9j0", "stage": "dev", "domainName": "chat.example.com"},
            "eu-west-1",
            "https://f6g7h8i9j0.execute-api.eu-west-1.amazonaws.com/dev",
        ),
    ):
        found = attempt(f"endpoint {what}", partial(answer.endpoint, request, region))
        check(
            f"the address {what}",
            found,
            expected,
            look='https, the host made of request["apiId"] and the region, and the stage',
        )

"""The exercises of lesson 8b: what a chat costs, where it posts to behind a domain name, and what mends published ones."""

from __future__ import annotations

from functools import partial

from classroom.exercises.checks import CheckFailed, attempt, check
from classroom.exercises.exercise import Answer
from classroom.exercises.registry import exercise

PREDICTIONS = {
    "8b.a": "As many: 32",
    "8b.c": "It is about four times as high",
    "8b.d": "chat.example.com",
    "8b.e": "One for each second",
    "8b.f": "The message is lost, and so is everybody's place in the chat",
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


_MENDS = {
    "key": "gives each message a row of its own",
    "gone": "decides whose row is deleted, and when",
    "pages": "reads every page of the connections",
    "bytes": "writes frames as UTF-8",
    "list": "changes what functions may do",
    "expression": "changes which route a message takes",
}
_DID = {
    "s0 keeps ten messages": ({"key"}, "int(time.time()), and what put_item does with a key that is there already"),
    "s0: nobody misses the long message": ({"bytes"}, "how many bytes json.dumps makes of one ε"),
    "s0: nobody loses their row by it": ({"bytes", "gone"}, "why each post fails, and what the except does then"),
    "s1: nobody misses a message on two pages": ({"pages"}, "how often message in s1.py calls scan"),
    "s2 lets people in": ({"list"}, "ConnectHandler in s2-sessions.yaml, and what tell in s2.py asks of AWS"),
    "s2: messages are heard": ({"expression"}, "what answers every message of s2 once people are let in"),
    "s4: the sender keeps the row": ({"gone"}, "post and forget in s4.py, and whose connection id is in request"),
    "s4: other people's tables are out of reach": ({"list"}, "Resource in the policies of s4-sam.yaml"),
}
"""Which mends make each change, either of two being enough: tests/pure/test_variants_as_published.py makes s0's alone."""


@exercise("8b.3", names=("did",), look="the files as published, and the line of the table that the change is in")
def say_which_mend_did_what(answer: Answer) -> None:
    """Each change has the mends that make it; where either of two would do, both are named."""
    found = answer.did
    check("did is a dict", type(found).__name__, "dict", look="the curly brackets, and a colon after each change")
    for change, (mends, look) in _DID.items():
        if change not in found:
            raise CheckFailed(f"each change is there. {change!r} is missing. Look at: the texts before the colons.")
        said = {found[change]} if isinstance(found[change], str) else set(found[change])
        for name in sorted(said - _MENDS.keys(), key=str):
            raise CheckFailed(
                f"each mend is one of {', '.join(_MENDS)}. For {change!r} it is {name!r}. Look at: the table of the mends."
            )
        for name in sorted(said - mends):
            raise CheckFailed(f"{change}. {name!r} {_MENDS[name]}, and that alone does not do it. Look at: {look}.")
        if said != mends:
            named = (
                f"{' or '.join(sorted(said))} does it, and another mend would have done it alone" if said else "No mend"
            )
            raise CheckFailed(f"{change}. {named}. Look at: {look}.")
        print(f"ok: {change}, by {' or '.join(sorted(mends))}")

"""The exercises of lesson 99: finding what is one's own among difficult neighbours, and deleting it however often.

The first is tried with an account that is made up here, then with the real one;
the second with a table that the check makes.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from classroom.exercises.checks import CheckFailed, attempt, check, check_returned
from classroom.exercises.dynamodb_requests import WentOn, refusing, requests_of
from classroom.exercises.exercise import Answer
from classroom.exercises.registry import exercise

PREDICTIONS = {"99.a": "A provisioned table without rows", "99.b": "It deletes nothing and returns an empty list"}


@exercise("99.1", names=("find_mine",), look="the two conditions above")
def find_what_is_mine(answer: Answer) -> None:
    """``find_mine`` gives what has both the prefix and the tags, and asks nobody else's things for their tags."""
    prefix, tags = answer.lesson.prefix, dict(answer.lesson.tags)
    mine = {f"{prefix}-ChatMessages": tags, f"{prefix}-lost": {**tags, "cost-centre": "7"}}
    others = _others(prefix, tags)
    known = mine | {name: theirs for name, (theirs, _, _) in others.items()}
    asked: list[str] = []

    def tags_of(name: str) -> dict[str, str]:
        if name not in known:
            raise CheckFailed(
                f"it chooses among the names that it is given. It asked for the tags of {name}, which is none of them. "
                "Look at: names, in the loop."
            )
        asked.append(name)
        return dict(known[name])

    found = attempt("it looks through an account", partial(answer.find_mine, [*others, *mine], tags_of))
    check_returned("it returns a list", found, list, look="the return: a list of names")
    for name, (theirs, whose, look) in others.items():
        if name in found:
            raise CheckFailed(
                f"{name} is left alone. It would be deleted; it {whose}, and its tags are {theirs}. Look at: {look}."
            )
    for name, own in mine.items():
        if name not in found:
            raise CheckFailed(
                f"{name} is found. It is yours and has the tags {own}. Look at: what both conditions ask."
            )
    check("what is yours", sorted(found), sorted(mine), look="names that are in the list twice")
    print("ok: nothing that belongs to others is found")
    curious = [name for name in asked if not name.startswith(f"{prefix}-")]
    if curious:
        raise CheckFailed(
            f"it asks for tags only where the name fits. It asked for those of {curious[0]}. "
            "Look at: the order of the two conditions: the name first."
        )
    real = answer.table_names()
    expected = [name for name in real if name.startswith(f"{prefix}-") and tags.items() <= answer.tags_of(name).items()]
    found = attempt("it looks through your account", partial(answer.find_mine, real, answer.tags_of))
    check(
        "the tables of your account that are yours", sorted(found), sorted(expected), look="names and tags_of, as given"
    )


def _others(prefix: str, tags: dict[str, str]) -> dict[str, tuple[dict[str, str], str, str]]:
    """Tables that are not the learner's: the tags of each, whose it is, and where to look if it is found."""
    every_tag = "lesson.tags.items() <= tags_of(name).items(), which asks for all of your tags"
    return {
        f"{prefix}-notes": ({}, "belongs to somebody who does not take this course", "the tags: it has none"),
        f"{prefix}-b-ChatMessages": (
            {**tags, "owner": f"{prefix}-b"},
            f"belongs to {prefix}-b, who takes this course, too",
            f"the tag owner; {every_tag}",
        ),
        f"{prefix}-photos": (
            {**tags, "course": "photography"},
            "is yours, but of another course",
            f"the tag course; {every_tag}",
        ),
        "ChatMessages": (dict(tags), "belongs to somebody who has copied your template with its tags", "the name"),
        f"{prefix}na-ChatMessages": (
            dict(tags),
            f"belongs to {prefix}na, who has copied your template with its tags",
            "the hyphen behind your prefix",
        ),
        "payroll": ({"owner": "accounting"}, "belongs to the company", "both conditions"),
    }


@exercise("99.2", names=("remove",), look="the three things that remove does, above", within_s=120)
def remove_however_often(answer: Answer) -> None:
    """``remove`` deletes a table and waits for its end, passes over one that is gone, and hides no other refusal."""
    look = "delete_table, and the waiter table_not_exists"
    only_missing = "the error that you catch: only ResourceNotFoundException says that there is no such table"
    with _table(answer) as name:
        with refusing(answer.dynamodb, "DeleteTable", "ResourceInUseException", "Table is being created") as refused:
            outcome = _outcome(partial(answer.remove, name))
        if not refused:
            raise CheckFailed("it deletes the table. It did not ask DynamoDB to. Look at: delete_table.")
        what = "a refusal that has another cause gets out, such as a table that is still being made"
        check(what, outcome, "raised ResourceInUseException", look=only_missing)
        with requests_of(answer.dynamodb, at_most=80, look=look) as requests:
            attempt("it removes a table", partial(answer.remove, name), look=look)
        after = requests.calls[requests.calls.index("DeleteTable") + 1 :]
        if not set(after) & {"DescribeTable", "ListTables"}:
            raise CheckFailed(
                "it comes back only when the table is gone. After delete_table it asked nothing more, and on AWS the "
                "table is still there then. Look at: the waiter table_not_exists."
            )
        check("the table, once it has come back", _status(answer, name), "gone", look=look)
        attempt("it passes over a table that is gone", partial(answer.remove, name), look="the error that you catch")


@contextmanager
def _table(answer: Answer) -> Iterator[str]:
    """The name of a table that is there; deleted afterwards if it still is."""
    name = answer.lesson.name(f"to-be-removed-{uuid.uuid4().hex[:8]}")
    answer.dynamodb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        Tags=answer.lesson.tag_list,
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    )
    answer.dynamodb.get_waiter("table_exists").wait(TableName=name, WaiterConfig=answer.lesson.waiting)
    try:
        yield name
    finally:
        if _status(answer, name) not in ("gone", "DELETING"):
            answer.dynamodb.delete_table(TableName=name)


def _status(answer: Answer, name: str) -> str:
    """A table's status in AWS's words; "gone" when there is none of that name."""
    try:
        return answer.dynamodb.describe_table(TableName=name)["Table"]["TableStatus"]
    except answer.dynamodb.exceptions.ResourceNotFoundException:
        return "gone"


def _outcome(call: Any) -> str:
    """How a call ended, in words."""
    try:
        call()
    except WentOn as went_on:
        return f"went on with {went_on}"
    except Exception as error:
        return f"raised {type(error).__name__}"
    return "caught it"

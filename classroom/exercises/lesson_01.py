"""The exercises of lesson 1: when a row may go, the end of a room, a put that loses nothing, and a key of one's own.

The last three are tried with the account's own DynamoDB, in a room or a table
of their own, which is deleted afterwards.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from itertools import count
from typing import Any

from classroom.exercises.checks import CheckFailed, attempt, check, check_returned
from classroom.exercises.dynamodb_requests import requests_of
from classroom.exercises.exercise import Answer
from classroom.exercises.registry import exercise

PREDICTIONS = {
    "1.a": "It refuses the row",
    "1.b": "Some millions",
    "1.c": "3 for the query, 10 for the scan",
    "1.d": "Only the second",
    "1.e": "Nothing",
}
WHEN_TAKEN = (
    "what store does when the key is taken: it catches dynamodb.exceptions.ConditionalCheckFailedException, "
    "no other error, and tries the next number"
)
CONNECTED_AT = 1_795_275_417_876
MICROSECOND = 1_795_275_417_876_123
ONLY_TAKEN = "which errors your except catches: only ConditionalCheckFailedException says that the key is taken"


@exercise("1.1", names=("expires_at",), look="milliseconds first: how many of them are a second?")
def expire_in_time(answer: Answer) -> None:
    """The moment lies two hours and ten minutes after the connection began, in whole seconds."""
    for connected_at in (CONNECTED_AT, CONNECTED_AT + 3_600_500):
        found = attempt(f"expires_at({connected_at}) gives a moment", partial(answer.expires_at, connected_at))
        check_returned("it is a whole number", found, int, look="the division: // gives whole numbers")
        late = found - connected_at // 1000
        if late < 0:
            raise CheckFailed(
                f"it comes after the connection began. Found {found}, which is {-late} seconds earlier. "
                "Look at: connected_at, to which the two hours are added."
            )
        if late > 1_000_000_000:
            raise CheckFailed(
                f"it is in seconds. Found {found}, which is a time in milliseconds. Look at: connected_at // 1000."
            )
        check(
            "it is two hours and ten minutes after the connection began",
            _duration(late),
            "2 hours, 10 minutes, 0 seconds",
            look="the hours and the minutes, both in seconds",
        )


def _duration(seconds: int) -> str:
    return f"{seconds // 3600} hours, {seconds % 3600 // 60} minutes, {seconds % 60} seconds"


@exercise("1.2", names=("last_two",), look="the arguments of query", within_s=20)
def read_the_last_two(answer: Answer) -> None:
    """``last_two`` gives the end of a room of any length, in reading order, and lets DynamoDB read two rows for it."""
    with _room(answer) as room:
        for number in range(8, 13):  # as text, 10 would come before 9
            _put(answer, room, number, f"message {number}")
        with requests_of(answer.dynamodb, look="the loop in last_two") as requests:
            found = attempt("it gives the end of a room of five", partial(answer.last_two, room))
        check_returned("it returns a list", found, list, look="the square brackets around what is returned")
        look = "Limit=2" if len(found) > 2 else "the room that the query names, and the end at which it begins"
        check("it returns two messages", len(found), 2, look=look)
        if not all(isinstance(text, str) for text in found):
            raise CheckFailed(f'they are texts. Found {found[0]!r}. Look at: item["message"]["S"].')
        check(
            "they are the last two",
            sorted(found),
            ["message 11", "message 12"],
            look="ScanIndexForward, which says at which end the query begins"
            if set(found) <= {f"message {number}" for number in range(8, 13)}
            else 'the room: {"S": room}, the argument of last_two',
        )
        check("the older one comes first", found, ["message 11", "message 12"], look="reversed(…)")
        if not requests.calls:
            raise CheckFailed(
                "it asks DynamoDB. It made no call. Look at: dynamodb.query, the client of this notebook."
            )
        check(
            "DynamoDB reads two rows for it",
            requests.rows_read,
            2,
            look="Limit and ScanIndexForward: what Python throws away has been read, and is paid for",
        )
    with _room(answer) as room:
        _put(answer, room, 1, "Hello?")
        look = "what your code does in a room with one message"
        found = attempt("it gives the end of a room of one", partial(answer.last_two, room), look=look)
        check("the end of a room with one message", found, ["Hello?"], look=look)


@exercise("1.3", names=("store",), look=WHEN_TAKEN, within_s=20)
def lose_no_message(answer: Answer) -> None:
    """``store`` keeps every message, whoever writes at the same time, and lets other refusals out."""
    texts = ["one", "two", "three"]
    again = "when it returns, which is as soon as a put has gone through, and that timestamp grows before the next try"
    with _room(answer) as room:
        with requests_of(answer.dynamodb, look=again) as requests:
            taken = [
                attempt("it stores three messages of one microsecond", partial(answer.store, room, MICROSECOND, text))
                for text in texts
            ]
        look = (
            "the put without a ConditionExpression, which replaces what is there"
            if requests.plain_puts
            else "what becomes of a message whose put was refused"
        )
        check("the three are in the room", _texts(answer, room), texts, look=look)
        found = [number - MICROSECOND if isinstance(number, int) else number for number in taken]
        check(
            "it returned the numbers that it took, counted from the first",
            found,
            [0, 1, 2],
            look="return timestamp, at its end",
        )
    with _room(answer) as room:
        somebody = partial(_put, answer, room, MICROSECOND, "somebody was faster")
        with requests_of(answer.dynamodb, look=again, before_first_put=somebody):
            attempt("it stores a message while somebody else writes", partial(answer.store, room, MICROSECOND, "mine"))
        check(
            "somebody who is a moment faster keeps their message",
            _texts(answer, room),
            ["somebody was faster", "mine"],
            look="ConditionExpression=free: looking first and putting afterwards are two steps, "
            "and others may come in between",
        )
    with requests_of(answer.dynamodb, look=ONLY_TAKEN):
        try:
            answer.store("", MICROSECOND, "a room must have a name")
        except Exception:
            outcome = "raised"
        else:
            outcome = "caught"
    check(
        "a refusal that has another cause gets out, such as a room without a name", outcome, "raised", look=ONLY_TAKEN
    )


@exercise("1.4", names=("reactions_key",), look="the two things that have to be true, above", within_s=180)
def design_a_key(answer: Answer) -> None:
    """The key keeps one reaction for each person and message, and a query reads those of one message."""
    described = (
        "each attribute of the key stands in both lists, with its type in the one; in KeySchema HASH comes first, "
        "then RANGE, once each"
    )
    kind = type(answer.reactions_key).__name__
    check("reactions_key is a dict", kind, "dict", look="the braces around the two arguments")
    with _table(answer, described) as name:
        react = partial(_react, answer, name, count(CONNECTED_AT, 1_000))
        for person, emoji in (("alice", "👍"), ("bob", "👍"), ("carol", "❤️")):
            react("m-17", person, emoji)
        react("m-18", "alice", "👍")
        check(
            "three people react to a message",
            _reactions(answer, name, "m-17"),
            ["alice 👍", "bob 👍", "carol ❤️"],
            look="which of these rows have the same key, so that the later one has replaced the earlier one",
        )
        react("m-17", "bob", "❤️")
        check(
            "Bob changes his mind",
            _reactions(answer, name, "m-17"),
            ["alice 👍", "bob ❤️", "carol ❤️"],
            look="the sort key: it has to be what Bob's first reaction and his second have in common, and nobody else's has",
        )
        check("the reactions of another message", _reactions(answer, name, "m-18"), ["alice 👍"], look="the key")


@contextmanager
def _room(answer: Answer) -> Iterator[str]:
    """A room that nobody else has; its rows are deleted afterwards."""
    name = f"exercise {uuid.uuid4()}"
    try:
        yield name
    finally:
        for row in _rows(answer, name):
            key = {attribute: row[attribute] for attribute in ("room_id", "timestamp")}
            answer.dynamodb.delete_item(TableName=answer.messages, Key=key)


def _put(answer: Answer, room: str, timestamp: int, text: str) -> None:
    item = {"room_id": {"S": room}, "timestamp": {"N": str(timestamp)}, "message": {"S": text}}
    answer.dynamodb.put_item(TableName=answer.messages, Item=item)


def _rows(answer: Answer, room: str) -> list[dict[str, Any]]:
    return answer.dynamodb.query(
        TableName=answer.messages,
        ConsistentRead=True,
        KeyConditionExpression="room_id = :room",
        ExpressionAttributeValues={":room": {"S": room}},
    )["Items"]


def _texts(answer: Answer, room: str) -> list[str]:
    return [row["message"]["S"] for row in _rows(answer, room)]


@contextmanager
def _table(answer: Answer, look: str) -> Iterator[str]:
    """A table with the learner's key, for as long as the check takes."""
    lesson, name = answer.lesson, answer.lesson.name("ChatReactions")
    _delete_table(answer, name)  # one that an interrupted check has left
    order = partial(answer.dynamodb.create_table, TableName=name, BillingMode="PAY_PER_REQUEST", Tags=lesson.tag_list)
    attempt("DynamoDB makes a table with your key", lambda: order(**answer.reactions_key), look=look)
    try:
        answer.dynamodb.get_waiter("table_exists").wait(TableName=name, WaiterConfig=lesson.waiting)
        yield name
    finally:
        _delete_table(answer, name)


def _delete_table(answer: Answer, name: str) -> None:
    try:
        answer.dynamodb.delete_table(TableName=name)
    except answer.dynamodb.exceptions.ResourceNotFoundException:
        return
    answer.dynamodb.get_waiter("table_not_exists").wait(TableName=name, WaiterConfig=answer.lesson.waiting)


def _react(answer: Answer, table: str, moments: Iterator[int], message: str, person: str, emoji: str) -> None:
    """Somebody reacts to a message, at the next of these moments."""
    item = {
        "message_id": {"S": message},
        "sender": {"S": person},
        "emoji": {"S": emoji},
        "at": {"N": str(next(moments))},
    }
    attempt(
        f"{person} reacts to a message",
        lambda: answer.dynamodb.put_item(TableName=table, Item=item),
        look="the four attributes of a reaction and their types: a row must have the whole key",
    )


def _reactions(answer: Answer, table: str, message: str) -> list[str]:
    """The answer to the question: who has reacted to a message, and how."""
    found = attempt(
        "the reactions of one message are one query",
        lambda: answer.dynamodb.query(
            TableName=table,
            ConsistentRead=True,
            KeyConditionExpression="message_id = :message",
            ExpressionAttributeValues={":message": {"S": message}},
        ),
        look="the partition key, which a query must name: the question names a message",
    )
    return sorted(f"{row['sender']['S']} {row['emoji']['S']}" for row in found["Items"])

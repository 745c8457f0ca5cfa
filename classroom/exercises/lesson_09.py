"""The exercises of lesson 9: who is in a room, one order for each room, a screen that misses nothing, and what reading costs.

The first two are tried with tables that are pretended: boto3 is the real one, and
what it sends ends in this process.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial
from math import ceil
from types import SimpleNamespace
from typing import Any

import boto3
from boto3.dynamodb.types import TypeDeserializer
from botocore.awsrequest import AWSResponse

from classroom.exercises.checks import CheckFailed, attempt, check
from classroom.exercises.exercise import Answer
from classroom.exercises.registry import exercise
from classroom.my_chat.chat import function_of
from classroom.my_chat.pretended_aws import PREFIX, PretendedAws, RawAnswer

PREDICTIONS = {
    "9.a": "room_id, then connection_id",
    "9.b": "Both try 8, one gets it, the other takes 9",
    "9.c": "Keep 8, and ask for what comes after 5",
    "9.d": "mallory",
    "9.e": "He connects, and may not join",
}
NOW_MS = 1_795_275_417_876
KEEP_S = 7_800
PAGES = "LastEvaluatedKey: a page may end before the room does"


class Tables:
    """Pretended tables behind boto3's own resource, and what was asked of them."""

    def __init__(self) -> None:
        self.aws = PretendedAws()
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.before: Callable[[str], None] = lambda operation: None
        session = boto3.Session("nobody", "nothing", region_name="us-east-1")
        session.events.register("before-send.dynamodb", self._answer)
        session.events.register("provide-client-params.dynamodb", self._note)
        self._dynamodb = session.resource("dynamodb")

    def table(self, name: str) -> Any:
        return self._dynamodb.Table(PREFIX + name)

    def rows(self, name: str) -> list[dict[str, Any]]:
        read = TypeDeserializer().deserialize
        return [{key: read(value) for key, value in row.items()} for row in self.aws.tables[name]]

    def queries(self) -> list[dict[str, Any]]:
        """The parameters of the queries since the last call; a scan in their place is told."""
        scans = [name for name, _ in self.asked if name == "Scan"]
        found = [params for name, params in self.asked if name == "Query"]
        self.asked.clear()
        if scans:
            raise CheckFailed("a query reads one room. Yours is a scan, which reads every room. Look at: table.query.")
        return found

    def _note(self, params: dict[str, Any], model: Any, **_: Any) -> None:
        self.asked.append((model.name, dict(params)))

    def _answer(self, request: Any, **_: Any) -> AWSResponse:
        operation = request.headers["X-Amz-Target"]
        self.before((operation.decode() if isinstance(operation, bytes) else operation).rpartition(".")[2])
        status, headers, body = self.aws.send(request)
        return AWSResponse(request.url, status, headers, RawAnswer(body))


def _request(connection_id: str, began_ms: int = NOW_MS - 60_000) -> dict[str, Any]:
    return {"connectionId": connection_id, "connectedAt": began_ms, "requestTimeEpoch": NOW_MS}


@exercise("9.1", file="roll.py", look="which of the four functions reads, and what it asks for")
def keep_the_roll(answer: Answer) -> None:
    """Rows come and go, a query reads all of one room, consistently, and the index finds a connection's rooms."""
    own = SimpleNamespace(
        **{name: function_of(answer.text, name, "roll.py") for name in ("join", "leave", "members", "rooms_of")}
    )
    tables = Tables()
    table = tables.table("ChatMembers")
    look = "the put: room_id, connection_id, name and expires_at"
    for room, who, name in (("tea", "a=", "Ann"), ("tea", "b=", "Bob"), ("chess", "a=", "Ann"), ("tea", "a=", "Ann")):
        attempt(f"{name} joins {room}", partial(own.join, table, _request(who), room, name), look=look)
    rows = tables.rows("ChatMembers")
    found = sorted((str(row.get("room_id")), str(row.get("connection_id")), str(row.get("name"))) for row in rows)
    check(
        "Ann is in two rooms with one connection, and joining twice is one row",
        found,
        [("chess", "a=", "Ann"), ("tea", "a=", "Ann"), ("tea", "b=", "Bob")],
        look="the put: one row has one room and one connection",
    )
    expiry = rows[0].get("expires_at")
    look = 'request["connectedAt"] // 1000 + 7800: TTL counts seconds'
    check("a row's expires_at", expiry, (NOW_MS - 60_000) // 1000 + KEEP_S, look=look)

    own.join(table, _request("old=", NOW_MS - 9_000_000), "tea", "Old")
    for number in range(5):
        own.join(table, _request(f"c{number}="), "tea", f"Carol {number}")
    tables.aws.page_size = 3
    tables.queries()
    here = attempt("members gives the rows of a room", lambda: list(own.members(table, _request("a="), "tea")))
    queries = tables.queries()
    names = sorted(str(row["name"]) for row in here)
    right = ["Ann", "Bob", *(f"Carol {number}" for number in range(5))]
    if "Old" in names:
        raise CheckFailed(
            "a row whose expires_at has passed counts no more. Found Old, whose connection must have ended. "
            "Look at: requestTimeEpoch // 1000, with which expires_at is compared, in a FilterExpression or in Python."
        )
    check("members of tea, on pages of three", names, right, look=PAGES)
    if not all(query.get("ConsistentRead") for query in queries):
        raise CheckFailed(
            "whoever has joined a moment ago is found. Your query may miss the last second. "
            "Look at: ConsistentRead=True, which a table's own key allows and an index does not."
        )
    print("ok: whoever has joined a moment ago is found")

    tables.aws.page_size = None
    rooms = attempt("rooms_of gives the names of rooms", lambda: sorted(own.rooms_of(table, "a=")))
    check("the rooms of Ann's connection", rooms, ["chess", "tea"], look="room_id, of each row that the index gives")
    asked = [query.get("IndexName") for query in tables.queries()]
    check("the index that was asked", asked, ["by_connection"], look='IndexName="by_connection"')
    gone = attempt("leave gives the row that it deleted", lambda: own.leave(table, "tea", "b="))
    whose = gone.get("name") if isinstance(gone, dict) else gone
    look = 'ReturnValues="ALL_OLD", and .get("Attributes") of the answer'
    check("the name in the row that leave gives back", whose, "Bob", look=look)
    check("leaving twice gives None", attempt("leaving twice", lambda: own.leave(table, "tea", "b=")), None, look=look)
    left = sorted(str(row["connection_id"]) for row in tables.rows("ChatMembers") if row["room_id"] == "tea")
    check(
        "who is left in tea",
        left,
        ["a=", *(f"c{number}=" for number in range(5)), "old="],
        look="the key of the delete",
    )


def _line(number: int, room: str = "tea") -> dict[str, Any]:
    return {"room_id": room, "message_id": f"m{number}=", "message": f"line {number}"}


@exercise("9.2", file="history.py", look="the condition of the put, and what happens when it fails")
def number_the_messages(answer: Answer) -> None:
    """Numbers have no gap, whoever comes in between; a repetition is one row; pages are read both ways."""
    store, read = (function_of(answer.text, name, "history.py") for name in ("store", "read"))
    tables = Tables()
    table = tables.table("ChatHistory")
    look = "the first number, and the one after the newest"
    for number in range(1, 8):
        row = attempt(f"message {number} is stored", partial(store, table, _line(number)), look=look)
        check(f"the number of message {number}", int(row["number"]) if row else row, number, look=look)
    other = store(table, _line(100, "chess"))
    check("the first number in another room", int(other["number"]), 1, look="the room that the query asks for")

    someone = [_line(50), _line(51)]

    def come_between(operation: str) -> None:
        if operation == "PutItem" and someone:
            row = someone.pop(0)
            rows = tables.aws.tables["ChatHistory"]
            number = max(int(one["number"]["N"]) for one in rows if one["room_id"]["S"] == "tea") + 1
            rows.append({key: {"S": str(value)} for key, value in row.items()} | {"number": {"N": str(number)}})

    tables.before = come_between
    row = attempt("a message that two others overtake is stored", partial(store, table, _line(8)), look=look)
    tables.before = lambda operation: None
    there = sorted(
        (int(one["number"]), str(one["message_id"])) for one in tables.rows("ChatHistory") if one["room_id"] == "tea"
    )
    expected = [*((number, f"m{number}=") for number in range(1, 8)), (8, "m50="), (9, "m51="), (10, "m8=")]
    look = "attribute_not_exists(room_id) as the ConditionExpression, and the next number when it fails"
    check("two others were faster, and nobody's message is lost", there, expected, look=look)
    check("its number", int(row["number"]), 10, look="the row that store returns")

    again = store(table, _line(8))
    check("the number of an event that comes twice", int(again["number"]), 10, look="message_id among the newest rows")
    tables.before = lambda operation: setattr(tables.aws, "tables_fail", operation == "PutItem")
    try:
        store(table, _line(9))
    except Exception as error:
        check("an error of DynamoDB's is raised", "InternalServerError" in str(error), look="which exception you catch")
    else:
        raise CheckFailed("an error of DynamoDB's is raised. Yours was swallowed. Look at: which exception you catch.")
    tables.before, tables.aws.tables_fail = (lambda operation: None), False

    def pages(what: str, expected: list[int], more: bool, **asked: Any) -> None:
        tables.asked.clear()
        found = attempt(f"read gives {what}", lambda: read(table, "tea", **asked), look="return rows, more")
        if not isinstance(found, tuple) or len(found) != 2:
            raise CheckFailed(f"read gives two things. Found {found!r}. Look at: return rows, more.")
        look = "ScanIndexForward, and the order in which the rows are returned"
        check(what, [int(one["number"]) for one in found[0]], expected, look=look)
        check(f"whether there is more beyond {what}", bool(found[1]), more, look='"LastEvaluatedKey" in the answer')
        if not all(query.get("ConsistentRead") for query in tables.queries()):
            raise CheckFailed("a message of a moment ago is found. Look at: ConsistentRead=True.")

    pages("the newest three", [8, 9, 10], True, limit=3)
    pages("the three before 8", [5, 6, 7], True, before=8, limit=3)
    pages("what is before 3", [1, 2], False, before=3)
    pages("the first two after 4", [5, 6], True, after=4, limit=2)
    pages("what comes after 8", [9, 10], False, after=8)
    pages("everything after 0", list(range(1, 11)), False, after=0)


@exercise("9.3", file="screen.py", look="what receive does with a number that is not the next one")
def miss_nothing(answer: Answer) -> None:
    """A screen whose line is cut at random shows every message once and in order."""
    make = function_of(answer.text, "Screen", "screen.py")
    quiet = attempt("a Screen can be made", make)
    shown = _numbers(quiet, {"type": "history", "messages": [_message(4), _message(5)]})
    check("the first history is shown", shown, [4, 5], look="last, which is None until the first history comes")
    check("the next message is shown", _numbers(quiet, _message(6)), [6], look="the number after the last")
    check("the same message again is not", _numbers(quiet, _message(6)), [], look="a number that is not after the last")
    check("nothing is asked for when nothing is missing", quiet.wish(), None, look="wish")
    check(
        "a message that comes too early waits", _numbers(quiet, _message(9)), [], look="where early messages are kept"
    )
    check("what is asked for then", quiet.wish(), 6, look="wish: the last number that was shown")
    check("the one that was missing", _numbers(quiet, _message(7)), [7], look="receive")
    check("both, when the gap is closed", _numbers(quiet, _message(8)), [8, 9], look="the early ones that are next now")
    check("nothing is asked for any more", quiet.wish(), None, look="wish, when the gap is closed")
    for seed in range(30):
        _cut_at_random(make(), random.Random(seed))
    print("ok: thirty times forty messages over a line that is cut at random: each once, in order")


def _message(number: int) -> dict[str, Any]:
    return {"type": "message", "room": "tea", "number": number, "sender": "ann", "message": f"line {number}"}


def _numbers(screen: Any, frame: dict[str, Any]) -> list[int]:
    shown = attempt("receive gives the messages to be shown", lambda: screen.receive(frame))
    if not isinstance(shown, list):
        raise CheckFailed(
            f"receive gives a list. Found {shown!r}. Look at: the return, when there is nothing to show: []."
        )
    return [one["number"] for one in shown]


def _cut_at_random(screen: Any, chance: random.Random) -> None:
    """Forty messages over a line that loses, repeats and mixes them up; asks as the screen wishes, ten at a time."""

    def history(after: int, said: int) -> dict[str, Any]:
        return {"type": "history", "messages": [_message(one) for one in range(after + 1, min(after + 10, said) + 1)]}

    shown = _numbers(screen, {"type": "history", "messages": []})
    line: list[dict[str, Any]] = []
    for number in range(1, 41):
        line += [_message(number)] * chance.choice((0, 1, 1, 1, 2))
        chance.shuffle(line)
        while line and chance.random() < 0.7:
            shown += _numbers(screen, line.pop())
        wish = screen.wish()
        if wish is not None and chance.random() < 0.8:
            line.append(history(wish, number))
        if chance.random() < 0.1:  # cut: what was on it is lost, and a new connection asks for what was missed
            line = [history(screen.last, number)]
    while shown[-1:] != [40]:
        last = len(shown)
        shown += _numbers(screen, history(screen.last, 40))
        if len(shown) == last:
            break
    if shown != list(range(1, 41)):
        twice = sorted({one for one in shown if shown.count(one) > 1})
        lost = sorted(set(range(1, 41)) - set(shown))
        what = f"shown twice: {twice}" if twice else f"never shown: {lost}" if lost else "shown out of order"
        raise CheckFailed(
            f"each message once and in order when the line is cut at random. Found {what}. Look at: receive."
        )


@exercise("9.4", names=("read_units",), look="how many bytes are read, in pieces of 4 KB that are begun")
def price_of_reading(answer: Answer) -> None:
    """A consistent read takes one unit for each 4 KB that are begun."""
    look = "one unit for each 4,096 bytes that are begun, and math.ceil"
    for rows, row_bytes in ((10_000, 120), (20, 120), (40, 120), (1, 4_096), (1, 4_097), (0, 120)):
        expected = max(1, ceil(rows * row_bytes / 4096))
        found = attempt(f"read_units({rows}, {row_bytes})", partial(answer.read_units, rows, row_bytes), look=look)
        if rows == 0 and found == 0:
            raise CheckFailed("a query that finds nothing takes a unit, too. Found 0. Look at: max(1, …).")
        check(f"the units of {rows:,} rows of {row_bytes:,} bytes", found, expected, look=look)

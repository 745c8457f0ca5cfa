"""The exercises of lesson 7: sessions that begin and end, and logs that tell what became of a message."""

from __future__ import annotations

import contextlib
import io
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from classroom.exercises.checks import CheckFailed, attempt, check, check_returned
from classroom.exercises.exercise import Answer
from classroom.exercises.handler_checks import check_answered
from classroom.exercises.registry import exercise
from classroom.my_chat.chat import function_of
from classroom.my_chat.trial import Outcome, Trial

PREDICTIONS = {
    "7.a": "Her row in ChatSessions",
    "7.b": "Three",
    "7.c": "Lambda's own lines",
    "7.d": "The permissions of both roles",
}
EXAMPLE = "2026-11-21T12:16:57.000+00:00"


@exercise("7.1", file="connect.py", look="the two put_item, one for each table")
def open_a_session(answer: Answer) -> None:
    """A connection is a row in both tables, with the times and the address of the event."""
    with answer.trial() as trial:
        for name in ("ann", "bob"):
            outcome = trial.connect(name)
            _check_handled(f"{name} is let in", outcome)
            _check_calls(outcome, "connect", {"PutItem"})
            request = trial.event("$connect", name)["requestContext"]
            connection = _row_of(trial, "ChatConnections", name, look="put_item into the table of connections")
            check(
                f"{name}'s row in ChatConnections has connected_at, in milliseconds",
                connection.get("connected_at"),
                request["connectedAt"],
                look='request["connectedAt"], as it is',
            )
            session = _row_of(trial, "ChatSessions", name, look="put_item into the table of sessions")
            _check_moment(f"{name}'s session", session, "connected_at", request["connectedAt"], '"connectedAt"')
            check(
                f"{name}'s session has source_ip",
                session.get("source_ip"),
                "192.0.2.1",
                look='request["identity"]["sourceIp"]',
            )


@exercise("7.2", file="disconnect.py", look="delete_item for the connection, update_item for the session")
def close_a_session(answer: Answer) -> None:
    """The connection goes, the session gets its end and its duration and keeps the rest, even if nobody wrote its beginning."""
    with answer.trial() as trial:
        trial.connect_elsewhere("ann")
        request = trial.event("$connect", "ann")["requestContext"]
        trial.put(
            "ChatSessions",
            connection_id=trial.id_of("ann"),
            connected_at=_utc(request["connectedAt"]),
            source_ip="192.0.2.7",
        )
        trial.connect_elsewhere("bob")
        _check_end(trial, "ann")
        session = _row_of(trial, "ChatSessions", "ann", look="update_item")
        check(
            "what connect.py wrote is still there",
            session.get("source_ip"),
            "192.0.2.7",
            look="put_item, which replaces the whole row; update_item changes what it names",
        )
        left = [row["connection_id"] for row in trial.rows("ChatConnections")]
        check(
            "bob, who stays, keeps his row in ChatConnections", left, [trial.id_of("bob")], look="whose row is deleted"
        )
        _check_end(trial, "bob", "bob came in through the old handler, and")


@exercise("7.3", file="present.py", look="what only an ended session has, and how old the others can be")
def who_is_here(answer: Answer) -> None:
    """Present is whose session has begun and not ended, unless it is older than any connection can be."""
    present = function_of(answer.text, "present", "present.py")
    now = datetime(2026, 11, 21, 15, 0, tzinfo=UTC)

    def session(name: str, minutes_ago: float, minutes: float | None = None) -> dict[str, Any]:
        begin = now - timedelta(minutes=minutes_ago)
        row = {
            "connection_id": name,
            "connected_at": begin.isoformat(timespec="milliseconds"),
            "source_ip": "192.0.2.1",
        }
        if minutes is None:
            return row
        end = begin + timedelta(minutes=minutes)
        return row | {
            "disconnected_at": end.isoformat(timespec="milliseconds"),
            "duration_seconds": Decimal(round(minutes * 60)),
        }

    def found(*sessions: dict[str, Any]) -> Any:
        look = "the two parameters: sessions is a list of rows, now is a datetime, and nothing else is needed"
        return attempt("present is given sessions", lambda: present(list(sessions), now), look=look)

    here = found(session("ann", 5), session("bob", 30, 10), session("carol", 119), session("dana", 1, 0))
    check_returned("what present gives back is a set", here, set, look="{… for row in sessions if …}")
    check(
        "ann came five minutes ago, carol two hours less a minute ago; bob and dana have gone",
        sorted(here),
        ["ann", "carol"],
        look="the attribute that only an ended session has",
    )
    lost = sorted(found(session("ann", 5), session("eve", 180)))
    check(
        "eve's session began three hours ago and has no end, so its end was lost",
        lost,
        ["ann"],
        look='now - datetime.fromisoformat(row["connected_at"]): no connection lives longer than two hours',
    )
    check("nobody has come yet", found(), set(), look="what the function gives for an empty list")


REQUEST = {"requestId": "request1=", "connectionId": "AnnsId=", "identity": {"sourceIp": "192.0.2.1"}, "stage": "prod"}


@exercise("7.4", file="log.py", look="print(json.dumps({…}))")
def one_line_of_json(answer: Answer) -> None:
    """Each call prints one line of JSON: what happened, the ids of the event, and the facts."""
    log = function_of(answer.text, "log", "log.py")
    first = _printed(log, "disconnected", code=1001, reason="Going\naway")
    check("lines that are printed", first.count("\n"), 1, look="one print; json.dumps writes no line break")
    line = _as_json(first)
    check(
        "its fields",
        sorted(line),
        ["code", "connectionId", "reason", "requestId", "what"],
        look="the dict: what, the two ids of the request, and **facts beside them, nothing else of the request",
    )
    expected = {"what": "disconnected", "requestId": "request1=", "connectionId": "AnnsId="}
    check("they have their values", line, {**expected, "code": 1001, "reason": "Going\naway"}, look="the dict")
    check(
        "another event has other facts",
        _as_json(_printed(log, "stored", messageId="m1=")),
        {"what": "stored", "requestId": "request1=", "connectionId": "AnnsId=", "messageId": "m1="},
        look="what is fixed in the function and should come from its parameters",
    )
    seconds = _as_json(_printed(log, "disconnected", seconds=Decimal("1.5")))
    check("a Decimal is no reason to fail", str(seconds.get("seconds")), "1.5", look="json.dumps(…, default=str)")


@exercise("7.5", file="disconnect.py", look="a call of log in lambda_handler")
def tell_how_it_ended(answer: Answer) -> None:
    """The end of each connection is one line of the log, with its code and its duration; the session is kept as before."""
    with answer.trial() as trial:
        for name, code in (("ann", 1001), ("bob", 1009)):
            trial.connect_elsewhere(name)
            begin = trial.event("$connect", name)["requestContext"]["connectedAt"]
            outcome = trial.leave(name, code)
            _check_handled(f"{name} leaves", outcome)
            told = [line for line in _lines_of(outcome.printed) if line.get("what") == "disconnected"]
            if len(told) != 1:
                raise CheckFailed(
                    f'{name} leaves, and one line of JSON says what: "disconnected". Your handler printed '
                    f'{outcome.printed!r}. Look at: log("disconnected", request, …).'
                )
            [line] = told
            check(f"{name} left with the code", line.get("code"), code, look='code=request.get("disconnectStatusCode")')
            session = _row_of(trial, "ChatSessions", name, look="the update_item of exercise 7.2")
            ended = datetime.fromisoformat(session["disconnected_at"]).timestamp() * 1000
            found, lasted = line.get("durationMs"), round(ended - begin)
            if not isinstance(found, int) or abs(found - lasted) > 1:
                raise CheckFailed(
                    f"durationMs is the duration in milliseconds, an int. Found {found!r} instead of {lasted}. "
                    "Look at: the difference of the two times of the event, before it is divided."
                )
            check("the line names the connection", line.get("connectionId"), trial.id_of(name), look="log.py")
    print("ok: each end is one line, with its code and its duration")


@exercise("7.6", names=("delivered",), look="first the line with the message's id, then its requestId")
def how_many_got_it(answer: Answer) -> None:
    """The message id leads to one line, its request id to the line of the same event that counts the deliveries."""

    def line(what: str, request: str, **facts: Any) -> dict[str, Any]:
        return {"what": what, "requestId": request, "connectionId": "BobsId=", **facts}

    lines = [
        line("stored", "r1", messageId="m1"),
        line("stored", "r2", messageId="m2"),
        line("broadcast", "r2", delivered=7, gone=1),
        line("refused", "r3", why="The message is empty."),
        line("delivery failed", "r1", to="CarolsId=", error="Rate exceeded"),
        line("broadcast", "r1", delivered=3, failed=1),
        line("stored", "r4", messageId="m4"),
        line("broadcast", "r4", failed=2),
        line("stored", "r5", messageId="m5"),
    ]

    def found(message: str, given: list[dict[str, Any]]) -> Any:
        look = "which lines have the key: not all have messageId, or delivered; line.get gives None where it is missing"
        return attempt(f"delivered({message!r}, lines) is asked", lambda: answer.delivered(message, given), look=look)

    same_event = "the requestId, which is the same in all lines of one event"
    check("screens that m2 reached", found("m2", lines), 7, look=same_event)
    check("screens that m1 reached, whose lines are not side by side", found("m1", lines), 3, look=same_event)
    reverse = "the order of the lines, which tells nothing"
    check("the same with the lines in the opposite order", found("m1", lines[::-1]), 3, look=reverse)
    check("screens that m4 reached, all of whose posts failed", found("m4", lines), 0, look='line.get("delivered", 0)')
    nothing = "what is given back when no line tells"
    check("screens that m5 reached, whose function ended too early", found("m5", lines), None, look=nothing)


def _check_handled(what: str, outcome: Outcome) -> None:
    """``check_answered``, with the mistakes that these handlers invite told in their own words."""
    for sign, look in (
        (
            "Float types are not supported",
            "duration_seconds: DynamoDB takes no float, so write Decimal(milliseconds) / 1000",
        ),
        ("No module named 'log'", "exercise 7.4: it writes log.py, which disconnect.py imports"),
        ("KeyError: 'sourceIp'", 'request["identity"]["sourceIp"]'),
        ("part of the key", "the UpdateExpression: connection_id is the key, which no update can change"),
        ("UpdateExpression", "the UpdateExpression: SET name = :value, name = :value"),
        ("not JSON serializable", "exercise 7.4: json.dumps(…, default=str) takes a Decimal, too"),
    ):
        if sign in outcome.error:
            raise CheckFailed(f"{what}. Your handler raised {outcome.error} ({outcome.line}). Look at: {look}.")
    check_answered(what, outcome)


def _check_calls(outcome: Outcome, function: str, allowed: set[str]) -> None:
    """The handler asks for nothing that the role of its function does not allow."""
    beyond = sorted(set(outcome.calls) - allowed)
    if beyond:
        raise CheckFailed(
            f"the handler asks only for what its role allows. Yours calls {beyond[0]}, and the role of {function} allows "
            f"{' and '.join(sorted(allowed))}. Look at: the policy above; on AWS this would be AccessDenied."
        )


def _check_end(trial: Trial, name: str, although: str = "") -> None:
    """Somebody leaves: their connection is deleted, their session has its beginning, its end and its duration."""
    event = trial.event("$disconnect", name)
    request = event["requestContext"]
    request |= {"disconnectStatusCode": 1001, "disconnectReason": ""}
    outcome = trial.handle(event)
    _check_handled(f"{although} {name} leaves".strip(), outcome)
    _check_calls(outcome, "disconnect", {"DeleteItem", "UpdateItem"})
    there = [row["connection_id"] for row in trial.rows("ChatConnections")]
    if trial.id_of(name) in there:
        raise CheckFailed(f"{name}'s row in ChatConnections is deleted. It is still there. Look at: delete_item.")
    session = _row_of(trial, "ChatSessions", name, look="update_item, which makes a row where there is none")
    _check_moment(f"{name}'s session", session, "connected_at", request["connectedAt"], '"connectedAt"')
    _check_moment(f"{name}'s session", session, "disconnected_at", request["requestTimeEpoch"], '"requestTimeEpoch"')
    lasted = (request["requestTimeEpoch"] - request["connectedAt"]) / 1000
    check(
        f"{name}'s session has duration_seconds",
        session.get("duration_seconds"),
        lasted,
        look="requestTimeEpoch less connectedAt, which are milliseconds",
    )


def _row_of(trial: Trial, table: str, name: str, *, look: str) -> dict[str, Any]:
    """The row of somebody's connection."""
    rows = trial.rows(table)
    found = next((row for row in rows if row.get("connection_id") == trial.id_of(name)), None)
    if found is None:
        raise CheckFailed(
            f"{name} has a row in {table}, whose connection_id is {trial.id_of(name)!r}. Found {rows!r}. Look at: {look}."
        )
    return found


def _check_moment(what: str, row: dict[str, Any], attribute: str, at_ms: int, source: str) -> None:
    """An attribute of a row is a moment as text, in UTC, that is the event's."""
    found = row.get(attribute)
    try:
        moment = datetime.fromisoformat(found) if isinstance(found, str) else None
    except ValueError:
        moment = None
    look = f"datetime.fromtimestamp(milliseconds / 1000, timezone.utc).isoformat(), with the event's {source}"
    if moment is None or moment.tzinfo is None:
        raise CheckFailed(f"{what} has {attribute}, a text such as {EXAMPLE!r}. Found {found!r}. Look at: {look}.")
    if abs(moment.timestamp() * 1000 - at_ms) >= 1000:
        raise CheckFailed(
            f"{what} has the {attribute} of the event. Found {found!r} instead of {_utc(at_ms)!r}. Look at: {look}."
        )
    print(f"ok: {what} has {attribute}")


def _utc(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds")


def _printed(log: Any, what: str, **facts: Any) -> str:
    """What a call of the learner's ``log`` prints."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        look = "the parameters log(what, request, **facts), and the values that json.dumps does not know"
        attempt(f"log({what!r}, request, …) is called", lambda: log(what, REQUEST, **facts), look=look)
    return printed.getvalue()


def _as_json(printed: str) -> dict[str, Any]:
    lines = _lines_of(printed)
    if len(lines) != 1:
        raise CheckFailed(
            f"what is printed is one line of JSON. Your function printed {printed!r}. Look at: json.dumps, which writes "
            "names and texts between double quotes."
        )
    return lines[0]


def _lines_of(printed: str) -> list[dict[str, Any]]:
    """The printed lines that are JSON objects."""
    found = []
    for line in printed.splitlines():
        with contextlib.suppress(ValueError):
            value = json.loads(line)
            if isinstance(value, dict):
                found.append(value)
    return found

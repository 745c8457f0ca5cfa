"""The exercises of lesson 7b: six chats that people complain about, each judged by what it does once it is mended."""

from __future__ import annotations

from typing import Any

from classroom.exercises.checks import CheckFailed, check
from classroom.exercises.exercise import Answer
from classroom.exercises.handler_checks import check_answered, check_not_raised
from classroom.exercises.registry import exercise
from classroom.my_chat.trial import Outcome, Trial
from localstage.policy.context import RequestContext
from localstage.policy.document import MalformedPolicy, Need, Policy, read_policy

PREDICTIONS = {
    "7b.a": "A few",
    "7b.b": "Two of the three",
    "7b.c": "Only Bob",
    "7b.d": "Three times",
    "7b.e": "Nothing",
    "7b.f": "500",
}
PEOPLE = ("abel", "ann", "bob", "carol")


@exercise(
    "7b.1", file="case_1.py", look="the keys of the row in save, beside the lines that begin with stored in the log"
)
def every_message_has_a_row(answer: Answer) -> None:
    """Messages of one instant are a row each, in the same room, in order."""
    with answer.trial() as trial:
        _connect(trial, "ann", "bob")
        check_answered("a message is handled", trial.send("ann", "first"))
        check(
            "it is stored in the room whose history people ask for",
            [row.get("room_id") for row in trial.rows("ChatMessages")],
            ["global"],
            look="room_id: with a room for each message there is no history that could be asked for",
        )
        trial.stop_the_clock(function_too=True)
        for text in ("one", "two", "three"):
            check_not_raised("three messages of one millisecond are handled", trial.send("bob", text))
        stored = [row.get("message") for row in trial.rows("ChatMessages")]
        check(
            "rows after four messages, three of them in one millisecond",
            len(stored),
            4,
            look="the sort key: a finer clock makes a meeting rarer, and only a condition of put_item notices one",
        )
        check("the earlier one comes first", stored[0], "first", look="the timestamp, which grows with time")
        check("the three come in their order", stored[1:], ["one", "two", "three"], look="the next free timestamp")
        _check_screen(trial, "ann", ["first", "one", "two", "three"], look="say, which sends what it has saved")


@exercise("7b.2", file="case_2.py", look="is_heartbeat, and what the event says about the purpose of a frame")
def a_heartbeat_is_not_a_word(answer: Answer) -> None:
    """Whatever people write arrives; heartbeats, which have a route of their own, stay quiet."""
    with answer.trial() as trial:
        _connect(trial, "ann", "bob")
        texts = ["Type this:", "ping", "Ping", "and Enter."]
        for text in texts:
            check_answered(f"bob writes {text!r}", trial.send("bob", text))
        _check_screen(trial, "ann", texts, look="the word that is_heartbeat looks for")
        for body in ({"action": "ping"}, {"action": "ping", "message": "still here"}):
            outcome = trial.handle(trial.event("ping", "bob", body))
            check_answered(f"the heartbeat {body} is handled", outcome, look="the route of the event: ping")
        _check_screen(trial, "ann", texts, look="the heartbeats: they are for nobody's screen")
        stored = [row["message"] for row in trial.rows("ChatMessages")]
        check("what is stored", stored, texts, look="the heartbeats: they are no messages")


@exercise("7b.3", file="case_3.py", look="whose connection id is in the key of delete_item")
def the_one_who_is_gone(answer: Answer) -> None:
    """The row of the connection that is gone is deleted, and no other, and leaving still works."""
    with answer.trial() as trial:
        _connect(trial, "ann", "bob", "carol")
        trial.vanish("carol")
        check_answered("carol is gone, and ann's message is handled", trial.send("ann", "Is anybody there?"))
        there = _there(trial)
        if "ann" not in there:
            raise CheckFailed(
                "ann, who wrote, is still in the chat. Found her row deleted. "
                "Look at: whose id is in requestContext, and whose id the post went to."
            )
        check("carol's row is deleted", there, ["ann", "bob"], look="what is done when a post answers Gone")
        check_answered("bob answers", trial.send("bob", "I am."))
        _check_screen(trial, "ann", ["Is anybody there?", "I am."], look="whose row is deleted")
        check_answered("bob leaves", trial.leave("bob"))
        check(
            "his row is deleted when he leaves",
            _there(trial),
            ["ann"],
            look="the route $disconnect, which uses forget too",
        )


@exercise("7b.4", file="case_4.py", look="the text of the error in the log: the word in parentheses is its code")
def the_branch_that_is_never_reached(answer: Answer) -> None:
    """Gone costs the row at the first message; every other failure is printed and keeps it."""
    with answer.trial() as trial:
        _connect(trial, "abel", "ann", "bob", "carol")
        trial.vanish("carol")
        trial.fault("abel", "throttled")
        outcome = trial.send("ann", "One")
        check_answered("carol is gone, abel is throttled, and ann's message is handled", outcome)
        there = _there(trial)
        if "carol" in there:
            raise CheckFailed(
                "carol's row is deleted at the first message. Found it in the table. "
                "Look at: the code of the error, which is the word in parentheses in the log, and not its status."
            )
        check(
            "abel, who had a bad moment, keeps his row",
            there,
            ["abel", "ann", "bob"],
            look="for which errors the row is deleted: only Gone means gone",
        )
        _check_told(trial, "abel", outcome)
        check("posts for the next message", _posts(trial.send("bob", "Two")), 3, look="who is still posted to")
        _check_screen(trial, "bob", ["One", "Two"], look="the loop in send_to_all")


@exercise("7b.5", file="case_5.py", look="everybody: when it is filled, and how long it lives")
def whoever_comes_late(answer: Answer) -> None:
    """Whoever comes later is in the chat, whichever execution environment has seen them come."""
    with answer.trial() as trial:
        _connect(trial, "ann", "bob")
        check_answered("ann writes", trial.send("ann", "One"))
        _check_screen(trial, "bob", ["One"], look="send_to_all: it needs everybody who is there now")
        trial.connect("carol")
        check_answered("carol comes, and ann writes again", trial.send("ann", "Two"))
        _check_screen(trial, "carol", ["Two"], look="everybody, which is still the list of the first message")
        trial.connect_elsewhere("abel")
        check_answered("abel comes, and another execution environment lets him in", trial.send("ann", "Three"))
        _check_screen(
            trial,
            "abel",
            ["Three"],
            look="where the truth is: another environment has variables of its own, and the table is shared by all",
        )
        _check_screen(trial, "bob", ["One", "Two", "Three"], look="names that are in the list twice")
        trial.leave("bob")
        check("posts after bob has left", _posts(trial.send("ann", "Four")), 3, look="who is posted to")


_ARN = "arn:aws:{service}:us-east-1:123456789012:{rest}"
_FILLED = {"AWS::Region": "us-east-1", "AWS::AccountId": "123456789012", "Prefix": "lab", "ApiId": "a1b2c3d4e5"}


@exercise("7b.6", file="case_6.yaml", look="the lines of the log that begin with refused and with not told")
def what_the_list_forgot(answer: Answer) -> None:
    """The list allows each call that the handler makes, on what it makes it, and nothing else."""
    policy = _policy(answer)
    for what, need, otherwise, look in (
        ("the connection is remembered", _table("PutItem", "ChatConnections"), "she is refused with 500", "refused"),
        ("the session is kept", _table("PutItem", "ChatSessions"), "she is refused with 500", "refused"),
        ("the table of connections is read", _table("Scan", "ChatConnections"), "she is refused with 500", "refused"),
        ("Alice is told", _posting("POST"), "Carol gets in, and nobody hears of it", "not told"),
    ):
        if not _allows(policy, need):
            raise CheckFailed(
                f"Carol comes, and {what}. Your list does not allow {need.action} on {_short(need.resource)}, so "
                f"{otherwise}. Look at: the line of the log that begins with {look}."
            )
        print(f"ok: Carol comes, and {what}")
    log = Need(
        "logs:PutLogEvents", _ARN.format(service="logs", rest="log-group:/aws/lambda/lab-practice:log-stream:one"), {}
    )
    if not _allows(policy, log):
        raise CheckFailed(
            "the function can write its log. Your list has lost logs:PutLogEvents. Look at: the first entry."
        )
    for need in (
        _table("DeleteItem", "ChatConnections"),
        _table("PutItem", "ChatMessages"),
        _table("Scan", "ChatSessions"),
        _table("Scan", "Payroll"),
        _posting("DELETE"),
        _posting("POST", api="somebodyelses"),
    ):
        if _allows(policy, need):
            raise CheckFailed(
                f"the list allows what the handler does and nothing else. Yours allows {need.action} on "
                f"{_short(need.resource)}, too. Look at: stars, and resources that are wider than one table."
            )
    print("ok: the list allows nothing else")


def _policy(answer: Answer) -> Policy:
    from classroom.labs.bug_hunt import NoList, policy_of  # it imports the panels, which no other check needs

    try:
        return read_policy(policy_of(answer.text, _FILLED))
    except (NoList, MalformedPolicy) as error:
        raise CheckFailed(f"IAM can read the list. {error}. Look at: the entries that were there before.") from None


def _allows(policy: Policy, need: Need) -> bool:
    statements = policy.matching(need, RequestContext({}))
    return bool(statements) and not any(one.denies for one in statements)


def _table(operation: str, table: str) -> Need:
    return Need(f"dynamodb:{operation}", _ARN.format(service="dynamodb", rest=f"table/lab-{table}"), {})


def _posting(method: str, api: str = _FILLED["ApiId"]) -> Need:
    return Need(
        "execute-api:ManageConnections",
        _ARN.format(service="execute-api", rest=f"{api}/prod/{method}/@connections/Trial="),
        {},
    )


def _short(arn: str) -> str:
    return (
        arn.split(":", 5)[5].replace("lab-", "${Prefix}-").replace(_FILLED["ApiId"], "${ApiId}").replace("Trial=", "*")
    )


def _connect(trial: Trial, *names: str) -> None:
    for name in names:
        check_answered(f"{name} is let in", trial.connect(name))


def _there(trial: Trial) -> list[str]:
    """The people in the table of connections, by name."""
    names: dict[Any, str] = {trial.id_of(name): name for name in PEOPLE}
    return sorted(names.get(row["connection_id"], row["connection_id"]) for row in trial.rows("ChatConnections"))


def _check_screen(trial: Trial, name: str, expected: list[str], *, look: str) -> None:
    """Somebody has received these texts, in this order, and nothing else."""
    found = [frame.get("message") if isinstance(frame, dict) else frame for frame in trial.screen(name)]
    check(f"what {name} has received", found, expected, look=look)


def _posts(outcome: Outcome) -> int:
    return sum(call.startswith("POST ") for call in outcome.calls)


def _check_told(trial: Trial, name: str, outcome: Outcome) -> None:
    if trial.id_of(name) not in outcome.printed and "LimitExceeded" not in outcome.printed:
        raise CheckFailed(
            f"the log says that {name}'s post failed. Your handler printed {outcome.printed!r}. "
            "Look at: the print for all other errors."
        )
    print(f"ok: the log says that {name}'s post failed")

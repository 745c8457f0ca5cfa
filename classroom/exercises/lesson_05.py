"""The exercises of lesson 5: a broadcast that works for two, then one mend for each way in which it breaks."""

from __future__ import annotations

from classroom.exercises.checks import CheckFailed, check
from classroom.exercises.exercise import Answer
from classroom.exercises.function_templates import ADDRESS, table
from classroom.exercises.handler_checks import check_answered, check_not_raised
from classroom.exercises.lesson_04 import GIVEN, check_chat_function
from classroom.exercises.registry import exercise
from classroom.my_chat.trial import DOMAIN, Trial

FILE, TEMPLATE = "chat_handler.py", "template.yaml"
FINISHES = {FILE: "5.7", TEMPLATE: "5.1"}
PREDICTIONS = {
    "5.a": "No",
    "5.b": "Two",
    "5.c": "Some get nothing, and Alice gets an error",
    "5.d": "Abel loses his place in the chat",
    "5.e": "Ann and Bob only",
    "5.f": "They wait until Abel has it",
    "5.g": "One",
}
ENDPOINT = "endpoint_url, which is f\"https://{request['domainName']}/{request['stage']}\""


@exercise("5.1", file=TEMPLATE, look="ChatFunction and ChatRole: the rest stays as lesson 4 left it")
def allow_what_a_broadcast_needs(answer: Answer) -> None:
    """The chat function knows the table of connections, and may use it and post to connections of the stage prod."""
    connections, api = table("ChatConnections"), f"{ADDRESS}{GIVEN['ApiId']}"
    posts, hangs_up, elsewhere = (
        f"{api}/{which}/@connections/R0oXAcfD0kwCFiA=" for which in ("prod/POST", "prod/DELETE", "dev/POST")
    )
    may = [("dynamodb:PutItem", table("ChatMessages"))]
    may += [(f"dynamodb:{action}", connections) for action in ("PutItem", "DeleteItem", "Scan")]
    check_chat_function(
        answer,
        {"MESSAGES_TABLE": "lab-ChatMessages", "CONNECTIONS_TABLE": "lab-ChatConnections"},
        [*may, ("execute-api:ManageConnections", posts)],
        [("execute-api:ManageConnections", hangs_up), ("execute-api:ManageConnections", elsewhere)],
    )


@exercise("5.2", file=FILE, look="the list of what the handler does, above")
def send_to_everybody(answer: Answer) -> None:
    """Connections are remembered and forgotten; a message is stored and reaches everybody who is connected."""
    with answer.trial() as trial:
        for name in ("ann", "bob", "carol"):
            check_answered(f"{name} is let in", trial.connect(name))
        check("each connection is one row", _there(trial), ["ann", "bob", "carol"], look="put_item on $connect")
        outcome = trial.send("ann", "Hello")
        check_not_raised("a message is handled", outcome)
        _check_endpoint(outcome.calls)
        check_answered("a message is answered", outcome)
        check("the message is stored", len(trial.rows("ChatMessages")), 1, look="what your handler of lesson 4 did")
        for name in ("bob", "carol", "ann"):
            _check_screen(trial, name, [("ann", "Hello")], look="the loop over the rows of the connections")
        _check_frame(trial)
        check_answered("bob leaves", trial.leave("bob"))
        check("his row is deleted", _there(trial), ["ann", "carol"], look="delete_item on $disconnect")
        check_answered("carol is heard", trial.send("carol", "Bye"))
        _check_screen(trial, "ann", [("ann", "Hello"), ("carol", "Bye")], look="the loop over the rows")
        check_answered("an empty message is refused", trial.send("carol", " "), 400, look="exercise 4.4")
        check("and sent to nobody", len(trial.screen("ann")), 2, look="the order: first refuse, then store, then send")


@exercise("5.3", file=FILE, look="the except around post_to_connection")
def forget_who_is_gone(answer: Answer) -> None:
    """A connection that is gone costs its row, and nobody else anything."""
    with answer.trial() as trial:
        trial.connect("abel", "ann", "bob")
        trial.vanish("abel")
        outcome = trial.send("ann", "Hello")
        check_answered("abel is gone, and the message is handled all the same", outcome)
        for name in ("ann", "bob"):
            _check_screen(trial, name, [("ann", "Hello")], look="the try: it stands inside the loop, around one post")
        check(
            "abel's row is deleted, the others' stay", _there(trial), ["ann", "bob"], look="delete_item in the except"
        )
        check_answered("the next message is handled", trial.send("bob", "Hi"))
        _check_screen(trial, "ann", [("ann", "Hello"), ("bob", "Hi")], look="which row is deleted")


@exercise("5.4", file=FILE, look="which exceptions are caught, and in which order")
def keep_who_is_there(answer: Answer) -> None:
    """Only Gone means gone: any other failure is printed, keeps the row, and costs nobody else anything."""
    with answer.trial() as trial:
        trial.connect("abel", "ann", "bob", "carol")
        trial.fault("abel", "throttled")
        trial.vanish("carol")
        outcome = trial.send("ann", "Hello")
        check_answered("abel is throttled, and the message is handled all the same", outcome, error_look="ClientError")
        for name in ("ann", "bob"):
            _check_screen(trial, name, [("ann", "Hello")], look="the try: it stands inside the loop, around one post")
        there = _there(trial)
        if "carol" in there:
            raise CheckFailed(
                "carol is gone, and her row is still there. Look at: the order, since Python takes the first except that "
                "fits, and GoneException is a ClientError."
            )
        check("abel's row stays", there, ["abel", "ann", "bob"], look="the except that deletes: only Gone means gone")
        if trial.id_of("abel") not in outcome.printed and "LimitExceeded" not in outcome.printed:
            raise CheckFailed(
                f"the log says what failed. Your handler printed {outcome.printed!r}. Look at: a print in the except."
            )
        print("ok: the log says what failed")
        trial.fault("abel", "")
        trial.send("bob", "Are you back?")
        _check_screen(trial, "abel", [("bob", "Are you back?")], look="the except that deletes")
        check_not_raised("a message that is too long is handled", trial.send("ann", "x" * 150_000), look="ClientError")
        check("nobody is lost by it", _there(trial), ["abel", "ann", "bob"], look="the except that deletes")


@exercise("5.5", file=FILE, look="LastEvaluatedKey of each answer")
def read_every_page(answer: Answer) -> None:
    """Everybody gets the message once, however many pages the scan has."""
    people = ["ann", "bob", "carol", "dana", "eve"]
    with answer.trial() as trial:
        trial.connect(*people)
        trial.pages_of(2)
        outcome = trial.send("ann", "Hello")
        check_answered("with pages of two rows the message is handled", outcome)
        got = [name for name in people if trial.screen(name)]
        check("everybody gets it", got, people, look="LastEvaluatedKey: go on while there is one")
        check("each once", [len(trial.screen(name)) for name in people], [1] * 5, look="ExclusiveStartKey")
        scans = outcome.calls.count("Scan")
        check("five rows are three pages, read once each", scans, 3, look="how often scan is called")
        trial.leave("eve")
        trial.leave("dana")
        trial.send("bob", "And now?")
        check("one page and a bit", [len(trial.screen(one)) for one in people[:3]], [2] * 3, look="the last page")


@exercise("5.6", file=FILE, look="pool.map, and what runs inside it")
def wait_for_nobody(answer: Answer) -> None:
    """A slow connection makes nobody else wait, and everything that was mended still works."""
    with answer.trial() as trial:
        trial.connect("abel", "ann", "bob", "carol")
        trial.fault("abel", "slow")
        outcome = trial.send("ann", "Hello")
        check_answered("abel is slow, and the message is handled", outcome)
        check("people who waited for a slow one", trial.waited_for, [], look="posts that go out at the same time")
        for name in ("ann", "bob", "carol", "abel"):
            _check_screen(trial, name, [("ann", "Hello")], look="the end of the with block, which waits for all posts")
        trial.fault("abel", "gone")
        check_answered("abel is gone, and the message is handled", trial.send("bob", "Hi"))
        check("his row is deleted", _there(trial), ["ann", "bob", "carol"], look="post: it is called for each row")


@exercise("5.7", file=FILE, look="the key of the row, and the condition of put_item")
def lose_no_message(answer: Answer) -> None:
    """Messages of one instant are a row each, in order, and a repeated event is still one row."""
    with answer.trial() as trial:
        trial.connect("ann", "bob")
        first = trial.send("ann", "first")
        check_answered("a message is handled", first)
        trial.stop_the_clock()
        events = [
            trial.event("sendMessage", name, {"action": "sendMessage", "sender": name, "message": text})
            for name, text in (("ann", "one"), ("bob", "two"), ("ann", "three"))
        ]
        for event in events:
            check_not_raised("three messages of one millisecond are handled", trial.handle(event))
        texts = sorted(row["message"] for row in trial.rows("ChatMessages"))
        check(
            "all of them are there", texts, ["first", "one", "three", "two"], look="two rows with the same key are one"
        )
        check(
            "the earlier one comes first",
            trial.rows("ChatMessages")[0]["message"],
            "first",
            look="the timestamp's unit",
        )
        trial.handle(events[0])
        trial.handle(events[1])
        check(
            "an event that is handled twice is one row",
            len(trial.rows("ChatMessages")),
            4,
            look="the condition: this place is free, or it is this very message that is there",
        )


def _there(trial: Trial) -> list[str]:
    """The people in the table of connections, by name."""
    names = {trial.id_of(name): name for name in ("abel", "ann", "bob", "carol", "dana", "eve")}
    return sorted(names.get(row["connection_id"], row["connection_id"]) for row in trial.rows("ChatConnections"))


def _check_screen(trial: Trial, name: str, expected: list[tuple[str, str]], *, look: str) -> None:
    """Somebody has received these messages, and nothing else."""
    frames = [frame if isinstance(frame, dict) else {"not JSON": frame} for frame in trial.screen(name)]
    found = [(frame.get("sender"), frame.get("message")) for frame in frames]
    if len(found) == len(expected) and found != expected:
        look = 'the frame: json.dumps({"type": "message", "sender": …, "message": …, "timestamp": …})'
    check(f"what {name} has received", found, expected, look=look)


def _check_frame(trial: Trial) -> None:
    """What Bob has received says what it is, and under which timestamp it is stored."""
    [frame], [row] = trial.screen("bob"), trial.rows("ChatMessages")
    check("the frame's type", frame.get("type"), "message", look='"type": "message", the first entry of the frame')
    stored = row["timestamp"]
    check(
        "the frame's timestamp is the row's",
        frame.get("timestamp"),
        stored,
        look="timestamp, the last entry of the frame",
    )


def _check_endpoint(calls: tuple[str, ...]) -> None:
    """Posts went to the API and stage of the event."""
    wrong = sorted({call for call in calls if call.startswith("POST") and call != f"POST https://{DOMAIN}/prod"})
    if wrong:
        raise CheckFailed(
            f"posts go to the API that the event came from. Found {wrong[0]!r} instead of 'POST https://{DOMAIN}/prod'. "
            f"Look at: {ENDPOINT}."
        )

"""The exercises of lesson 6: a page, hostile text, the heartbeat, coming back, close codes."""

from __future__ import annotations

from typing import Any

from classroom.exercises.checks import CheckFailed, check
from classroom.exercises.exercise import Answer
from classroom.exercises.registry import exercise
from classroom.my_chat.page_trial import PageFailed, PageTrial

FILE = "page.html"
PREDICTIONS = {
    "6.a": "An element that the sender chose, with code that runs",
    "6.b": "After three seconds, and after nine",
    "6.c": "The answer of $default",
    "6.d": "No",
    "6.e": "Longer than a minute",
    "6.f": "Nobody",
}
FINISHES = {"page.html": "6.4"}

_ATTACK = "<img src=x onerror=\"document.title='Owned'\">"
_LONGEST = [1, 2, 4, 8, 16, 30, 30]
_ENOUGH = 0.999999
"""What ``Math.random()`` gives at most, so that a wait is as long as it can be."""


@exercise("6.1", file=FILE, look="the list of what the page does, above")
def write_a_page(answer: Answer) -> None:
    """The page opens a socket to the address in its link, sends what is typed, and shows what comes."""
    try:
        trial = PageTrial(answer.text)
    except PageFailed as failed:
        if "'null'" not in str(failed):
            raise
        raise CheckFailed(
            f'the page finds the address in its link. {failed} Look at: link.get("url"), all in small letters.'
        ) from None
    check("one connection is opened", trial.attempts, 1, look="new WebSocket(…)")
    check(
        "it goes to the address in the link",
        trial.addresses[0],
        "/a1b2c3/prod",
        look='new URLSearchParams(location.search).get("url")',
    )
    trial.open()
    _says(trial, "Hello")
    check("its sender is the name in the link", trial.sent[-1].get("sender"), "ben", look='.get("name")')
    _shows_messages(trial)


@exercise("6.2", file=FILE, look="the line that puts a message on the page")
def keep_text_text(answer: Answer) -> None:
    """Whatever a stranger writes is shown as they wrote it, and makes no element."""
    trial = PageTrial(answer.text)
    _needs_a_socket(trial)
    trial.open()
    _shows_messages(trial)
    trial.receive(_message("mallory", _ATTACK))
    _makes_nothing(trial, "the text of a message", look="textContent, or a string given to append(), is never parsed")
    shown = next((line for line in trial.screen() if "mallory" in line), "no line of mallory's")
    check("it is shown as it was written", _ATTACK if _ATTACK in shown else shown, _ATTACK, look="textContent")
    trial.receive(_message(_ATTACK, "It is my name that bites"))
    _makes_nothing(trial, "the name of a sender", look="the sender: it is a stranger's text, too")
    _says(trial, "Still here")


@exercise("6.3", file=FILE, look="setInterval, and the frame that it sends")
def beat(answer: Answer) -> None:
    """Every thirty seconds the page sends a ping, and its answer stays off the screen."""
    trial = PageTrial(answer.text)
    _needs_a_socket(trial)
    trial.open()
    trial.wait(61)
    check(
        "a minute of silence has two heartbeats",
        len(trial.sent),
        2,
        look=_or_console(trial, "setInterval(…, 30_000): it counts milliseconds"),
    )
    check("a heartbeat is a ping", trial.sent[0], {"action": "ping"}, look='JSON.stringify({ action: "ping" })')
    trial.receive({"type": "pong"})
    check(
        "its answer stays off the screen",
        " | ".join(trial.screen()),
        "",
        look='frame.type === "pong": return before a line is made',
    )
    _shows_messages(trial)
    _says(trial, "Hello")


@exercise("6.4", file=FILE, look="onclose, and the function that it calls again", within_s=60.0)
def come_back(answer: Answer) -> None:
    """A lost connection is made again, after waits that double up to thirty seconds and that chance shortens."""
    trial = PageTrial(answer.text, chance=_ENOUGH)
    _needs_a_socket(trial)
    trial.open()
    trial.lose()
    check(
        "after a loss it does not try again at once",
        trial.attempts,
        1,
        look="setTimeout: without a wait the whole crowd is back in the same instant",
    )
    _keeps_what_is_typed(trial, "without a connection")
    look = "the wait is 1 s at first, then doubles up to 30; attempts counts the ones that failed"
    for number, longest in enumerate(_LONGEST, 1):
        check(
            f"attempt {number} comes after {longest} s, when chance takes nothing away",
            _waited_s(trial),
            longest,
            look=_or_console(trial, look),
        )
        if number == 1:
            _keeps_what_is_typed(trial, "while the next connection is made")
        trial.lose()
    _waited_s(trial)
    trial.open()
    trial.lose()
    check(
        "after a connection that was made it begins anew with 1 s", _waited_s(trial), 1, look="onopen: it begins anew"
    )
    trial.open()
    _shows_messages(trial)
    _says(trial, "Back again")
    before = len(_pings(trial))
    trial.wait(60.5)
    check(
        "after all of this a minute still has two heartbeats",
        len(_pings(trial)) - before,
        2,
        look=_or_console(trial, "setInterval: called again with each connection, it makes one clock more each time"),
    )
    early = PageTrial(answer.text, chance=0.0)
    early.open()
    early.lose()
    _waited_s(early)
    early.lose()
    shortest = _waited_s(early)
    check(
        "the smallest chance makes the second wait, of 2 s at most, shorter",
        "shorter" if shortest is not None and shortest <= 1 else f"{shortest} s",
        "shorter",
        look="Math.random(): it takes away up to half",
    )


@exercise("6.5", names=("codes",), look="the two tables above")
def close_codes(answer: Answer) -> None:
    """Which code the page's onclose gets, for five ends."""
    for event, (code, look) in _CODES.items():
        check(event, answer.codes.get(event, "no such line"), code, look=look)


_CODES = {
    "nobody wrote for ten minutes": (1001, "going away"),
    "delete_connection": (1000, "a close frame did come, and nothing was wrong"),
    "the handshake was refused with 403": (1006, "whether there was a connection at all"),
    "the train went into a tunnel": (1006, "who could have sent a close frame?"),
    "a frame of 33 KB was sent": (1009, "API Gateway takes at most 32 KB in one frame"),
}


def _message(sender: str, text: str) -> dict[str, Any]:
    return {"type": "message", "room": "global", "sender": sender, "message": text, "timestamp": 1, "message_id": text}


def _needs_a_socket(trial: PageTrial) -> None:
    check("one connection is opened", trial.attempts, 1, look="new WebSocket(…), which should still be there")


def _says(trial: PageTrial, text: str) -> None:
    """The page sends what is typed, as the chat expects it, and is not loaded again."""
    before = len(trial.sent)
    trial.type(text)
    check("a line that is typed is one frame", len(trial.sent) - before, 1, look="send, in the form's onsubmit")
    frame = trial.sent[-1]
    check("the frame is JSON", "text" if isinstance(frame, str) else "an object", "an object", look="JSON.stringify")
    check(
        "its action is the route's name", frame.get("action"), "sendMessage", look="the route's name, with a capital M"
    )
    check("its message is what was typed", frame.get("message"), text, look="the field's value")
    check(
        "after Enter the page stays as it is",
        "is loaded again" if trial.loaded_again else "stays",
        "stays",
        look="event.preventDefault(): otherwise the browser sends the form, and the connection is gone",
    )
    check("the field is empty again", trial.typed, "", look="the field's value, which becomes an empty text after send")


def _keeps_what_is_typed(trial: PageTrial, when: str) -> None:
    """A line that nobody can carry now is not lost: it is still in the field."""
    line = "In the tunnel"
    look = "the form's onsubmit: send and empty the field only if socket.readyState === WebSocket.OPEN"
    try:
        trial.type(line)
    except PageFailed as failed:
        raise CheckFailed(f"the page goes on when a line is typed {when}. {failed} Look at: {look}.") from None
    check(f"a line that is typed {when} stays in the field", trial.typed, line, look=look)


def _shows_messages(trial: PageTrial) -> None:
    """Two messages are two lines, each with its sender."""
    trial.receive(_message("ann", "Hi there"), _message("bob", "Me too"))
    lines = trial.screen()
    for sender, text in (("ann", "Hi there"), ("bob", "Me too")):
        line = next((line for line in lines if text in line), "")
        look = (
            "the backticks around the line: between quotation marks ${…} stays as it is"
            if any("${" in line for line in lines)
            else "JSON.parse(event.data), in onmessage"
        )
        check(
            f"{sender}'s message is on the page",
            text if line else " | ".join(lines) or "an empty page",
            text,
            look=look,
        )
        check(f"{sender}'s name stands beside it", sender if sender in line else line, sender, look="frame.sender")
    together = [line for line in lines if "Hi there" in line and "Me too" in line]
    check("each message has a line of its own", together, [], look="one <li> for each message")


def _makes_nothing(trial: PageTrial, what: str, look: str) -> None:
    made = "; ".join(trial.foreign_elements()) or "nothing"
    check(f"{what} makes no element", made, "nothing", look=look)


def _or_console(trial: PageTrial, look: str) -> str:
    """Where to look first: what the console says, if it says anything."""
    return f"the browser's console says: {trial.console[-1]}" if trial.console else look


def _pings(trial: PageTrial) -> list[Any]:
    return [frame for frame in trial.sent if isinstance(frame, dict) and frame.get("action") == "ping"]


def _waited_s(trial: PageTrial) -> float | None:
    """How many seconds go by until the page's next attempt, in quarters rounded to whole ones above one; None after 40."""
    before = trial.attempts
    for quarters in range(1, 161):
        trial.wait(0.25)
        if trial.attempts > before:
            seconds = quarters / 4
            return round(seconds) if seconds > 1 else seconds
    return None

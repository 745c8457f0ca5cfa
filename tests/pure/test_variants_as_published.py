"""The five write-ups' handlers as published: each has its faults, and does what the printed code does where there is any.

Both run in moto's account, with the same traffic; what is compared are the
tables' rows, the frames that people receive, and what is raised.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import datetime
from typing import Any

import boto3
import pytest

from tests.pure.chat_account import failure
from tests.pure.variant_day import GREEK, PEOPLE, ROUTES, VARIABLES, Day, account, clock, day
from tests.source_material import at_hand, printed_code

__all__ = ["account", "clock", "day"]


@pytest.fixture
def s0(day: Callable[..., Day]) -> Day:
    return day("s0")


def test_s0_when_ten_messages_come_in_one_second(s0: Day, clock: list[float]) -> None:
    """s0's key is a whole second: ten messages of one second are one row, the last; everybody has heard all ten."""
    s0.come(*PEOPLE)
    for number in range(10):
        s0.say("ann=", f"message {number}")
    assert [row["message"] for row in s0.account.stored()] == ["message 9"]
    assert len(s0.heard("bob=")) == len(s0.heard("ann=")) == 10
    clock[0] += 1
    s0.say("ann=", "a second later")
    assert len(s0.account.stored()) == 2


@pytest.mark.parametrize("code", ["GoneException", "LimitExceededException", "ForbiddenException"])
def test_s0_when_a_post_fails(s0: Day, code: str) -> None:
    """s0 deletes the row of every connection that a post does not reach, for whatever reason."""
    s0.come(*PEOPLE)
    s0.account.clients.failures["bob="] = failure(code)
    s0.say("ann=", "Hello")
    assert s0.here() == {"ann=", "carol="} and s0.heard("carol=") == ["Hello"]


def test_s0_when_a_message_is_long(s0: Day) -> None:
    """s0 writes each Greek letter as six characters: 50 KB become 150, no post is taken, and everybody loses the row."""
    s0.come(*PEOPLE)
    s0.say("ann=", GREEK)
    assert s0.here() == set()


@pytest.mark.parametrize("name", VARIABLES)
def test_variant_when_connections_fill_two_pages(name: str, day: Callable[..., Day]) -> None:
    """All five read one answer of the scan: whoever is on the second page hears nothing."""
    one = day(name)
    one.come(*PEOPLE, "dana=")
    one.fill_two_pages()
    for frames in one.account.clients.received.values():
        frames.clear()
    one.say("dana=", "Is there a second page?")
    assert {who for who, frames in one.account.clients.received.items() if frames} == {"ann=", "bob="}
    assert one.here() == {*PEOPLE, "dana="}


def test_s1_when_posts_fail(day: Callable[..., Day]) -> None:
    """s1 deletes the row of a connection that is gone, and of no other; what was said comes with its sender's id."""
    s1 = day("s1")
    s1.come(*PEOPLE)
    s1.account.clients.failures |= {"bob=": failure("GoneException"), "carol=": failure("LimitExceededException")}
    s1.say("ann=", "")
    assert s1.here() == {"ann=", "carol="}
    [frame] = s1.account.clients.received["ann="]
    assert (frame["from"], frame["message"], frame["type"]) == ("ann=", "", "chat")
    assert s1.handle("sendMessage", "ann=", "not JSON") == {"statusCode": 400} and s1.raised == []


def test_s2_when_its_list_does_not_allow_the_scan(day: Callable[..., Day], monkeypatch: pytest.MonkeyPatch) -> None:
    """s2 refuses whoever connects, because it may not read who is there; the rows that it has written stay."""
    s2 = day("s2")
    module = sys.modules["variants.s2"]
    monkeypatch.setattr(module, "tell", _denied)
    assert s2.handle("$connect", "ann=") == {"statusCode": 500}
    assert s2.here() == {"ann="} and [row["connection_id"] for row in s2.account.sessions.scan()["Items"]] == ["ann="]


def _denied(*arguments: Any, **named: Any) -> None:
    raise failure("AccessDeniedException", "Scan")


def test_s2_when_people_come_talk_and_leave(day: Callable[..., Day]) -> None:
    """s2 swallows the word ping, lets the row of a connection that is gone stay, and counts sessions in whole seconds."""
    s2 = day("s2")
    s2.come(*PEOPLE)
    assert s2.heard("ann=") == ["bob= has come.", "carol= has come."]
    assert s2.say("ann=", "ping")["statusCode"] == 200 and s2.say("ann=", "")["statusCode"] == 400
    s2.account.clients.failures["carol="] = failure("GoneException")
    s2.say("ann=", "Hello")
    [text] = s2.heard("bob=")[1:]
    assert text.endswith("ann=  Hello\n") and s2.here() == set(PEOPLE)
    [row] = boto3.resource("dynamodb").Table("MessageHistory").scan()["Items"]
    assert row.keys() == {"message_id", "connection_id", "timestamp", "message"} and row["message"] == "Hello"
    s2.handle("$disconnect", "bob=")
    session = s2.account.sessions.get_item(Key={"connection_id": "bob="})["Item"]
    assert session.keys() == {"connection_id", "source_ip", "connected_at", "disconnected_at", "duration_seconds"}
    came, left = (datetime.fromisoformat(session[key]) for key in ("connected_at", "disconnected_at"))
    assert session["duration_seconds"] == (left - came).total_seconds() >= 0
    assert s2.here() == {"ann=", "carol="}


def test_s3_when_a_connection_is_gone(day: Callable[..., Day], capsys: pytest.CaptureFixture[str]) -> None:
    """s3 prints what fails and lets the row stay; the sender does not hear the message."""
    s3 = day("s3")
    s3.come(*PEOPLE)
    s3.account.clients.failures["bob="] = failure("GoneException")
    s3.say("ann=", "Hello")
    assert (s3.heard("ann="), s3.heard("carol="), s3.here()) == ([], ["Hello"], set(PEOPLE))
    assert "not delivered bob=" in capsys.readouterr().out


def test_s4_when_a_connection_is_gone(day: Callable[..., Day]) -> None:
    """s4 deletes the sender's row, and the one that is gone stays."""
    s4 = day("s4")
    s4.come(*PEOPLE)
    s4.account.clients.failures["carol="] = failure("GoneException")
    assert s4.say("ann=", "Hello") == {"statusCode": 200}
    assert s4.here() == {"bob=", "carol="}
    s4.account.clients.failures["carol="] = failure("LimitExceededException")
    assert s4.say("bob=", "Hello") == {"statusCode": 500} and s4.here() == {"bob=", "carol="}
    assert s4.heard("bob=") == ["Hello", "Hello"]


AS_PUBLISHED = {"kept": 1, "long missed": 3, "long lost": 3, "page missed": 2, "lost by throttling": 1}
MENDS = {
    "nothing": ([], {}),
    "key": ([("int(time.time())", "time.time_ns()")], {"kept": 10}),
    "gone": (
        [
            (
                "    except Exception:\n",
                "    except Exception as error:\n        if 'Gone' not in str(error):\n            return\n",
            )
        ],
        {"long lost": 0, "lost by throttling": 0},
    ),
    "pages": (
        [
            (
                "connections.scan()",
                "connections.meta.client.get_paginator('scan').paginate(TableName=connections.name)"
                ".build_full_result()",
            )
        ],
        {"page missed": 0},
    ),
    "bytes": ([("json.dumps(frame)", "json.dumps(frame, ensure_ascii=False)")], {"long missed": 0, "long lost": 0}),
}


@pytest.mark.parametrize("mend", MENDS)
def test_s0_when_one_mend_is_made(mend: str, day: Callable[..., Day], clock: list[float]) -> None:
    """Each mend of s0, made alone, changes what lesson 8b says that it changes, and nothing else."""
    changes, expected = MENDS[mend]  # the clock stands; what asks for nanoseconds asks another
    s0 = day("s0", changes=changes)
    s0.come(*PEOPLE)
    for number in range(10):
        s0.say("ann=", f"message {number}")
    found = {"kept": len(s0.account.stored())}
    s0.say("ann=", GREEK)
    found["long missed"] = sum(GREEK not in s0.heard(one) for one in PEOPLE)
    found["long lost"] = 3 - len(s0.here())
    s0.come("dana=", *PEOPLE)
    s0.fill_two_pages()
    s0.say("ann=", "Two pages?")
    found["page missed"] = sum("Two pages?" not in s0.heard(one) for one in s0.here())
    s0.account.clients.failures["ann="] = failure("LimitExceededException")
    s0.say("bob=", "Hello")
    found["lost by throttling"] = 4 - len(s0.here())
    assert found == AS_PUBLISHED | expected


# With the printed code


def talk(day: Day) -> None:
    """People come, talk and leave; one message has no sender, one no text, one is a number."""
    day.come("ann=", "bob=")
    day.say("ann=", "Hello")
    day.handle("sendMessage", "bob=", {"action": "sendMessage"})
    day.say("bob=", 5)
    day.handle("$disconnect", "bob=")
    day.say("ann=", "Is anybody there?")


def one_second(day: Day) -> None:
    """Several messages in one second."""
    day.come("ann=", "bob=")
    for number in range(5):
        day.say("ann=", f"message {number}")


def failures(day: Day) -> None:
    """One is gone, one is throttled, one is slow to answer for ever."""
    day.come(*PEOPLE, "dana=")
    day.account.clients.failures |= {
        "bob=": failure("GoneException"),
        "carol=": failure("LimitExceededException"),
        "dana=": TimeoutError("Read timed out"),
    }
    day.say("ann=", "Hello")
    day.account.clients.failures.clear()
    day.say("ann=", "Are you back?")


def pages(day: Day) -> None:
    """The connections fill two pages."""
    day.come(*PEOPLE)
    day.fill_two_pages()
    day.say("ann=", "Hello")


def long(day: Day) -> None:
    """A message that becomes too long."""
    day.come(*PEOPLE)
    day.say("ann=", GREEK)
    day.say("bob=", "Is anybody there?")


def nonsense(day: Day) -> None:
    """What is not a JSON object, and an empty text."""
    day.come("ann=", "bob=")
    for body in ("not JSON", "[1]", "5"):
        day.handle("sendMessage", "ann=", body)
    day.say("ann=", "")


@at_hand
@pytest.mark.parametrize("traffic", [talk, one_second, failures, pages, long, nonsense], ids=lambda one: one.__name__)
@pytest.mark.parametrize("module", [1, 2])
def test_s0_when_the_printed_code_meets_the_same(
    module: int, traffic: Callable[[Day], None], day: Callable[..., Day], clock: list[float]
) -> None:
    """s0 as published leaves the same rows, frames and errors as the code that the write-up prints."""
    ours = day("s0", **({"WEBSOCKET_TABLE": ""} if module == 1 else {}))
    traffic(ours)
    found = ours.seen()
    ours.forget_all()
    printed: dict[str, Any] = {}
    exec(compile(printed_code("000", module - 1), "the printed code", "exec"), printed)
    theirs = Day(ours.account, dict.fromkeys(ROUTES, printed["lambda_handler"]), "ChatConnections")
    traffic(theirs)
    assert found == theirs.seen()


@at_hand
def test_s4_when_the_printed_code_meets_the_same(day: Callable[..., Day]) -> None:
    """s4's connect leaves the row that the printed one leaves, and answers the same."""
    s4 = day("s4")
    printed: dict[str, Any] = {}
    exec(compile(printed_code("004", 0), "the printed code", "exec"), printed)
    event = s4.account.event("$connect", "ann=")
    answers, rows = [], []
    for handler in (sys.modules["variants.s4"].connect, printed["lambda_handler"]):
        answers.append(handler(event, None))
        rows.append(s4.connections.scan()["Items"])
        s4.connections.delete_item(Key={"connectionId": "ann="})
    assert answers[0] == answers[1] and rows[0] == rows[1] == [{"connectionId": "ann="}]

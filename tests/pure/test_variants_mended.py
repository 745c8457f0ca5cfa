"""The five write-ups' handlers as mended: what each does differently stays, and nobody loses a message or a place."""

from __future__ import annotations

from collections.abc import Callable

import boto3
import pytest

from tests.pure.chat_account import failure
from tests.pure.variant_day import GREEK, PEOPLE, Day, account, clock, day

__all__ = ["account", "clock", "day"]
SETTINGS = {
    "s0": {},
    "s1": {"CONNECTION_KEY": "connectionId"},
    "s2": {"MESSAGE_KEY": "message_id", "FRAME": "prefix"},
    "s3": {"CONNECTION_KEY": "connectionId", "DELIVER_TO_SENDER": "false"},
    "s4": {"CONNECTION_KEY": "connectionId", "MESSAGE_KEY": "messageId"},
}
KEPT = {"s0": "ChatMessages", "s2": "MessageHistory", "s4": "MessagesById"}


@pytest.fixture(params=SETTINGS)
def mended(request: pytest.FixtureRequest, day: Callable[..., Day]) -> Day:
    """A day with each variant as mended."""
    return day(request.param, "mended", **SETTINGS[request.param])


def test_connections_when_posts_fail(mended: Day) -> None:
    """Who is gone loses the row, who has a bad moment keeps it, and everybody else hears the message."""
    mended.come(*PEOPLE, "dana=")
    mended.account.clients.failures |= {"bob=": failure("GoneException"), "carol=": failure("LimitExceededException")}
    mended.say("ann=", "Hello")
    assert mended.here() == {"ann=", "carol=", "dana="}
    [text] = mended.heard("dana=")
    assert text.endswith("Hello")


def test_message_when_it_is_long_or_empty(mended: Day) -> None:
    """50 KB of Greek reach everybody; an empty message is refused, and its sender is told why."""
    mended.come("ann=", "bob=")
    mended.say("ann=", GREEK)
    [text] = mended.heard("bob=")
    assert text.endswith(GREEK)
    before = len(mended.heard("ann="))
    assert mended.say("ann=", " ") == {"statusCode": 400}
    assert mended.heard("ann=")[before:] == ["The message is empty."] and len(mended.heard("bob=")) == 1


def test_message_when_connections_fill_two_pages(mended: Day) -> None:
    """Every page is read: whoever is on the last one hears the message too."""
    mended.come(*PEOPLE, "dana=")
    mended.fill_two_pages()
    mended.say("ann=", "Is there a second page?")
    assert all(mended.heard(one) for one in (*PEOPLE[1:], "dana="))


@pytest.mark.parametrize("name", KEPT)
def test_rows_when_messages_come_in_one_instant_and_one_comes_twice(
    name: str, day: Callable[..., Day], clock: list[float]
) -> None:
    """Messages of one instant are a row each, and an event that is handled twice is one row."""
    one = day(name, "mended", **SETTINGS[name])
    one.come("ann=")
    events = [one.account.event("sendMessage", "ann=", {"message": text}) for text in ("one", "two", "three")]
    for event in [*events, events[0]]:
        one.give("sendMessage", event)
    rows = boto3.resource("dynamodb").Table(KEPT[name]).scan()["Items"]
    assert sorted(row["message"] for row in rows) == ["one", "three", "two"]


def test_module_one_of_s0_when_a_message_comes(day: Callable[..., Day]) -> None:
    """Without a table of connections a message is stored, and nobody hears anything."""
    s0 = day("s0", "mended", WEBSOCKET_TABLE="")
    s0.come("ann=")
    assert s0.say("ann=", "Hello") == {"statusCode": 200} and s0.say("ann=", "") == {"statusCode": 400}
    s0.handle("$disconnect", "ann=")
    assert [row["message"] for row in s0.account.stored()] == ["Hello"]
    assert s0.here() == set() and s0.heard("ann=") == []

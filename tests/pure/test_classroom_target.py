"""Which target a notebook works with, and the question before the first change."""

from __future__ import annotations

import pytest

from classroom.account import steps
from classroom.account.target import (
    Target,
    TargetError,
    ask_for_consent,
    chosen_prefix,
    may_delete,
    prefix_of,
    target_name,
)

LIVE = Target("live", "alice", "us-east-1", "111122223333")


def test_target_name_when_nothing_is_set():
    """Without CHAT_TARGET nothing reaches AWS: the target is moto."""
    assert target_name({}) == "moto"
    assert target_name({"CHAT_TARGET": " "}) == "moto"


@pytest.mark.parametrize("name", ["aws", "Live", "moto,live", "production"])
def test_target_name_when_unknown(name):
    """An unknown target is refused in one sentence that names the known ones."""
    with pytest.raises(ValueError, match=r"^CHAT_TARGET is .*; it must be one of: moto, live\.$"):
        target_name({"CHAT_TARGET": name})


def test_prefix_when_nothing_is_set():
    """On moto the prefix is lab on every machine; on live it is the user's, since many may share the account."""
    assert chosen_prefix({}) == "lab"
    assert chosen_prefix({"CHAT_TARGET": "live"}) == chosen_prefix({"CHAT_TARGET": "live"})


@pytest.mark.parametrize("prefix", ["Alice", "a_b", "1st", "a-", "-a", "x" * 21, "a b", "lab/../x"])
def test_prefix_when_invalid(prefix):
    """A prefix that AWS would refuse in some name is refused at once."""
    with pytest.raises(TargetError, match="it must be 1 to 20 lower-case letters"):
        chosen_prefix({"CHAT_PREFIX": prefix})


@pytest.mark.parametrize(
    ("user", "prefix"),
    [
        ("alice", "alice"),
        ("Alice.Smith", "alicesmith"),
        ("jürgen", "jrgen"),
        ("42", "lab"),
        ("", "lab"),
        ("x" * 40, "x" * 20),
        ("7of9", "of9"),
    ],
)
def test_prefix_of_when_made_from_a_user_name(user, prefix):
    """Any user name gives a valid prefix."""
    assert prefix_of(user) == prefix
    assert chosen_prefix({"CHAT_PREFIX": prefix}) == prefix


def test_ask_when_the_answer_is_yes():
    """On live the question says account, region, prefix and what will be made; the answer holds for the kernel."""
    asked: list[str] = []
    environ: dict[str, str] = {}
    for _ in range(2):
        ask_for_consent(LIVE, "This lesson makes a table.", environ, lambda text: asked.append(text) or "yes")
    assert len(asked) == 1
    for fact in ("111122223333", "us-east-1", "alice-", "This lesson makes a table."):
        assert fact in asked[0]


@pytest.mark.parametrize("answer", ["", "no", "yep, sure", "n"])
def test_ask_when_the_answer_is_anything_else(answer):
    """Anything but yes stops before the first change."""
    with pytest.raises(TargetError, match="Nothing was changed"):
        ask_for_consent(LIVE, "", {}, lambda text: answer)


def test_ask_when_nobody_can_answer():
    """Where no one is there to ask, the sentence names CHAT_YES."""

    def nobody(text):
        raise EOFError

    with pytest.raises(TargetError, match="set CHAT_YES=1"):
        ask_for_consent(LIVE, "", {}, nobody)


@pytest.mark.parametrize(
    ("target", "environ"),
    [
        (LIVE, {"CHAT_YES": "1"}),
        (Target("moto", "lab", "us-east-1", "123456789012"), {}),
        (Target("live", "lab", "us-east-1", "123456789012", rehearsal=True), {}),
    ],
)
def test_ask_when_there_is_nothing_to_ask(target, environ):
    """On moto, in a rehearsal and after CHAT_YES=1 nobody is asked."""

    def fail(text):
        raise AssertionError("asked")

    ask_for_consent(target, "", environ, fail)


def test_consent_when_a_lesson_deletes():
    """A lesson that is begun afresh announces that it asks again; no other deletes anything."""
    assert "names what that deletes under your prefix, and asks again" in steps.consent(4, fresh=True)
    assert steps.consent(4, fresh=False) == f"{steps.CREATES[4]} {steps.COST}"
    assert steps.consent(1, fresh=False) == f"{steps.CREATES[1]} {steps.COST}"
    assert "deletes" not in steps.consent(0, fresh=True).replace("lesson 99 deletes", "")


def test_deletion_when_somebody_is_asked():
    """The question names everything; only a yes is one; where nobody can answer, one sentence says how to agree."""
    asked = []
    for answer, expected in (("yes", True), ("Y", True), ("", False), ("no", False)):
        assert (
            may_delete("start(5, fresh=True)", "3 rows in ChatMessages", lambda q, a=answer: asked.append(q) or a)
            is expected
        )
    assert set(asked) == {
        "start(5, fresh=True) deletes 3 rows in ChatMessages; your files in my_chat/ stay. Type yes to delete it: "
    }

    def nobody(question):
        raise EOFError

    with pytest.raises(TargetError, match="would delete 3 rows .*set CHAT_FRESH=1 to agree beforehand"):
        may_delete("start(5, fresh=True)", "3 rows in ChatMessages", nobody)

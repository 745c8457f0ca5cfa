"""Functions as the gateway and Invoke find them: at once, or at AWS's pace."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from localstage.door.delays import Delays
from localstage.functions.definition import FunctionDefinition
from localstage.policy.document import readable_policy
from localstage.services.awslambda.directory import FunctionDirectory, FunctionPending, PublishedFunction

ACCOUNT = "111122223333"
ARN = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:chat"
CONNECT = f"arn:aws:execute-api:us-east-1:{ACCOUNT}:api/prod/$connect"


def definition(code: str, **changes: Any) -> FunctionDefinition:
    facts = {
        "name": "chat",
        "arn": ARN,
        "region": "us-east-1",
        "account_id": ACCOUNT,
        "role_arn": "",
        "handler": "",
        "runtime": "python3.13",
        "code_sha256": code,
        "code_zip": b"",
    }
    return FunctionDefinition(**{**facts, **changes})


def published(code: str, allowed: bool = False) -> PublishedFunction:
    """A function with this code, version 1 with the code "one" and the alias "live" for it."""
    newest, first = definition(code), definition("one", version="1")
    qualified = {qualifier: replace(first, invoked_arn=f"{ARN}:{qualifier}") for qualifier in ("1", "live")}
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "apigateway.amazonaws.com"},
        "Action": "lambda:InvokeFunction",
        "Resource": ARN,
    }
    return PublishedFunction(
        {"": newest, "$LATEST": replace(newest, invoked_arn=f"{ARN}:$LATEST"), **qualified},
        readable_policy({"Version": "2012-10-17", "Statement": [statement]}) if allowed else None,
    )


class Moving:
    """A directory whose time is set by the test."""

    def __init__(self, delays: Delays | None) -> None:
        self.now = 0.0
        self.directory = FunctionDirectory(ACCOUNT, "us-east-1", lambda: self.now, delays)

    def code(self, name: str = ARN, **options: str) -> str | None:
        found = self.directory.function(name, **options)
        return found and found.code_sha256


@pytest.mark.parametrize("name", ["chat", f"{ACCOUNT}:function:chat", ARN])
def test_function_when_it_is_named_in_every_way(name: str):
    """A name, a partial ARN and an ARN mean the same; a qualifier stands in the name or beside it."""
    moving = Moving(None)
    moving.directory.take({ARN: published("new")})
    assert moving.code(name) == "new"
    assert moving.code(f"{name}:live") == moving.code(name, qualifier="live") == "one"
    assert moving.directory.function(f"{name}:live").invoked_arn == f"{ARN}:live"
    assert moving.code(f"{name}:nothing") is None
    assert moving.code("nobody") is None


def test_function_when_it_is_in_another_region():
    """The region of an ARN counts, else the caller's, else the directory's own."""
    moving = Moving(None)
    other = ARN.replace("us-east-1", "eu-west-1")
    moving.directory.take({ARN: published("here"), other: published("there")})
    assert (moving.code("chat"), moving.code("chat", region="eu-west-1"), moving.code(other)) == (
        "here",
        "there",
        "there",
    )


def test_function_when_it_is_deleted():
    """Nothing is found of it any more, and whoever runs it is told."""
    moving, deleted = Moving(None), []
    moving.directory.deleted = deleted.append
    moving.directory.take({ARN: published("old")})
    moving.directory.take({ARN: None})
    assert (moving.code(), deleted) == (None, [ARN])
    assert not moving.directory.may_invoke(ARN, CONNECT)


def test_function_when_a_call_has_just_made_it():
    """At AWS's pace it is Pending at first, under all its names; what a stack made is Active at once."""
    moving = Moving(Delays(function_s=1.0))
    moving.directory.take({ARN: published("new")}, paced=True)
    for name in (ARN, f"{ARN}:live"):
        with pytest.raises(FunctionPending):
            moving.directory.function(name)
    moving.now = 1.0
    assert moving.code() == "new"
    moving.directory.take({ARN: None})
    moving.directory.take({ARN: published("stacked")})
    assert moving.code() == "stacked"


def test_function_when_a_call_has_just_changed_it():
    """At AWS's pace the old code runs while the update lasts; a version's code is its own."""
    moving = Moving(Delays(function_s=1.0))
    moving.directory.take({ARN: published("old")})
    moving.directory.take({ARN: published("new")}, paced=True)
    assert (moving.code(), moving.code(f"{ARN}:$LATEST"), moving.code(f"{ARN}:live")) == ("old", "old", "one")
    assert moving.directory.function(f"{ARN}:$LATEST").invoked_arn == f"{ARN}:$LATEST"
    moving.now = 1.0
    assert moving.code() == "new"


@pytest.mark.parametrize(("delays", "late"), [(None, False), (Delays(policy_s=1.0), True)])
def test_permission_when_a_call_has_just_changed_it(delays: Delays | None, late: bool):
    """A permission that is given or taken back counts at once, at AWS's pace a moment later."""
    moving = Moving(delays)
    moving.directory.take({ARN: published("same")})
    for now, allowed in ((10.0, True), (20.0, False)):
        moving.now = now
        moving.directory.take({ARN: published("same", allowed)}, paced=True)
        assert moving.directory.may_invoke(ARN, CONNECT) is (allowed is not late)
        moving.now = now + 1.0
        assert moving.directory.may_invoke(ARN, CONNECT) is allowed
        assert moving.code() == "same"

"""What the event loop and the account thread share: each change is seen whole, and nothing is seen in between."""

from __future__ import annotations

import json
from collections.abc import Callable
from threading import Barrier, Thread

from localstage.door.identities import Identities, Identity, KnownKeys
from localstage.door.permissions import Permissions
from localstage.door.signatures.verification import KnownKey
from localstage.policy.document import Need, Policy, readable_policies

ACCOUNT = "111122223333"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/writer"
CONNECTION = f"arn:aws:execute-api:us-east-1:{ACCOUNT}:abc/prod/POST/@connections/x="
ROUNDS = 2_000


def side_by_side(*works: Callable[[], None]) -> list[BaseException]:
    """Runs works at the same time, each in a thread of its own; returns what they raised."""
    raised: list[BaseException] = []
    together = Barrier(len(works))

    def run(work: Callable[[], None]) -> None:
        together.wait()
        try:
            work()
        except BaseException as error:
            raised.append(error)

    threads = [Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return raised


def allowing(number: int) -> tuple[Policy, ...]:
    """A policy that allows every action of execute-api; no two numbers give the same text."""
    statement = {"Sid": f"n{number}", "Effect": "Allow", "Action": "execute-api:*", "Resource": "*"}
    return readable_policies([("own", json.dumps({"Version": "2012-10-17", "Statement": [statement]}))])


class NoFacts:
    """An account of which nothing may be asked: connections are decided by what has been published."""

    def policy_of(self, need: Need) -> None:
        assert need.action.startswith("execute-api:")


def test_decision_when_identities_change_meanwhile():
    """A role that has permission before and after each change has it at every moment; no policy is read halfway."""
    identities = Identities()
    permissions = Permissions(ACCOUNT, lambda: 0, identities, NoFacts(), lambda call: ())
    keys = KnownKeys(ACCOUNT, identities)
    identities.publish({ROLE: Identity(ROLE, "AROA", allowing(0))})
    denials: list[str | None] = []

    def change() -> None:
        for number in range(ROUNDS):
            others = {f"{ROLE}{n}": Identity(f"{ROLE}{n}", "AROB") for n in range(number % 7)}
            identities.publish({**others, ROLE: Identity(ROLE, "AROA", allowing(number))})

    def decide() -> None:
        key = keys.of_function(f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:save", ROLE)
        asked = (key, "execute-api:ManageConnections", CONNECTION, None)
        denials.extend(permissions.denial_of_execute_api(*asked) for _ in range(ROUNDS))

    assert side_by_side(change, decide, decide) == []
    assert set(denials) == {None} and len(denials) == 2 * ROUNDS


def test_keys_when_they_change_meanwhile():
    """A user's key is found at every moment, a session's from when it is published, a function's is the same for all."""
    identities = Identities()
    keys = KnownKeys(ACCOUNT, identities)
    user = KnownKey("AKIAUSER", "secret", f"arn:aws:iam::{ACCOUNT}:user/ann", ACCOUNT)
    keys.publish_of_iam({"AKIAUSER": user})
    function_keys: set[str] = set()

    def change() -> None:
        for number in range(ROUNDS):
            keys.publish_of_iam({f"AKIA{number}": user, "AKIAUSER": user})
            session = KnownKey(f"ASIA{number}", "secret", "arn", ACCOUNT)
            keys.publish_of_sts(session)
            assert keys.find(f"ASIA{number}") is session
            if number % 100 == 0:
                keys.forget_sts()

    def ask() -> None:
        for number in range(ROUNDS):
            assert keys.find("AKIAUSER") is user
            assert keys.find(keys.learner.access_key_id) is keys.learner
            function = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:f{number % 50}"
            function_keys.add(keys.of_function(function, ROLE).access_key_id)

    assert side_by_side(change, ask, ask) == []
    assert len(function_keys) == 50

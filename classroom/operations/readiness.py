"""Whether a class can be held in an AWS account: credentials, permissions, quotas, what will be made, what it costs.

Reads and simulates; changes nothing. What AWS does not tell is said to be
unknown, never taken for granted.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from classroom.account.account import STAGE_NAME, TABLES, Account
from classroom.operations import prices
from classroom.operations.cleanup import FUNCTIONS
from classroom.operations.permissions import needs

ROLES_OF_A_LEARNER = 8
CONCURRENCY_OF_A_LEARNER = 5
CLASS_SIZE = 30


@dataclass(frozen=True)
class Fact:
    """One line of the report: ``word`` is ok, look (go on, but know this) or not ok."""

    word: str
    about: str
    text: str

    def __str__(self) -> str:
        return f"{self.word + ':':8}{self.about:13}{self.text}"


def facts(account: Account, identity: str) -> Iterator[Fact]:
    """Every fact about the account; ``identity`` is the caller's ARN."""
    place = account.target
    yield Fact("ok", "credentials", f"{identity}, account {place.account_id}, region {place.region}")
    yield from permissions(account, identity)
    yield _concurrency(account)
    yield _roles(account)
    yield Fact("ok", "will make", what_is_made(account))
    yield Fact("ok", "tags", ", ".join(f"{key}={value}" for key, value in account.tags.items()))
    yield Fact("ok", "costs", costs())


def permissions(account: Account, identity: str) -> Iterator[Fact]:
    """What IAM says, when asked to simulate, about each action that the course uses."""
    try:
        source = policy_source(account, identity)
        if source is None:
            yield Fact(
                "look", "permissions", "the account's root may do all of it; a class should use a role of its own"
            )
            return
        denied, asked = _simulate(account, source)
    except (ClientError, BotoCoreError) as error:
        yield Fact(
            "look", "permissions", f"not known, IAM did not simulate them ({_reason(error)}); a lesson will tell"
        )
        return
    if denied:
        yield from (
            Fact("not ok", "permissions", f"{action} is not allowed on {resource}") for action, resource in denied
        )
    else:
        yield Fact("ok", "permissions", f"{asked} actions of the course are allowed, as IAM simulates them")


def policy_source(account: Account, identity: str) -> str | None:
    """The ARN whose policies decide about a caller: a role's for its session, None for the root user.

    A session's ARN has the role's name without its path, so the role is looked up.
    """
    kind, _, rest = identity.split(":", 5)[5].partition("/")
    if kind == "root":
        return None
    if kind == "assumed-role":
        return account.client("iam").get_role(RoleName=rest.split("/")[0])["Role"]["Arn"]
    return identity


def _simulate(account: Account, source: str) -> tuple[list[tuple[str, str]], int]:
    """The denied (action, resource) pairs, and how many actions were asked about."""
    denied, asked = [], 0
    boundary = os.environ.get("CHAT_BOUNDARY", "")
    context = (
        [{"ContextKeyName": "iam:PermissionsBoundary", "ContextKeyValues": [boundary], "ContextKeyType": "string"}]
        if boundary
        else []
    )
    for need in needs(account.target):
        answers = account.pages(
            "iam",
            "simulate_principal_policy",
            "EvaluationResults",
            PolicySourceArn=source,
            ActionNames=list(need.actions),
            ResourceArns=list(need.resources),
            ContextEntries=context,
        )
        asked += len(answers)
        denied += [
            (answer["EvalActionName"], answer.get("EvalResourceName", "*"))
            for answer in answers
            if answer["EvalDecision"] != "allowed"
        ]
    return denied, asked


def _concurrency(account: Account) -> Fact:
    try:
        limit = account.client("lambda").get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"]
    except (ClientError, BotoCoreError) as error:
        return Fact("look", "quotas", f"Lambda's concurrency is not known ({_reason(error)})")
    learners = limit // CONCURRENCY_OF_A_LEARNER
    text = f"Lambda runs {limit} invocations at once, enough for {learners} learners"
    return Fact("ok" if learners >= CLASS_SIZE else "look" if learners else "not ok", "quotas", text)


def _roles(account: Account) -> Fact:
    try:
        summary: dict[str, Any] = account.client("iam").get_account_summary()["SummaryMap"]
    except (ClientError, BotoCoreError) as error:
        return Fact("look", "quotas", f"the number of roles is not known ({_reason(error)})")
    learners = (summary["RolesQuota"] - summary["Roles"]) // ROLES_OF_A_LEARNER
    text = f"{summary['Roles']} of {summary['RolesQuota']} IAM roles are in use, room for {learners} learners"
    return Fact("ok" if learners >= CLASS_SIZE else "look" if learners else "not ok", "quotas", text)


def what_is_made(account: Account) -> str:
    """The names of everything that the lessons make, in one sentence."""
    return (
        f"tables {', '.join(map(account.name, TABLES))}; API {account.name('chat-api')} with the stage {STAGE_NAME}; "
        f"functions with a role each: {', '.join(FUNCTIONS)}; stacks and a bucket whose names begin with {account.prefix}-"
    )


def costs() -> str:
    """What an hour costs for one person and for a class."""
    one, many = prices.Class(), prices.Class(people=CLASS_SIZE)
    return (
        f"about ${prices.total(one):.4f} an hour for a learner with {one.panels} panels and {one.messages} messages, "
        f"${prices.total(many):.2f} for {many.people} (us-east-1, prices of {prices.read_on()}, no free tier)"
    )


def _reason(error: Exception) -> str:
    if isinstance(error, ClientError):
        return error.response["Error"]["Code"]
    return type(error).__name__

"""A policy document, read once and then asked: which statements speak of this need?

AWS: IAM user guide, "IAM JSON policy elements". Knows no principal's other
policies; that is decision.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from localstage.policy.conditions import Condition, NullCondition, read_conditions
from localstage.policy.context import Principal, RequestContext
from localstage.policy.patterns import ActionNames, ArnText, as_list


class MalformedPolicy(ValueError):
    """A text that is no policy."""


@dataclass(frozen=True)
class Need:
    """What a call needs: one action on one resource, and the condition keys that go with it."""

    action: str
    """``dynamodb:PutItem``."""
    resource: str
    """An ARN; ``*`` where the action knows no resources."""
    keys: Mapping[str, Any]
    """Condition keys of this need, besides those of the call (values as in context.py)."""


@dataclass(frozen=True)
class PrincipalNames:
    """The Principal element of a statement. AWS: IAM user guide, "AWS JSON policy elements: Principal"."""

    everyone: bool
    arns: frozenset[str]
    services: frozenset[str]
    negated: bool = False

    @classmethod
    def read(cls, element: Any, negated: bool) -> PrincipalNames:
        """Reads the element in any of its forms."""
        if not isinstance(element, dict):
            element = {"AWS": element}
        arns = frozenset(as_list(element.get("AWS")))
        return cls("*" in arns, arns, frozenset(as_list(element.get("Service"))), negated)

    def naming(self, principal: Principal) -> str:
        """How it is named: ``itself``, its ``role``, its ``account``; "" if it is not."""
        how = self._naming(principal)
        if self.negated:
            return "" if how else "itself"
        return how

    def _naming(self, principal: Principal) -> str:
        if principal.service:
            return "itself" if principal.service in self.services or self.everyone else ""
        if self.everyone or principal.arn in self.arns:
            return "itself"
        if principal.entity_arn in self.arns:
            return "role" if principal.is_role_session else "itself"
        account = principal.account_id
        return "account" if account in self.arns or f"arn:aws:iam::{account}:root" in self.arns else ""


@dataclass(frozen=True)
class Statement:
    """One statement."""

    denies: bool
    actions: ActionNames
    not_actions: bool
    resources: tuple[ArnText, ...]
    not_resources: bool
    conditions: tuple[Condition | NullCondition, ...]
    principals: PrincipalNames | None
    """Whom a resource's policy names; None in an identity's."""

    def speaks_of(self, need: Need, context: RequestContext) -> bool:
        """Whether action, resource and conditions fit; principals are not looked at."""
        if self.actions.include(need.action) is self.not_actions:
            return False
        if (
            self.resources
            and any(resource.matches(need.resource, context.single) for resource in self.resources)
            is self.not_resources
        ):
            return False
        return all(condition.holds(context) for condition in self.conditions)


@dataclass(frozen=True)
class Policy:
    """A document's statements. ``name`` is IAM's name for it, as simulations show it."""

    statements: tuple[Statement, ...]
    name: str = ""

    def matching(self, need: Need, context: RequestContext) -> list[Statement]:
        """The statements that speak of a need."""
        return [statement for statement in self.statements if statement.speaks_of(need, context)]

    def keys_asked(self, need: Need) -> set[str]:
        """The condition keys that statements on this action ask for, as they write them."""
        return {
            condition.written
            for statement in self.statements
            for condition in statement.conditions
            if statement.actions.include(need.action) is not statement.not_actions
        }

    def naming(self, principal: Principal, need: Need, context: RequestContext) -> list[tuple[Statement, str]]:
        """A resource's policy: the statements for a principal, each with how it is named (see PrincipalNames)."""
        named = ((s, s.principals.naming(principal)) for s in self.statements if s.principals is not None)
        return [(statement, how) for statement, how in named if how and statement.speaks_of(need, context)]


def read_policy(document: str | Mapping[str, Any], name: str = "") -> Policy:
    """Reads a document. Raises MalformedPolicy."""
    try:
        body = json.loads(document) if isinstance(document, str) else document
        statements = body["Statement"]
        # AWS: variables are filled in documents of version 2012-10-17 only.
        with_variables = body.get("Version") == "2012-10-17"
        return Policy(tuple(_statement(statement, with_variables) for statement in as_list(statements)), name)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise MalformedPolicy(f"{type(error).__name__}: {error}") from error


def readable_policy(document: str | Mapping[str, Any], name: str = "") -> Policy | None:
    """A document as a policy; None of one that cannot be read, which then neither allows nor denies.

    Documents are remembered once read: reading costs more than deciding. May be called from any thread.
    """
    return _remembered(document if isinstance(document, str) else json.dumps(document), name)


def readable_policies(documents: Iterable[tuple[str, Any]]) -> tuple[Policy, ...]:
    """Names and documents as policies, without those that cannot be read."""
    read = (readable_policy(document, name) for name, document in documents)
    return tuple(policy for policy in read if policy is not None)


@lru_cache(maxsize=4096)
def _remembered(text: str, name: str) -> Policy | None:
    try:
        return read_policy(text, name)
    except MalformedPolicy:  # IAM takes none such; another service's may be.
        return None


def _statement(body: Mapping[str, Any], with_variables: bool) -> Statement:
    if body["Effect"] not in ("Allow", "Deny"):
        raise ValueError(f"Effect is {body['Effect']!r}")
    not_actions, not_resources = "NotAction" in body, "NotResource" in body
    principals = None
    if "Principal" in body or "NotPrincipal" in body:
        principals = PrincipalNames.read(body.get("Principal", body.get("NotPrincipal")), "NotPrincipal" in body)
    return Statement(
        body["Effect"] == "Deny",
        ActionNames(_texts(body["NotAction" if not_actions else "Action"])),
        not_actions,
        tuple(
            ArnText(text, with_variables) for text in _texts(body.get("NotResource" if not_resources else "Resource"))
        ),
        not_resources,
        read_conditions(body.get("Condition") or {}, with_variables),
        principals,
    )


def _texts(element: Any) -> list[str]:
    return [str(value) for value in as_list(element)]

"""Weighs all policies that count for a principal against one need.

AWS: IAM user guide, "Policy evaluation logic": an explicit deny anywhere wins;
then something must allow, and every kind of policy that only limits must allow
too. Organisations' policies do not exist here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from operator import is_

from localstage.policy.context import ALWAYS, Principal, RequestContext, Value
from localstage.policy.document import Need, Policy, Statement

IDENTITY, BOUNDARY, SESSION, RESOURCE, TRUST = (
    "identity-based policy",
    "permissions boundary",
    "session policy",
    "resource-based policy",
    "role trust policy",
)
_KEPT_DECISIONS = 4096


@dataclass(frozen=True)
class Grants:
    """The policies of one principal as of now. ``None`` where a kind of limit is not set."""

    identity: tuple[Policy, ...] = ()
    boundary: tuple[Policy, ...] | None = None
    session: tuple[Policy, ...] | None = None
    administrator: bool = False
    """The account's root: what it asks for in its account is allowed."""


@dataclass(frozen=True)
class Decision:
    """Whether a need is granted; if not, by which kind of policy, and whether one denies it expressly."""

    need: Need
    allowed: bool
    explicit: bool = False
    kind: str = ""
    """The kind of policy that denies or does not allow; "" where AWS gives no reason."""
    statements: tuple[tuple[Policy, Statement], ...] = ()
    """The identity's statements that decided, for simulations."""


def decide(
    principal: Principal,
    need: Need,
    context: RequestContext,
    grants: Grants,
    resource_policy: Policy | None = None,
    trust: Policy | None = None,
) -> Decision:
    """The decision about one need.

    ``resource_policy`` is that of the resource, in the principal's own account:
    it can allow by itself. ``trust`` is a role's: it must allow in any case.
    """
    context = context.with_keys(need.keys)
    attached = trust or resource_policy
    named = attached.naming(principal, need, context) if attached is not None else []
    identity = _matching(grants.identity, need, context)
    limits = {
        kind: _matching(policies, need, context)
        for kind, policies in ((BOUNDARY, grants.boundary), (SESSION, grants.session))
        if policies is not None
    }
    for kind, statements in (
        (IDENTITY, [s for _, s in identity]),
        *((kind, [s for _, s in found]) for kind, found in limits.items()),
        (TRUST if trust else RESOURCE, [s for s, _ in named]),
    ):
        if any(statement.denies for statement in statements):
            return Decision(need, False, True, kind, tuple(pair for pair in identity if pair[1].denies))
    missing = _missing(identity, limits, [how for _, how in named], trust is not None, grants)
    return Decision(need, missing is None, False, missing or "", tuple(identity) if missing is None else ())


class Decisions:
    """Decides as ``decide`` does, and keeps the decisions that are the same for every request of a principal.

    Those are the ones for which no policy has asked the request for a key, be it in a condition or in a
    variable. One counts as long as the very policies do that made it. Any thread may ask.
    """

    def __init__(self) -> None:
        self._kept: dict[tuple[Principal, str, str], tuple[tuple[object, ...], Decision]] = {}

    def decide(
        self,
        principal: Principal,
        need: Need,
        context: RequestContext,
        grants: Grants,
        resource_policy: Policy | None = None,
        trust: Policy | None = None,
    ) -> Decision:
        """The decision about one need, whose keys may be those of an earlier request."""
        name = (principal, need.action, need.resource)
        counting = (grants.identity, grants.boundary, grants.session, grants.administrator, resource_policy, trust)
        made_by, decision = self._kept.get(name, ((), None))
        if decision is not None and all(map(is_, counting, made_by)):
            return decision
        decision = decide(principal, need, context, grants, resource_policy, trust)
        if not context.was_asked:
            if len(self._kept) >= _KEPT_DECISIONS:
                self._kept.clear()
            self._kept[name] = (counting, decision)
        return decision


def service_is_allowed(
    service: str,
    need: Need,
    account_id: str,
    keys: Mapping[str, Value] | None = None,
    *,
    resource_policy: Policy | None = None,
    trust: Policy | None = None,
) -> bool:
    """Whether a resource's policy, or a role's trust, lets an AWS service act for itself.

    ``service`` is its principal, such as ``apigateway.amazonaws.com``; ``account_id``
    the account for which it acts; ``keys`` are condition keys of the request.
    """
    of_services: dict[str, Value] = {"aws:PrincipalIsAWSService": "true", "aws:SourceAccount": account_id}
    context = RequestContext({**ALWAYS, **of_services}, keys or {})
    return decide(Principal("", "", account_id, service), need, context, Grants(), resource_policy, trust).allowed


def _missing(
    identity: list[tuple[Policy, Statement]],
    limits: dict[str, list[tuple[Policy, Statement]]],
    named: list[str],
    trusts: bool,
    grants: Grants,
) -> str | None:
    """The kind of policy that should have allowed and did not; nothing is denied here any more."""
    if trusts and not named:
        return TRUST
    if "itself" in named:
        return None  # AWS: who is named in a resource's policy is not limited by what does not deny.
    if not identity and not grants.administrator and "role" not in named:
        return IDENTITY
    return next((kind for kind, statements in limits.items() if not statements), None)


def _matching(policies: tuple[Policy, ...], need: Need, context: RequestContext) -> list[tuple[Policy, Statement]]:
    return [(policy, statement) for policy in policies for statement in policy.matching(need, context)]

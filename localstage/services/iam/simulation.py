"""SimulatePrincipalPolicy and SimulateCustomPolicy, by the evaluator that enforces.

AWS: IAM API reference, both operations. Not given: positions of statements in
their documents, and results by resource type.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from localstage.policy.context import RequestContext
from localstage.policy.decision import BOUNDARY, Decision, Grants, decide
from localstage.policy.document import Need, Policy
from localstage.policy.principal import Principal


@dataclass(frozen=True)
class Simulation:
    """Who asks with which policies, and what is known of the request."""

    principal: Principal
    grants: Grants
    context: RequestContext
    resource_policy: Policy | None = None

    def results(self, actions: Iterable[str], resources: Iterable[str]) -> list[dict[str, Any]]:
        """One result for each action on each resource, in the shape of the service model."""
        listed = list(resources) or ["*"]
        return [self._result(Need(action, resource, {})) for action in actions for resource in listed]

    def _result(self, need: Need) -> dict[str, Any]:
        decision = decide(self.principal, need, self.context, self.grants, self.resource_policy)
        result: dict[str, Any] = {
            "EvalActionName": need.action,
            "EvalResourceName": need.resource,
            "EvalDecision": _word(decision),
            "MatchedStatements": [
                {"SourcePolicyId": policy.name, "SourcePolicyType": "IAM Policy"} for policy, _ in decision.statements
            ],
            "MissingContextValues": sorted(self._missing(need)),
            "ResourceSpecificResults": [],
        }
        if self.grants.boundary is not None:
            result["PermissionsBoundaryDecisionDetail"] = {"AllowedByPermissionsBoundary": self._within(need)}
        return result

    def _within(self, need: Need) -> bool:
        return (
            decide(self.principal, need, self.context, Grants(administrator=True, boundary=self.grants.boundary)).kind
            != BOUNDARY
        )

    def _missing(self, need: Need) -> set[str]:
        """The keys that policies ask for and the request has not."""
        asked = {
            key for policy in (*self.grants.identity, *(self.grants.boundary or ())) for key in policy.keys_asked(need)
        }
        return {key for key in asked if not self.context.values(key.lower())}


def context_of(entries: Sequence[Mapping[str, Any]], known: Mapping[str, str]) -> RequestContext:
    """The request's ContextEntries as a context; ``known`` of the caller is what they do not give."""
    given = {entry["ContextKeyName"]: tuple(map(str, entry.get("ContextKeyValues", []))) for entry in entries}
    return RequestContext(known, given)


def _word(decision: Decision) -> str:
    return "allowed" if decision.allowed else "explicitDeny" if decision.explicit else "implicitDeny"

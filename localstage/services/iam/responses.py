"""IAM's answers: moto's, with the policy simulator and users' permissions boundaries.

AWS: IAM API reference, SimulatePrincipalPolicy and SimulateCustomPolicy; here they
ask the evaluator that enforces. Not given: positions of statements in their
documents, and results by resource type.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from moto.core.exceptions import ServiceException
from moto.core.responses import ActionResult, EmptyResult
from moto.iam.exceptions import NotFoundException
from moto.iam.responses import IamResponse

from localstage.policy.context import Principal, RequestContext
from localstage.policy.decision import BOUNDARY, Decision, Grants, decide
from localstage.policy.document import Need, Policy, readable_policies, readable_policy
from localstage.services.iam import reader


class InvalidInput(ServiceException):
    """AWS's error for what a simulation cannot work with."""

    code = "InvalidInput"


class LocalIamResponse(IamResponse):
    """moto's IAM, where a boundary of a user counts and policies can be tried."""

    def simulate_principal_policy(self) -> ActionResult:
        """What a user, role or group may do."""
        source = self._get_param("PolicySourceArn")
        entity = reader.find_entity(source)
        if entity is None:
            raise NotFoundException(f"The entity {source} cannot be found.")
        boundary = reader.boundary_policies(entity)
        held = readable_policies(reader.attached_documents(entity))
        keys = {
            "aws:PrincipalArn": source,
            "aws:PrincipalAccount": self.current_account,
            **{f"aws:PrincipalTag/{key}": value for key, value in reader.tags_of(entity).items()},
        }
        if ":user/" in source:
            keys.update({"aws:username": entity.name, "aws:userid": entity.id})
        return self._simulated(source, held, boundary, keys)

    def simulate_custom_policy(self) -> ActionResult:
        """What policies would allow that nobody has yet."""
        return self._simulated(f"arn:aws:iam::{self.current_account}:user/simulated", (), None, {})

    def create_user(self) -> ActionResult:
        """A user, with its permissions boundary if one is named."""
        boundary = self._boundary_param() if self._get_param("PermissionsBoundary") else None
        answer = super().create_user()
        self._set_boundary(self._get_param("UserName"), boundary)
        return answer

    def put_user_permissions_boundary(self) -> ActionResult:
        """Limits what a user's policies can allow."""
        self._set_boundary(self._get_param("UserName"), self._boundary_param())
        return EmptyResult()

    def delete_user_permissions_boundary(self) -> ActionResult:
        """Takes the limit away."""
        self._set_boundary(self._get_param("UserName"), None)
        return EmptyResult()

    def _set_boundary(self, user_name: str, arn: str | None) -> None:
        user: Any = self.backend.get_user(user_name)
        user.permissions_boundary_arn = arn
        user.permissions_boundary = (
            None
            if arn is None
            else {"PermissionsBoundaryType": "PermissionsBoundaryPolicy", "PermissionsBoundaryArn": arn}
        )

    def _boundary_param(self) -> str:
        arn: str = self._get_param("PermissionsBoundary")
        if reader.managed_document(self.current_account, arn) is None:
            raise NotFoundException(f"Scope ARN: {arn} does not exist or is not attachable.")
        return arn

    def _simulated(
        self, source: str, held: tuple[Policy, ...], boundary: tuple[Policy, ...] | None, keys: dict[str, str]
    ) -> ActionResult:
        given = self._given("PolicyInputList")
        other = self._given("PermissionsBoundaryPolicyInputList")
        resource_policy = self._get_param("ResourcePolicy")
        caller = self._get_param("CallerArn") or source
        simulation = _Simulation(
            Principal(caller, caller, self.current_account),
            Grants((*held, *given), other or boundary),
            _context_of(self._get_param("ContextEntries", []) or [], keys),
            self._read(resource_policy, "ResourcePolicy") if resource_policy else None,
        )
        results = simulation.results(
            self._get_param("ActionNames", []) or [], self._get_param("ResourceArns", []) or []
        )
        return ActionResult({"EvaluationResults": results, "IsTruncated": False})

    def _given(self, parameter: str) -> tuple[Policy, ...]:
        documents = self._get_param(parameter, []) or []
        return tuple(self._read(document, f"{parameter}.{number}") for number, document in enumerate(documents, 1))

    def _read(self, document: str, name: str) -> Policy:
        policy = readable_policy(document, name)
        if policy is None:
            raise InvalidInput(f"Invalid policy document: {name}")  # Guess (Sentences of errors): the sentence.
        return policy


@dataclass(frozen=True)
class _Simulation:
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


def _context_of(entries: Sequence[Mapping[str, Any]], known: Mapping[str, str]) -> RequestContext:
    """The request's ContextEntries as a context; ``known`` of the caller is what they do not give."""
    given = {entry["ContextKeyName"]: tuple(map(str, entry.get("ContextKeyValues", []))) for entry in entries}
    return RequestContext(known, given)


def _word(decision: Decision) -> str:
    return "allowed" if decision.allowed else "explicitDeny" if decision.explicit else "implicitDeny"

"""Who calls, and how a resource's policy may name them.

AWS: IAM user guide, "AWS JSON policy elements: Principal".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from localstage.policy.patterns import as_list


@dataclass(frozen=True)
class Principal:
    """Who calls. Of a role session, ``entity_arn`` is the role's ARN; of a user, the user's own."""

    arn: str
    entity_arn: str
    account_id: str
    service: str = ""
    """A service that calls on its own, such as ``apigateway.amazonaws.com``; ARNs are then empty."""

    @property
    def is_role_session(self) -> bool:
        """Whether it acts with a role's temporary credentials."""
        return ":assumed-role/" in self.arn


@dataclass(frozen=True)
class PrincipalNames:
    """The Principal element of a statement."""

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

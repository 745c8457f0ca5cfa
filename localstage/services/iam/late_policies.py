"""Policies that take effect late: what ``Permissions`` decides by on a stage at AWS's pace.

AWS: IAM user guide, changes that I make are not always immediately visible.
Changes that CloudFormation makes do not come through here, since a stack waits
until its roles can be used. Written on the account thread, read on the event
loop: what is replaced is replaced whole.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from localstage.door.granted_policies import GrantedPolicies
from localstage.door.late import Late
from localstage.door.signatures.verification import KnownKey
from localstage.policy.decision import Grants
from localstage.policy.document import Policy
from localstage.services.iam import books


@dataclass(frozen=True)
class Granted:
    """What counts for one user or role: its policies, and its boundary where one is set."""

    policies: tuple[Policy, ...]
    boundary: tuple[Policy, ...] | None


class LatePolicies:
    """The policies of users and roles as they count now."""

    def __init__(self, account_id: str, now: Callable[[], float]):
        self._account_id = account_id
        self._now = now
        self._shelf = books.PolicyShelf()
        self._current = GrantedPolicies(self._shelf)
        self._late: dict[str, Late[Granted]] = {}

    def of(self, key: KnownKey) -> Grants:
        """The policies that count for a caller."""
        grants, late = self._current.of(key), self._late.get(key.entity_arn)
        if late is None or late.settled(self._now()):
            return grants
        seen = late.seen(self._now())
        return replace(grants, identity=seen.policies, boundary=seen.boundary)

    def granted(self) -> dict[str, Granted]:
        """What is granted to each user and role, by ARN, as it has been set."""
        return {entity.arn: self._granted_to(entity) for entity in books.entities_of(self._account_id)}

    def changed(self, before: dict[str, Granted], due: float) -> None:
        """What was granted was ``before``; what has changed since counts from ``due`` on."""
        for arn, granted in self.granted().items():
            if arn not in before or before[arn] == granted:
                continue
            late = self._late.get(arn)
            if late is None or late.settled(self._now()):
                late = Late(before[arn])
            late.change(granted, due)
            self._late[arn] = late

    def forget(self) -> None:
        """The account is empty."""
        self._late.clear()

    def _granted_to(self, entity: Any) -> Granted:
        return Granted(self._shelf.policies(books.documents_of(entity)), books.boundary_of(entity, self._shelf))

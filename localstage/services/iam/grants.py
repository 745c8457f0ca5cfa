"""The policies that count for a caller: those that are set, or, at AWS's pace, those that others see already.

The one place where enforcement reads the policies of users and roles.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from localstage.door.late import Late
from localstage.door.signatures.verification import KnownKey
from localstage.policy.decision import Grants
from localstage.policy.document import Policy, readable_policies
from localstage.services.iam import reader

FindGrants = Callable[[KnownKey], Grants]
"""Who says which policies count for a caller."""


def current_grants(key: KnownKey) -> Grants:
    """The policies of a caller as they are set. Of a role or user that is gone, none."""
    session = None
    if key.session_policies is not None:
        session = readable_policies(("session", document) for document in key.session_policies)
    if key.entity_arn == f"arn:aws:iam::{key.account_id}:root":
        return Grants(session=session, administrator=True)
    entity = reader.find_entity(key.entity_arn)
    if entity is None:
        return Grants(session=session)
    granted = _granted_to(entity)
    return Grants(granted.policies, granted.boundary, session)


@dataclass(frozen=True)
class Granted:
    """What counts for one user or role: its policies, and its boundary where one is set."""

    policies: tuple[Policy, ...]
    boundary: tuple[Policy, ...] | None


def _granted_to(entity: Any) -> Granted:
    return Granted(readable_policies(reader.attached_documents(entity)), reader.boundary_policies(entity))


class LateGrants:
    """The policies of users and roles, each change of which counts some time after it was made.

    AWS: IAM user guide, changes that I make are not always immediately visible.
    Changes that CloudFormation makes do not come through here, since a stack waits
    until its roles can be used. Written on the account thread, read on the event
    loop: what is replaced is replaced whole.
    """

    def __init__(self, account_id: str, now: Callable[[], float]):
        """``now`` gives seconds of a monotonic clock."""
        self._account_id = account_id
        self._now = now
        self._late: dict[str, Late[Granted]] = {}

    def find(self, key: KnownKey) -> Grants:
        """The policies that count for a caller now."""
        grants, late = current_grants(key), self._late.get(key.entity_arn)
        if late is None or late.settled(self._now()):
            return grants
        seen = late.seen(self._now())
        return replace(grants, identity=seen.policies, boundary=seen.boundary)

    def granted(self) -> dict[str, Granted]:
        """What is granted to each user and role, by ARN, as it has been set."""
        return {entity.arn: _granted_to(entity) for entity in reader.users_and_roles(self._account_id)}

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
        """Drops what is waited for: the account is empty."""
        self._late.clear()

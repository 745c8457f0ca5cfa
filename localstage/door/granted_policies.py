"""The policies of a caller as of now: the one place where enforcement reads them.

On a stage, as in IAM's books, a change counts at once. Whoever wants changes to
count later, as on AWS, puts an object with the same one method ``of`` in this
one's place (``Permissions`` takes it); nothing else reads policies to decide.
"""

from __future__ import annotations

from typing import Protocol

from localstage.door.signatures.verification import KnownKey
from localstage.policy.decision import Grants
from localstage.services.iam import books


class PoliciesOf(Protocol):
    """Who says which policies count."""

    def of(self, key: KnownKey) -> Grants:
        """The policies that count for a caller."""


class GrantedPolicies:
    """Reads them from IAM."""

    def __init__(self, shelf: books.PolicyShelf):
        self._shelf = shelf

    def of(self, key: KnownKey) -> Grants:
        """The policies that count for a caller. Of a role or user that is gone, none."""
        session = (
            None
            if key.session_policies is None
            else self._shelf.policies([("session", document) for document in key.session_policies])
        )
        if key.entity_arn == f"arn:aws:iam::{key.account_id}:root":
            return Grants(session=session, administrator=True)
        entity = books.find_entity(key.entity_arn)
        if entity is None:
            return Grants(session=session)
        return Grants(self._shelf.policies(books.documents_of(entity)), books.boundary_of(entity, self._shelf), session)

"""IAM's users and roles as values, and which policies count for whom.

The IAM room publishes them on the account thread, after each call that may have
changed IAM; whoever decides reads the last that was published. So neither a
connection nor a posted message waits for the account thread, and no other
thread reads what moto writes. What is published is replaced whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from localstage.door.signatures.verification import KnownKey
from localstage.policy.decision import Grants
from localstage.policy.document import Policy, readable_policies


@dataclass(frozen=True)
class Identity:
    """A user or role. ``boundary`` is None where none is set; ``trust`` is a role's."""

    arn: str
    id: str
    policies: tuple[Policy, ...] = ()
    boundary: tuple[Policy, ...] | None = None
    trust: Policy | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


class Identities:
    """The users and roles of an account, by ARN, as they were last published."""

    def __init__(self) -> None:
        self._published: Mapping[str, Identity] = {}

    def publish(self, identities: Mapping[str, Identity]) -> None:
        """Replaces them all; nobody may change the mapping afterwards."""
        self._published = identities

    def all(self) -> Mapping[str, Identity]:
        """All of them, by ARN."""
        return self._published

    def find(self, arn: str) -> Identity | None:
        """The user or role with this ARN, or None."""
        return self._published.get(arn)


class PoliciesOf(Protocol):
    """Who says which policies count."""

    def grants_of(self, key: KnownKey) -> Grants:
        """The policies that count for a caller."""


class GrantedPolicies:
    """What counts at once: all that has been published.

    Whoever wants changes to count later, as on AWS, puts an object with the same
    one method ``grants_of`` in this one's place; nothing else reads policies to decide.
    """

    def __init__(self, identities: Identities):
        self._identities = identities

    def grants_of(self, key: KnownKey) -> Grants:
        """The policies that count for a caller. Of a role or user that is gone, none."""
        session = (
            None
            if key.session_policies is None
            else readable_policies([("session", document) for document in key.session_policies])
        )
        if key.entity_arn == f"arn:aws:iam::{key.account_id}:root":
            return Grants(session=session, administrator=True)
        identity = self._identities.find(key.entity_arn)
        return Grants(session=session) if identity is None else Grants(identity.policies, identity.boundary, session)

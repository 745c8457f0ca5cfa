"""Who may call: IAM's users and roles as values, which policies count for whom, and the access keys.

The IAM room publishes them on the account thread, after each call that may have
changed IAM; whoever decides reads the last that was published. So neither a
connection nor a posted message waits for the account thread, and no other
thread reads what moto writes. What is published is replaced whole.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Lock
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


class KnownKeys:
    """The access keys that may call: the learner's, the sessions of functions and services, and those of IAM and STS.

    The one owner of all keys. The last two are published by their rooms when they change. Any thread may ask.
    """

    def __init__(self, account_id: str, identities: Identities):
        self.learner = KnownKey(
            "AKIA" + secrets.token_hex(8).upper(),
            secrets.token_urlsafe(30),
            f"arn:aws:iam::{account_id}:user/learner",
            account_id,
            "AIDA" + secrets.token_hex(8).upper(),
            entity_arn=f"arn:aws:iam::{account_id}:root",
        )
        self._identities = identities
        self._lock = Lock()
        self._role_sessions: dict[tuple[str, str], KnownKey] = {}
        self._own = {self.learner.access_key_id: self.learner}
        self._of_iam: Mapping[str, KnownKey] = {}
        self._of_sts: dict[str, KnownKey] = {}

    def of_function(self, function_arn: str, role_arn: str) -> KnownKey:
        """The credentials of a function's role session, named after the function as on AWS; the same each time."""
        return self._of_session(function_arn, role_arn, function_arn.split(":")[6])

    def of_service(self, role_arn: str, session_name: str) -> KnownKey:
        """The credentials of a service's session of a role that it was given; the same each time."""
        return self._of_session(session_name, role_arn, session_name)

    def _of_session(self, holder: str, role_arn: str, name: str) -> KnownKey:
        with self._lock:
            known = self._role_sessions.get((holder, role_arn))
            if known is None:
                account_id = role_arn.split(":")[4]
                role = self._identities.find(role_arn)
                known = KnownKey(
                    "ASIA" + secrets.token_hex(8).upper(),
                    secrets.token_urlsafe(30),
                    f"arn:aws:sts::{account_id}:assumed-role/{role_arn.rpartition('/')[2]}/{name}",
                    account_id,
                    f"{role.id}:{name}" if role is not None else "",
                    session_token=secrets.token_urlsafe(60),
                    entity_arn=role_arn,
                )
                self._role_sessions[(holder, role_arn)] = known
                self._own[known.access_key_id] = known
            return known

    def publish_of_iam(self, keys: Mapping[str, KnownKey]) -> None:
        """The active access keys of users; all that were published before are gone."""
        with self._lock:
            self._of_iam = keys

    def publish_of_sts(self, key: KnownKey) -> None:
        """A session that STS has begun."""
        with self._lock:
            self._of_sts[key.access_key_id] = key

    def forget_sts(self) -> None:
        """The account has been emptied: the sessions of STS are gone."""
        with self._lock:
            self._of_sts.clear()

    def find(self, access_key_id: str) -> KnownKey | None:
        """The key with this id, if it may call."""
        with self._lock:
            for keys in (self._own, self._of_sts, self._of_iam):
                if access_key_id in keys:
                    return keys[access_key_id]
            return None

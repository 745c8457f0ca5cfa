"""The access keys that may call: the learner's, the sessions of functions and services, and those of IAM and STS.

The last two are published by their rooms when they change. Any thread may ask.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from threading import Lock

from localstage.door.identities import Identities
from localstage.door.signatures.verification import KnownKey


class KnownKeys:
    """The one owner of all keys."""

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

"""The access keys that the stage knows: the learner's, the functions' and those that IAM and STS made.

Reads moto's books and changes nothing there. A lookup makes no backend: an
account that nobody has used has no keys.
"""

from __future__ import annotations

import secrets
import sys
from datetime import UTC
from typing import Any

from localstage.door.signatures.verification import KnownKey
from localstage.services.iam import reader


class KnownKeys:
    """The one owner of the keys that are not moto's."""

    def __init__(self, account_id: str):
        self.learner = KnownKey(
            "AKIA" + secrets.token_hex(8).upper(),
            secrets.token_urlsafe(30),
            f"arn:aws:iam::{account_id}:user/learner",
            account_id,
            "AIDA" + secrets.token_hex(8).upper(),
            entity_arn=f"arn:aws:iam::{account_id}:root",
        )
        self._sessions: dict[tuple[str, str], KnownKey] = {}
        self._by_id = {self.learner.access_key_id: self.learner}

    def of_function(self, function_arn: str, role_arn: str) -> KnownKey:
        """The credentials of a function's role session, named after the function as on AWS; the same each time."""
        return self._of_session(function_arn, role_arn, function_arn.split(":")[6])

    def of_service(self, role_arn: str, session_name: str) -> KnownKey:
        """The credentials of a service's session of a role that it was given; the same each time."""
        return self._of_session(session_name, role_arn, session_name)

    def _of_session(self, holder: str, role_arn: str, name: str) -> KnownKey:
        known = self._sessions.get((holder, role_arn))
        if known is None:
            account_id = role_arn.split(":")[4]
            role = role_arn.rpartition("/")[2]
            entity = reader.find_entity(role_arn)
            known = KnownKey(
                "ASIA" + secrets.token_hex(8).upper(),
                secrets.token_urlsafe(30),
                f"arn:aws:sts::{account_id}:assumed-role/{role}/{name}",
                account_id,
                f"{entity.id}:{name}" if entity is not None else "",
                session_token=secrets.token_urlsafe(60),
                entity_arn=role_arn,
            )
            self._sessions[(holder, role_arn)] = known
            self._by_id[known.access_key_id] = known
        return known

    def find(self, access_key_id: str) -> KnownKey | None:
        """The key with this id, if it may call."""
        return self._by_id.get(access_key_id) or _key_of_sts(access_key_id) or _key_of_iam(access_key_id)


def _key_of_iam(access_key_id: str) -> KnownKey | None:
    for backend in _existing("iam"):
        key = backend.access_keys.get(access_key_id)
        if key is None or key.user_name is None or key.status != "Active":
            continue
        user = backend.users.get(key.user_name)
        if user is not None:
            return KnownKey(
                access_key_id, key.secret_access_key, user.arn, backend.account_id, user.id, entity_arn=user.arn
            )
    return None


def _key_of_sts(access_key_id: str) -> KnownKey | None:
    if not access_key_id.startswith("ASIA"):
        return None
    for backend in _existing("sts"):
        session = backend.get_assumed_role_from_access_key(access_key_id)
        if session is None:
            continue
        facts = backend.facts_of(session)
        return KnownKey(
            access_key_id,
            session.secret_access_key,
            facts.principal_arn,
            session.account_id,
            facts.principal_id,
            session.session_token,
            session.expiration.replace(tzinfo=UTC),
            facts.entity_arn,
            facts.policies,
        )
    return None


def _existing(service: str) -> list[Any]:
    """A service's backends, of all accounts and partitions. Plain dict reads: moto's own would make new ones."""
    models = sys.modules.get(f"moto.{service}.models")
    if models is None:
        return []  # Nobody has called the service yet.
    backends = getattr(models, f"{service}_backends")
    return [backend for account in list(dict.values(backends)) for backend in list(dict.values(account))]

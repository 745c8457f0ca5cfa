"""What moto's IAM knows of users and roles: their policies, boundaries, tags and access keys.

On the account thread only; no backend is made by looking. ``identities`` and
``access_keys`` are what other threads are given.
"""

from __future__ import annotations

import sys
from typing import Any

from localstage.door.identities import Identity
from localstage.door.moto import existing_backend
from localstage.door.signatures.verification import KnownKey
from localstage.policy.document import Policy, readable_policies, readable_policy


def identities() -> dict[str, Identity]:
    """All users and roles as values, by ARN."""
    return {
        entity.arn: _identity(entity)
        for backend in _backends()
        for entity in (*backend.roles.values(), *backend.users.values())
    }


def _identity(entity: Any) -> Identity:
    trust = getattr(entity, "assume_role_policy_document", None)
    return Identity(
        entity.arn,
        entity.id,
        readable_policies(attached_documents(entity)),
        boundary_policies(entity),
        readable_policy(trust) if trust is not None else None,
        tags_of(entity),
    )


def access_keys() -> dict[str, KnownKey]:
    """The active access keys of users, by id."""
    return {
        key_id: KnownKey(key_id, key.secret_access_key, user.arn, user.account_id, user.id, entity_arn=user.arn)
        for backend in _backends()
        for key_id, key in backend.access_keys.items()
        if key.status == "Active" and (user := backend.users.get(key.user_name)) is not None
    }


def find_entity(arn: str) -> Any:
    """moto's user or role with this ARN, or None."""
    fields = arn.split(":", 5)
    if len(fields) < 6 or fields[2] != "iam":
        return None
    kind, _, path = fields[5].partition("/")
    named = find_named(fields[4], kind, path.rpartition("/")[2])
    return named if named is not None and named.arn == arn else None


def find_named(account_id: str, kind: str, name: str) -> Any:
    """moto's role, user or group of this name, or None."""
    backend = _backend(account_id)
    if backend is None:
        return None
    if kind == "role":
        return next((role for role in backend.roles.values() if role.name == name), None)
    return {"user": backend.users, "group": backend.groups}.get(kind, {}).get(name)


def attached_documents(entity: Any) -> list[tuple[str, Any]]:
    """The name and the text of each policy that counts for a user or role, those of the user's groups included."""
    holders = [entity, *_groups_of(entity)]
    found: list[tuple[str, Any]] = []
    for holder in holders:
        found += list(holder.policies.items())
        found += [(policy.arn, _default_document(policy)) for policy in holder.managed_policies.values()]
    return found


def boundary_arn(entity: Any) -> str | None:
    """The ARN of the permissions boundary, if one is set."""
    return getattr(entity, "permissions_boundary_arn", None) or None


def managed_document(account_id: str, arn: str) -> Any:
    """The text of a managed policy as of now; None if there is none."""
    backend = _backend(account_id)
    policy = backend.managed_policies.get(arn) if backend is not None else None
    return _default_document(policy) if policy is not None else None


def boundary_policies(entity: Any) -> tuple[Policy, ...] | None:
    """The permissions boundary as policies, None where none is set; one whose policy is gone allows nothing."""
    arn = boundary_arn(entity)
    if arn is None:
        return None
    document = managed_document(entity.account_id, arn)
    return readable_policies([(arn, document)]) if document is not None else ()


def tags_of(entity: Any) -> dict[str, str]:
    """The tags of a user or role; of one that is None, none."""
    tags = getattr(entity, "tags", None) or {}
    if isinstance(tags, dict):
        return {key: str(tag.get("Value", "")) if isinstance(tag, dict) else str(tag) for key, tag in tags.items()}
    return {tag["Key"]: tag["Value"] for tag in tags}


def _default_document(policy: Any) -> Any:
    default = (version for version in policy.versions if version.version_id == policy.default_version_id)
    return next(default, policy.versions[-1]).document


def _groups_of(entity: Any) -> list[Any]:
    backend = _backend(entity.account_id)
    if backend is None or hasattr(entity, "assume_role_policy_document"):
        return []
    return [group for group in backend.groups.values() if entity in group.users]


def _backends() -> list[Any]:
    """The IAM backends of all accounts that have been used."""
    models = sys.modules.get("moto.iam.models")
    accounts = list(dict.values(models.iam_backends)) if models is not None else []
    return [backend for partitions in accounts for backend in dict.values(partitions)]


def _backend(account_id: str) -> Any:
    return existing_backend("iam", account_id, "aws")

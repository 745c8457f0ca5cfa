"""The IAM backend: moto's, sparing with AWS's managed policies, and its check of policy documents."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any, TypeVar

from moto.iam.aws_managed_policies import aws_managed_policies_data
from moto.iam.models import AWSManagedPolicy, IAMBackend, ManagedPolicy
from moto.iam.policy_validation import IAMPolicyDocumentValidator

_USED_PARTITION = "aws"
_BETWEEN = re.compile(r"[\s:,]*")
_T = TypeVar("_T")


class LocalIamBackend(IAMBackend):
    """One for each account and partition; ``region_name`` is the partition's name.

    Only the partition that is used has AWS's managed policies: moto asks every
    partition who an access key belongs to, and would make 1,500 policies for each.
    """

    __module__ = IAMBackend.__module__  # moto finds a service's URLs beside its backend's module.

    def reset(self) -> None:
        """Empties the backend, and keeps those of AWS's policies that nothing has changed: making 1,500 takes 20 ms."""
        kept = self.__dict__.get("aws_managed_policies", [])
        self.__dict__ = {"_kept": kept, "region_name": self.region_name, "account_id": self.account_id}
        self.__init__(self.region_name, self.account_id)  # type: ignore[misc]  # As moto's own does.

    def _init_aws_policies(self) -> list[ManagedPolicy]:
        if self.region_name != _USED_PARTITION:
            return []
        parsed, kept = _parsed_policies(), self.__dict__.pop("_kept", [])
        if len(kept) != len(parsed):
            return [_copied(policy, self.account_id) for policy in parsed]
        return [
            own if _is_untouched(own, policy) else _copied(policy, self.account_id)
            for own, policy in zip(kept, parsed, strict=True)
        ]


class LocalPolicyValidator(IAMPolicyDocumentValidator):
    """Accepts a document without a Version, or with the older one."""

    def _validate_version(self) -> None:
        """AWS: IAM user guide, JSON policy element Version: without it, 2008-10-17 is meant."""


@cache
def _parsed_policies() -> tuple[ManagedPolicy, ...]:
    """AWS's managed policies, parsed once in a process (4.7 MB of JSON) and never changed."""
    entries = _members(aws_managed_policies_data)
    return tuple(AWSManagedPolicy.from_data(name, "aws", _USED_PARTITION, entry) for name, entry in entries)


def _members(text: str) -> Iterator[tuple[str, Any]]:
    """The members of a JSON object, one at a time: all of them at once would take 13 MB that never come back."""
    decoder = json.JSONDecoder()
    at = _BETWEEN.match(text, text.index("{") + 1).end()  # type: ignore[union-attr]  # It matches nothing, too.
    while text[at] != "}":
        name, at = decoder.raw_decode(text, at)
        member, at = decoder.raw_decode(text, _BETWEEN.match(text, at).end())  # type: ignore[union-attr]
        yield name, member
        at = _BETWEEN.match(text, at).end()  # type: ignore[union-attr]


def _copied(policy: ManagedPolicy, account_id: str) -> ManagedPolicy:
    """A policy that one account may attach, tag and give versions, unseen by the others."""
    own = _twin(policy)
    own.account_id = account_id
    own.tags = dict(policy.tags)
    own.versions = [_twin(version) for version in policy.versions]
    return own


def _is_untouched(own: ManagedPolicy, policy: ManagedPolicy) -> bool:
    """Whether an account's copy of a policy is as ``_copied`` makes it."""
    if len(own.versions) != len(policy.versions):
        return False
    if any(mine.__dict__ != first.__dict__ for mine, first in zip(own.versions, policy.versions, strict=True)):
        return False
    return {**own.__dict__, "account_id": "", "versions": ()} == {**policy.__dict__, "account_id": "", "versions": ()}


def _twin(one: _T) -> _T:
    """The same again; a third of the time that ``copy.copy`` takes, for 1,500 policies at each reset of an account."""
    other = object.__new__(type(one))
    other.__dict__.update(one.__dict__)
    return other

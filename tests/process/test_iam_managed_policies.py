"""Which managed policies an account has, and what they cost."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from moto.core.base_backend import BackendDict
from moto.iam.models import get_account_id_from, iam_backends

from localstage.services import iam

READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"


@pytest.fixture
def account() -> Iterator[str]:
    """The id of an empty account of the stage's IAM."""
    made_before = iam_backends.backend
    BackendDict.reset()
    iam.extend()
    yield "123456789012"
    BackendDict.reset()
    iam_backends.backend = made_before


def test_managed_policies_when_a_key_is_looked_up(account):
    """Looking up a key reaches every partition, and only the used one has AWS's policies."""
    assert "AWSLambdaBasicExecutionRole" in {
        policy.name for policy in iam_backends[account]["aws"].managed_policies.values()
    }
    assert get_account_id_from("nobody's key") == account
    loaded = {name: len(backend.managed_policies) for name, backend in iam_backends[account].items()}
    assert loaded.pop("aws") > 1000
    assert set(loaded.values()) == {0}


def test_managed_policies_when_an_account_is_emptied(account, monkeypatch):
    """The policies are parsed once in a process, and those that nothing has changed outlive a reset."""
    backend = iam_backends[account]["aws"]
    before, untouched = len(backend.managed_policies), backend.managed_policies[READ_ONLY]
    with monkeypatch.context() as patched:
        patched.setattr(json, "loads", lambda text: pytest.fail("a text was parsed"))
        backend.reset()
    assert len(backend.managed_policies) == before and backend.managed_policies[READ_ONLY] is untouched


def test_managed_policies_when_one_account_changes_them(account):
    """An account's attachments, tags and versions of AWS's policies are seen neither by another nor after a reset."""
    backend = iam_backends[account]["aws"]
    backend.create_user("us-east-1", user_name="alice")
    backend.attach_user_policy(READ_ONLY, "alice")
    changed = backend.managed_policies[READ_ONLY]
    assert (changed.account_id, changed.attachment_count) == (account, 1)
    changed.tags["team"] = {"Key": "team", "Value": "chat"}
    changed.versions[0].is_default = False
    changed.versions.append(changed.versions[0])
    other = iam_backends["210987654321"]["aws"].managed_policies[READ_ONLY]
    backend.reset()
    for policy in (other, backend.managed_policies[READ_ONLY]):
        assert (policy.attachment_count, policy.tags, len(policy.versions)) == (0, {}, 1)
        assert policy.versions[0].is_default
        assert policy.arn == READ_ONLY

"""Which managed policies an account has, and what they cost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib import import_module

import pytest
from moto.core.base_backend import BackendDict
from moto.iam.models import AWSManagedPolicy, get_account_id_from, iam_backends

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
    """A policy is read once in a process: what an account is given after a reset comes from no text."""
    before = iam_backends[account]["aws"].managed_policies
    read = before[READ_ONLY].versions[0].document
    with monkeypatch.context() as patched:
        patched.setattr(json, "loads", lambda text: pytest.fail("a text was parsed"))
        iam_backends[account]["aws"].reset()
        after = iam_backends[account]["aws"].managed_policies
        assert after[READ_ONLY].versions[0].document == read
    assert after.keys() == before.keys()


def test_managed_policies_when_all_are_read(account):
    """Each policy is moto's in all that moto knows of it."""
    expected = json.loads(import_module("moto.iam.aws_managed_policies").aws_managed_policies_data)
    found = {policy.name: policy for policy in iam_backends[account]["aws"].aws_managed_policies}
    assert list(found) == list(expected)
    for name, policy in found.items():
        motos = AWSManagedPolicy.from_data(name, account, "aws", expected[name])
        [version], [motos_version] = policy.versions, motos.versions
        assert vars(version) == vars(motos_version)
        own = {"id": policy.id, "versions": policy.versions}  # moto invents ids, and its versions are no values.
        assert {**vars(policy), **own} == {**vars(motos), **own}
        assert policy.arn == motos.arn


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

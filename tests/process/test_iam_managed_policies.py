"""Which managed policies an account has, and what they cost."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from moto.core.base_backend import BackendDict
from moto.iam.models import get_account_id_from, iam_backends

from localstage.services import iam


@pytest.fixture
def account(monkeypatch) -> Iterator[str]:
    """The id of an empty account whose managed policies are loaded."""
    monkeypatch.setenv("MOTO_IAM_LOAD_MANAGED_POLICIES", "true")
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

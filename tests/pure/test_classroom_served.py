"""How long the course waits until clients meet what a stage was last told to serve."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from classroom.account import api

NOW = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
URL = "wss://a1b2c3d4e5.execute-api.us-east-1.amazonaws.com/prod"


class Gateway:
    """The two answers of API Gateway that tell when something has changed, by its age in seconds."""

    class exceptions:
        class NotFoundException(Exception):
            """There is no such stage."""

    def __init__(self, stage_s: float, deployment_s: float | None):
        self._stage_s, self._deployment_s = stage_s, deployment_s

    def get_stage(self, ApiId: str, StageName: str) -> dict[str, Any]:
        assert (ApiId, StageName) == ("a1b2c3d4e5", "prod")
        deployed = {} if self._deployment_s is None else {"DeploymentId": "d1"}
        headers = {"HTTPHeaders": {"date": "Thu, 01 Jan 2026 12:00:00 GMT"}}
        return {"CreatedDate": NOW - timedelta(seconds=self._stage_s), "ResponseMetadata": headers, **deployed}

    def get_deployment(self, ApiId: str, DeploymentId: str) -> dict[str, Any]:
        assert (ApiId, DeploymentId, self._deployment_s is not None) == ("a1b2c3d4e5", "d1", True)
        return {"CreatedDate": NOW - timedelta(seconds=self._deployment_s or 0)}


@pytest.mark.parametrize(
    ("stage_s", "deployment_s", "waited_s"),
    [(1, 1, 3), (60, 1, 3), (1, 60, 3), (60, 60, 0), (1, None, 3)],
    ids=["both new", "AutoDeploy", "another variable", "long ago", "nothing deployed"],
)
def test_wait_when_a_stage_or_its_deployment_has_changed(monkeypatch, stage_s, deployment_s, waited_s):
    """The younger of both counts: a route that AutoDeploy has deployed does not change its stage's date."""
    waited: list[float] = []
    monkeypatch.setattr(api, "Event", lambda: SimpleNamespace(wait=waited.append))
    account: Any = SimpleNamespace(
        target=SimpleNamespace(name="live"), client=lambda service: Gateway(stage_s, deployment_s)
    )
    api.wait_until_served(account, URL)
    assert waited == [waited_s]

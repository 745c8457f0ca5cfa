"""How often deployments may be made, on a time that the test gives."""

from __future__ import annotations

import pytest

from localstage.services.apigatewayv2.deployment_limit import DeploymentLimit
from tests.pure.permission_cases import signed_call

CREATE = ("POST", "/v2/apis/abcdefghij/deployments")


def statuses(pace: DeploymentLimit, *asked: tuple[str, str], region: str = "us-east-1") -> list[int]:
    """200 for each request that may pass, else the status that refuses it."""
    refusals = [pace.refusal(signed_call("apigateway", *one, {}, region=region)) for one in asked]
    return [refusal.status if refusal else 200 for refusal in refusals]


@pytest.mark.fidelity("5.9")
def test_deployment_when_another_was_made_within_five_seconds():
    """One CreateDeployment passes in five seconds, in each region; one that is refused does not begin them anew."""
    now = [0.0]
    pace = DeploymentLimit(5.0, lambda: now[0])
    assert statuses(pace, CREATE, CREATE) == [200, 429]
    assert statuses(pace, CREATE, region="eu-west-1") == [200]
    now[0] = 4.999
    assert statuses(pace, CREATE) == [429]
    now[0] = 5.0
    assert statuses(pace, CREATE, CREATE) == [200, 429]


@pytest.mark.fidelity("5.9")
def test_refusal_when_deployments_come_too_soon():
    """The refusal is TooManyRequestsException in AWS's words."""
    pace = DeploymentLimit(5.0, lambda: 0)
    statuses(pace, CREATE)
    refused = pace.refusal(signed_call("apigateway", *CREATE, {}))
    assert (refused.code, refused.message, refused.status) == ("TooManyRequestsException", "Too Many Requests", 429)


def test_requests_when_they_make_no_deployment():
    """Every other request passes, and with an interval of 0 every deployment."""
    pace = DeploymentLimit(5.0, lambda: 0)
    assert statuses(pace, CREATE, ("GET", CREATE[1]), ("POST", "/v2/apis/abcdefghij/routes")) == [200, 200, 200]
    assert statuses(DeploymentLimit(0.0, lambda: 0), CREATE, CREATE) == [200, 200]

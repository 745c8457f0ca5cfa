"""Token buckets on a time that the test gives."""

import pytest

from localstage.core.snapshot import ApiSnapshot, RouteThrottle, ServedStage
from localstage.core.throttling import Throttles, TokenBucket


def stage(**throttles) -> ServedStage:
    return ServedStage("api", "prod", "us-east-1", "1", ApiSnapshot("api", "d", "x"), **throttles)


def test_bucket_when_the_burst_is_used_up():
    """A bucket lets its burst through, then its rate."""
    bucket = TokenBucket(rate=2, burst=3)
    assert [bucket.take(10.0) for _ in range(4)] == [True, True, True, False]
    assert [bucket.take(10.5), bucket.take(10.5)] == [True, False]


@pytest.mark.fidelity("8.5")
def test_route_throttle_when_it_is_its_own():
    """A route's own limit counts for it alone; the stage's for the others."""
    served = stage(default_throttle=RouteThrottle(1, 1), route_throttles={"busy": RouteThrottle(1, 2)})
    throttles = Throttles()
    assert [throttles.allow(served, "busy", 0) for _ in range(3)] == [True, True, False]
    assert [throttles.allow(served, "other", 0), throttles.allow(served, "third", 0)] == [True, False]


@pytest.mark.fidelity("5.5")
def test_new_connections_when_more_than_500_come_in_a_second():
    """An account opens 500 connections a second."""
    throttles, served = Throttles(), stage()
    assert sum(throttles.allow_connection(served, 7.0) for _ in range(600)) == 500
    assert sum(throttles.allow_connection(served, 7.5) for _ in range(600)) == 250

"""Token buckets for stages, routes and new connections.

AWS: FIDELITY sections 5 and 8. Pure: the time is an argument.
"""

from __future__ import annotations

from localstage.core.snapshot import RouteThrottle, ServedStage

ACCOUNT_RATE = 10_000.0
ACCOUNT_BURST = 5_000
NEW_CONNECTIONS_RATE = 500.0


class TokenBucket:
    """Lets ``burst`` requests through at once and ``rate`` a second in the long run."""

    def __init__(self, rate: float, burst: float):
        self.rate = rate
        self.burst = burst
        self._tokens = burst
        self._filled_at: float | None = None

    def take(self, now_s: float) -> bool:
        """Takes one token if there is one."""
        if self._filled_at is not None:
            self._tokens = min(self.burst, self._tokens + (now_s - self._filled_at) * self.rate)
        self._filled_at = now_s
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


class Throttles:
    """The buckets of all stages; a changed setting makes a new, full bucket."""

    def __init__(self) -> None:
        self._buckets: dict[tuple[str, str, str], TokenBucket] = {}
        # AWS: 500 new connections a second for an account in a region.
        self._connections = TokenBucket(NEW_CONNECTIONS_RATE, NEW_CONNECTIONS_RATE)

    def allow_connection(self, stage: ServedStage, now_s: float) -> bool:
        """Whether a new connection may be opened now."""
        return self.allow(stage, "$connect", now_s) and self._connections.take(now_s)

    def allow(self, stage: ServedStage, route_key: str, now_s: float) -> bool:
        """Whether an event of a route may be served now: the route's own limit, else the stage's."""
        own = stage.route_throttles.get(route_key)
        throttle, name = (own, route_key) if own is not None else (stage.default_throttle, "")
        rate, burst = _limits(throttle)
        key = (stage.api_id, stage.stage_name, name)
        bucket = self._buckets.get(key)
        if bucket is None or (bucket.rate, bucket.burst) != (rate, burst):
            bucket = self._buckets[key] = TokenBucket(rate, burst)
        return bucket.take(now_s)


def _limits(throttle: RouteThrottle) -> tuple[float, float]:
    rate = ACCOUNT_RATE if throttle.rate_limit is None else throttle.rate_limit
    burst = ACCOUNT_BURST if throttle.burst_limit is None else throttle.burst_limit
    return float(rate), float(burst)

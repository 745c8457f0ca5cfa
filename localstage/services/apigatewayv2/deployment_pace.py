"""How often deployments of APIs may be made.

AWS: FIDELITY section 5, one CreateDeployment in five seconds for an account in
a region. Counts what programs ask for; a stack's deployments are CloudFormation's
to pace, and AutoDeploy asks for nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from aiohttp import web

_DEPLOYMENTS = re.compile(r"^/v2/apis/[^/]+/deployments/?$")


class DeploymentPace:
    """Answers TooManyRequestsException to a CreateDeployment that comes too soon. An interval of 0 lets all pass."""

    def __init__(self, interval_s: float, now_ms: Callable[[], int]):
        self._interval_ms = interval_s * 1000
        self._now_ms = now_ms
        self._last_ms: dict[str, int] = {}

    def refusal(self, request: web.BaseRequest, region: str) -> web.Response | None:
        """The answer to a request that is refused, or None for any other. One that is refused counts for nothing."""
        path = request.raw_path.partition("?")[0]
        if not self._interval_ms or request.method != "POST" or not _DEPLOYMENTS.match(path):
            return None
        now = self._now_ms()
        last = self._last_ms.get(region)
        if last is not None and now - last < self._interval_ms:
            # serverless-components/aws-api-gateway#8 shows code and text.
            return web.Response(
                status=429,
                body=json.dumps({"message": "Too Many Requests"}).encode(),
                content_type="application/json",
                headers={"x-amzn-errortype": "TooManyRequestsException"},
            )
        self._last_ms[region] = now
        return None

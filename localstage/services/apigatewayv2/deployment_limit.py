"""How often deployments of APIs may be made.

AWS: FIDELITY section 5, one CreateDeployment in five seconds for an account in
a region. Counts what programs ask for; a stack's deployments are CloudFormation's
to pace, and AutoDeploy asks for nothing.
"""

from __future__ import annotations

from collections.abc import Callable

from localstage.door.call import AwsCall
from localstage.door.pace import throttled
from localstage.door.refusal import Refusal


class DeploymentLimit:
    """Refuses a CreateDeployment that comes too soon. An interval of 0 lets all pass."""

    def __init__(self, interval_s: float, now_ms: Callable[[], int]):
        self._interval_ms = interval_s * 1000
        self._now_ms = now_ms
        self._last_ms: dict[str, int] = {}

    def refusal(self, call: AwsCall) -> Refusal | None:
        """The answer to a call that is refused, None to any other. A refused call does not begin the interval anew."""
        if not self._interval_ms or call.operation != "CreateDeployment" or not call.raw_path.startswith("/v2/"):
            return None
        now = self._now_ms()
        last = self._last_ms.get(call.region)
        if last is not None and now - last < self._interval_ms:
            return throttled("apigateway")
        self._last_ms[call.region] = now
        return None

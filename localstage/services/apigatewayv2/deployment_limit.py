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

    def __init__(self, interval_s: float, monotonic: Callable[[], float]):
        """``monotonic``: seconds of a clock that never jumps, or a computer's clock set back would refuse for as long."""
        self._interval_s = interval_s
        self._monotonic = monotonic
        self._last_s: dict[str, float] = {}

    def refusal(self, call: AwsCall) -> Refusal | None:
        """The answer to a call that is refused, None to any other. A refused call does not begin the interval anew."""
        if not self._interval_s or call.operation != "CreateDeployment" or not call.raw_path.startswith("/v2/"):
            return None
        now = self._monotonic()
        last = self._last_s.get(call.region)
        if last is not None and now - last < self._interval_s:
            return throttled("apigateway")
        self._last_s[call.region] = now
        return None

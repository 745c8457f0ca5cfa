"""Throttling of control-plane calls now and then, the same in every run.

A burst refuses one or two calls of a service in a row, so that boto3's default
two retries absorb it and a program without retries fails.
"""

from __future__ import annotations

import re
from random import Random

from localstage.door.pace_calls import ApiCall, Refusal

_FIRST_CALM = (6, 12)
_CALM = (14, 30)
_LONGEST_BURST = 2
_REFUSALS = {
    # AWS: API Gateway v2 API reference, TooManyRequestsException; aws-sdk-js#1014 has the text.
    "apigateway": Refusal("TooManyRequestsException", "Too Many Requests", 429),
    # AWS: Lambda API reference, TooManyRequestsException.
    "lambda": Refusal("TooManyRequestsException", "Rate exceeded", 429),
    # AWS: query services, common errors; terraform-provider-aws#5171 has the text.
    "cloudformation": Refusal("Throttling", "Rate exceeded", 400),
    "iam": Refusal("Throttling", "Rate exceeded", 400),
    # AWS: CloudWatch Logs API reference, common errors.
    "logs": Refusal("ThrottlingException", "Rate exceeded", 400),
}
_DATA_PLANE = ("PutLogEvents",)
_DEPLOYMENTS = re.compile(r"POST /v2/apis/[^/]+/deployments/?$")
"""CreateDeployment has a rate of its own (see ``Delays.deployment_s``), which alone may use up the retries."""


class Throttling:
    """Counts the calls of each service of an account. The counts are seeded by the service's name."""

    def __init__(self) -> None:
        self._counters: dict[str, _Counter] = {}

    def refusal(self, call: ApiCall) -> Refusal | None:
        """The answer to a call that is throttled, None for one that passes."""
        if call.service not in _REFUSALS or call.operation in _DATA_PLANE or _DEPLOYMENTS.match(call.operation):
            return None
        counter = self._counters.setdefault(call.service, _Counter(Random(call.service)))
        return _REFUSALS[call.service] if counter.next_is_refused() else None


class _Counter:
    """Bursts and the calm between them, for one service."""

    def __init__(self, random: Random):
        self._random = random
        self._calm = random.randint(*_FIRST_CALM)
        self._burst = 0

    def next_is_refused(self) -> bool:
        if self._burst == 0 and self._calm == 0:
            self._burst = self._random.randint(1, _LONGEST_BURST)
            self._calm = self._random.randint(*_CALM)
        if self._burst > 0:
            self._burst -= 1
            return True
        self._calm -= 1
        return False

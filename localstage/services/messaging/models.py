"""The SNS backend: moto's, without subscriptions of functions."""

from __future__ import annotations

from moto.sns.exceptions import SNSInvalidParameter
from moto.sns.models import SNSBackend, Subscription


class StageSnsBackend(SNSBackend):
    """Refuses, by name, what would invoke a function."""

    def subscribe(self, topic_arn: str, endpoint: str, protocol: str) -> Subscription:
        if protocol == "lambda":
            raise SNSInvalidParameter(
                f"The local stage does not invoke functions from SNS topics; {topic_arn} cannot call {endpoint}."
            )
        return super().subscribe(topic_arn, endpoint, protocol)

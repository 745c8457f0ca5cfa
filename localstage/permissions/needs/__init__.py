"""Which permissions each AWS API call needs: actions, resources, condition keys.

One module for each family of services; ``needs_of`` finds it. Knows no policy.
"""

from __future__ import annotations

from localstage.permissions.needs import awslambda, control, dynamodb, general, identity, logs, messaging, s3
from localstage.permissions.needs.call import ApiCall
from localstage.permissions.policy import Need

__all__ = ["ApiCall", "needs_of"]

_SERVICES = {
    "dynamodb": dynamodb.needs,
    "sqs": messaging.sqs_needs,
    "sns": messaging.sns_needs,
    "logs": logs.needs,
    "lambda": awslambda.needs,
    "s3": s3.needs,
    "iam": identity.iam_needs,
    "sts": identity.sts_needs,
    "apigateway": control.apigateway_needs,
    "cloudformation": control.cloudformation_needs,
    "monitoring": control.cloudwatch_needs,
}


def needs_of(call: ApiCall) -> list[Need]:
    """All that a call needs; every one must be granted. Empty: AWS asks for no permission."""
    return _SERVICES.get(call.service, general.needs)(call)

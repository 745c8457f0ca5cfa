"""Which permissions each AWS API call needs: actions, resources, condition keys.

One module for each family of services; ``needs_of`` finds it. Knows no policy.
"""

from __future__ import annotations

from localstage.door.call import AwsCall
from localstage.policy.document import Need
from localstage.services import general_needs
from localstage.services.apigatewayv2 import needs as control
from localstage.services.awslambda import needs as awslambda
from localstage.services.dynamodb import needs as dynamodb
from localstage.services.iam import needs as identity
from localstage.services.logs import needs as logs
from localstage.services.messaging import needs as messaging
from localstage.services.s3 import needs as s3

__all__ = ["AwsCall", "needs_of"]

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


def needs_of(call: AwsCall) -> list[Need]:
    """All that a call needs; every one must be granted. Empty: AWS asks for no permission."""
    return _SERVICES.get(call.service, general_needs.needs)(call)

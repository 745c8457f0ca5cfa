"""Which permissions each AWS API call needs: actions, resources, condition keys.

A service whose operations differ has a ``needs`` module in its room; of all others
an operation needs ``{service}:{Operation}``. Its resource is the obvious ARN where
a table here gives one, else ``*``: such a call is allowed by statements whose
Resource is ``*``. AWS has ARNs for more of them, so localstage is stricter there.
"""

from __future__ import annotations

from localstage.door.call import AwsCall
from localstage.policy.document import Need
from localstage.services.apigatewayv2 import needs as apigatewayv2
from localstage.services.awslambda import needs as awslambda
from localstage.services.dynamodb import needs as dynamodb
from localstage.services.iam import needs as iam
from localstage.services.logs import needs as logs
from localstage.services.messaging import needs as messaging
from localstage.services.s3 import needs as s3
from localstage.services.sts import needs as sts
from localstage.stacks import needs as stacks

_OF_ROOMS = {
    "apigateway": apigatewayv2.needs,
    "cloudformation": stacks.needs,
    "dynamodb": dynamodb.needs,
    "iam": iam.needs,
    "lambda": awslambda.needs,
    "logs": logs.needs,
    "s3": s3.needs,
    "sns": messaging.sns_needs,
    "sqs": messaging.sqs_needs,
    "sts": sts.needs,
}
_PREFIXES = {"monitoring": "cloudwatch", "email": "ses", "tagging": "tag"}
"""IAM's name of a service, where it is not that of the credential scope."""
_ARNS = {
    "cloudwatch": (("AlarmName", "alarm:{}"), ("AlarmNames", "alarm:{}")),
    "events": (("Rule", "rule/{}"), ("Name", "rule/{}")),
    "kinesis": (("StreamName", "stream/{}"),),
    "kms": (("KeyId", "key/{}"),),
    "secretsmanager": (("SecretId", "secret:{}"), ("Name", "secret:{}")),
    "ssm": (("Name", "parameter/{}"),),
    "states": (("stateMachineArn", "{}"), ("executionArn", "{}")),
}
"""By IAM's name: the parameters that may name the resource, or a list of them, and the last field of its ARN."""
_KEYS = {"cloudwatch": {"cloudwatch:namespace": "Namespace"}}
"""By IAM's name: condition keys, and the parameters that give them."""


def needs_of(call: AwsCall) -> list[Need]:
    """All that a call needs; every one must be granted. Empty: AWS asks for no permission."""
    return _OF_ROOMS.get(call.service, _general_needs)(call)


def _general_needs(call: AwsCall) -> list[Need]:
    service = _PREFIXES.get(call.service, call.service)
    # An operation that cannot be told is granted by the whole service's wildcard alone.
    action = f"{service}:{call.operation or 'UnknownOperation'}"
    keys = {key: call.text(parameter) for key, parameter in _KEYS.get(service, {}).items() if call.text(parameter)}
    for parameter, resource in _ARNS.get(service, ()):
        listed = call.parameters.get(parameter)
        names = [str(name) for name in listed] if isinstance(listed, list) else [call.text(parameter)]
        if any(names):
            return [
                Need(
                    action,
                    name if name.startswith("arn:") else call.arn(service, resource.format(name.lstrip("/"))),
                    keys,
                )
                for name in names
            ]
    return [Need(action, "*", keys)]

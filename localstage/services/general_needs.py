"""What the calls need for which there is no module: ``{service}:{Operation}``.

The resource is the obvious ARN where a table here gives one, else ``*``: such a
call is allowed by statements whose Resource is ``*``. AWS has ARNs for more of
them, so the stage is stricter there than AWS.
"""

from __future__ import annotations

from localstage.door.call import AwsCall
from localstage.policy.document import Need

PREFIXES = {"monitoring": "cloudwatch", "email": "ses", "tagging": "tag", "cognito-idp": "cognito-idp"}
"""IAM's name of a service, where it is not that of the credential scope."""
_ARNS = {
    "ssm": (("Name", "parameter/{}"),),
    "secretsmanager": (("SecretId", "secret:{}"), ("Name", "secret:{}")),
    "kms": (("KeyId", "key/{}"),),
    "events": (("Rule", "rule/{}"), ("Name", "rule/{}")),
    "kinesis": (("StreamName", "stream/{}"),),
    "states": (("stateMachineArn", "{}"), ("executionArn", "{}")),
}


def needs(call: AwsCall) -> list[Need]:
    """The one need of a call."""
    service = PREFIXES.get(call.service, call.service)
    # An operation that cannot be told is granted by the whole service's wildcard alone.
    action = f"{service}:{call.operation or 'UnknownOperation'}"
    for parameter, resource in _ARNS.get(service, ()):
        name = call.text(parameter)
        if name:
            return [
                call.need(
                    action, name if name.startswith("arn:") else call.arn(service, resource.format(name.lstrip("/")))
                )
            ]
    return [call.need(action)]

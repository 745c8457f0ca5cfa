"""What STS's operations need.

AWS: Service Authorization Reference, "AWS Security Token Service".
"""

from __future__ import annotations

from localstage.door.call import AwsCall
from localstage.policy.document import Need

_NO_PERMISSION = {"GetCallerIdentity", "GetSessionToken"}
"""AWS: "No permissions are required": even an explicit deny does not matter for the first."""


def needs(call: AwsCall) -> list[Need]:
    """The needs of one call of STS."""
    operation = call.operation
    if operation in _NO_PERMISSION:
        return []
    if operation == "AssumeRole":
        return [
            call.need(
                "sts:AssumeRole",
                call.text("RoleArn"),
                sts__ExternalId=call.text("ExternalId"),
                sts__RoleSessionName=call.text("RoleSessionName"),
            )
        ]
    if operation == "GetFederationToken":
        return [call.need(f"sts:{operation}", call.arn("sts", f"federated-user/{call.text('Name')}", regional=False))]
    return [call.need(f"sts:{operation}")]

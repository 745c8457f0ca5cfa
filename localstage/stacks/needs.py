"""What CloudFormation's operations need.

AWS: Service Authorization Reference, "AWS CloudFormation". What the resources of
a stack need is asked at each call that makes them.
"""

from __future__ import annotations

from localstage.door.call import AwsCall
from localstage.policy.document import Need


def needs(call: AwsCall) -> list[Need]:
    """The resource is the stack: its id, or ``stack/{name}/*`` where only the name is given; ``*`` without one."""
    name, change_set, role = call.text("StackName"), call.text("ChangeSetName"), call.text("RoleARN")
    if name.startswith("arn:"):
        resource = name
    elif name:
        resource = call.arn("cloudformation", f"stack/{name}/*")
    elif change_set.startswith("arn:"):
        resource = change_set
    else:
        resource = call.arn("cloudformation", "stack/*") if call.operation == "DescribeStacks" else "*"
    found = [
        call.need(
            f"cloudformation:{call.operation}",
            resource,
            cloudformation__RoleArn=role,
            cloudformation__TemplateUrl=call.text("TemplateURL"),
            cloudformation__ChangeSetName=change_set.rpartition("/")[2] if change_set else None,
        )
    ]
    return found + call.need_to_pass(role, "cloudformation.amazonaws.com")

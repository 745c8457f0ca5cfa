"""What API Gateway's control plane, CloudFormation and CloudWatch need.

AWS: Service Authorization Reference, "Amazon API Gateway Management V2", "AWS
CloudFormation", "Amazon CloudWatch".
"""

from __future__ import annotations

from urllib.parse import quote, unquote

from localstage.door.call import AwsCall
from localstage.policy.document import Need
from localstage.services.awslambda.needs import pass_role

_OF_STACKS = {
    "CancelUpdateStack",
    "ContinueUpdateRollback",
    "CreateChangeSet",
    "CreateStack",
    "DeleteChangeSet",
    "DeleteStack",
    "DescribeChangeSet",
    "DescribeStackEvents",
    "DescribeStackResource",
    "DescribeStackResources",
    "DescribeStackResourceDrifts",
    "DescribeStacks",
    "DetectStackDrift",
    "ExecuteChangeSet",
    "GetStackPolicy",
    "GetTemplate",
    "GetTemplateSummary",
    "ListChangeSets",
    "ListStackResources",
    "RollbackStack",
    "SetStackPolicy",
    "SignalResource",
    "UpdateStack",
    "UpdateTerminationProtection",
}


def apigateway_needs(call: AwsCall) -> list[Need]:
    """The action is the HTTP method, the resource the path: ``apigateway:POST`` on ``…::/apis``."""
    path = "/" + unquote(call.raw_path).lstrip("/").removeprefix("v2/")
    needs = [call.need(f"apigateway:{call.method}", call.arn("apigateway", path, account=False))]
    if call.method == "POST" and call.request_tags() and not path.startswith("/tags"):
        needs.append(_tagging(call, path))
    role = _cloudwatch_role(call) if path == "/account" and call.method == "PATCH" else ""
    return needs + ([pass_role(call, role, "apigateway.amazonaws.com")] if role else [])


def _tagging(call: AwsCall, path: str) -> Need:
    """What it takes to make something with tags: the right to tag it as well.

    REST APIs: ``PUT`` on ``/tags/{arn}`` with the new id as ``*`` (mattclay/aws-terminator#284). APIs of version 2:
    ``POST``, and the ARN stands twice (cloudformation-coverage-roadmap#997). Guess: that this is so still.
    """
    made = call.arn("apigateway", path + "/*", account=False)
    if call.raw_path.startswith("/v2/"):
        return call.need(
            "apigateway:POST", call.arn("apigateway", call.arn("apigateway", "/tags/", account=False), account=False)
        )
    return call.need("apigateway:PUT", call.arn("apigateway", f"/tags/{quote(made, safe='*')}", account=False))


def _cloudwatch_role(call: AwsCall) -> str:
    operations = call.parameters.get("patchOperations") or []
    return next(
        (str(o.get("value")) for o in operations if o.get("path") == "/cloudwatchRoleArn" and o.get("value")), ""
    )


def cloudformation_needs(call: AwsCall) -> list[Need]:
    """The resource is the stack: its id, or ``stack/{name}/*`` where only the name is given."""
    operation = call.operation
    name = call.text("StackName")
    if operation not in _OF_STACKS:
        return [call.need(f"cloudformation:{operation}")]
    change_set = call.text("ChangeSetName")
    if name.startswith("arn:"):
        resource = name
    elif name:
        resource = call.arn("cloudformation", f"stack/{name}/*")
    elif change_set.startswith("arn:"):
        resource = change_set
    else:
        resource = call.arn("cloudformation", "stack/*") if operation == "DescribeStacks" else "*"
    role = call.text("RoleARN")
    needs = [
        call.need(
            f"cloudformation:{operation}",
            resource,
            cloudformation__RoleArn=role,
            cloudformation__TemplateUrl=call.text("TemplateURL"),
            cloudformation__ChangeSetName=change_set.rpartition("/")[2] if change_set else None,
        )
    ]
    return needs + ([pass_role(call, role, "cloudformation.amazonaws.com")] if role else [])


def cloudwatch_needs(call: AwsCall) -> list[Need]:
    """Alarms have ARNs; metrics have none."""
    operation = call.operation
    alarm = call.text("AlarmName")
    return [
        call.need(
            f"cloudwatch:{operation}",
            call.arn("cloudwatch", f"alarm:{alarm}") if alarm else "*",
            cloudwatch__namespace=call.text("Namespace"),
        )
    ]

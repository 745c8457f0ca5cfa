"""What API Gateway's control plane needs.

AWS: Service Authorization Reference, "Amazon API Gateway Management V2".
"""

from __future__ import annotations

from urllib.parse import quote, unquote

from localstage.door.call import AwsCall
from localstage.policy.document import Need


def needs(call: AwsCall) -> list[Need]:
    """The action is the HTTP method, the resource the path: ``apigateway:POST`` on ``…::/apis``."""
    path = "/" + unquote(call.raw_path).lstrip("/").removeprefix("v2/")
    found = [call.need(f"apigateway:{call.method}", call.arn("apigateway", path, account=False))]
    if call.method == "POST" and call.request_tags() and not path.startswith("/tags"):
        found.append(_tagging(call, path))
    role = _cloudwatch_role(call) if path == "/account" and call.method == "PATCH" else ""
    return found + call.need_to_pass(role, "apigateway.amazonaws.com")


def _tagging(call: AwsCall, path: str) -> Need:
    """What it takes to make something with tags: the right to tag it as well.

    REST APIs: ``PUT`` on ``/tags/{arn}`` with the new id as ``*`` (mattclay/aws-terminator#284). APIs of version 2:
    ``POST``, and the ARN stands twice (cloudformation-coverage-roadmap#997). Guess (Stacks whose caller): that this is so still.
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

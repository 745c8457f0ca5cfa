"""What IAM's operations need.

AWS: Service Authorization Reference, "AWS Identity and Access Management".
"""

from __future__ import annotations

import re
from typing import Any

from localstage.door.call import AwsCall
from localstage.policy.document import Need

_KINDS = (
    ("RoleName", "role"),
    ("UserName", "user"),
    ("GroupName", "group"),
    ("InstanceProfileName", "instance-profile"),
)
_LISTS = {
    "ListRoles": "role/",
    "ListUsers": "user/",
    "ListGroups": "group/",
    "ListPolicies": "policy/",
    "ListInstanceProfiles": "instance-profile/",
}
_TAGS = {
    "CreateRole": "TagRole",
    "CreateUser": "TagUser",
    "CreatePolicy": "TagPolicy",
    "CreateInstanceProfile": "TagInstanceProfile",
}
_OF_SELF = {"GetUser", "ListAccessKeys", "CreateAccessKey", "DeleteAccessKey", "UpdateAccessKey", "ChangePassword"}
_OF_GROUPS = {"AddUserToGroup", "RemoveUserFromGroup"}
_BOUNDED = re.compile(r"^(Attach|Detach|Put|Delete)(Role|User)(Policy|PermissionsBoundary)$")


def needs(call: AwsCall) -> list[Need]:
    """The needs of one call of IAM."""
    operation = call.operation
    resource = _resource(call)
    if operation == "AddRoleToInstanceProfile":
        profile = _named(call, "instance-profile", call.text("InstanceProfileName"))
        role = _named(call, "role", call.text("RoleName"))
        return [call.need(f"iam:{operation}", profile), call.need("iam:PassRole", role)]
    found = [call.need(f"iam:{operation}", resource, **_keys(call))]
    if operation in _TAGS and call.request_tags():
        found.append(call.need(f"iam:{_TAGS[operation]}", resource))
    return found


def _resource(call: AwsCall) -> str:
    operation = call.operation
    if operation in _LISTS:
        return call.arn("iam", _LISTS[operation] + call.text("PathPrefix").strip("/"), regional=False)
    if operation == "SimulatePrincipalPolicy":
        return call.text("PolicySourceArn")
    if operation == "CreatePolicy":
        return call.arn("iam", f"policy{call.text('Path') or '/'}{call.text('PolicyName')}", regional=False)
    if operation in _OF_GROUPS:
        return _named(call, "group", call.text("GroupName"))
    for parameter, kind in _KINDS:
        name = call.text(parameter)
        if name and operation.startswith("Create") and operation.lower() == f"create{kind}".replace("-", ""):
            return call.arn("iam", f"{kind}{call.text('Path') or '/'}{name}", regional=False)
        if name:
            return _named(call, kind, name)
    if call.text("PolicyArn"):
        return call.text("PolicyArn")
    return call.caller_arn if operation in _OF_SELF and ":user/" in call.caller_arn else "*"


def _named(call: AwsCall, kind: str, name: str) -> str:
    known = call.facts.arn_of_identity(kind, name)
    return known or call.arn("iam", f"{kind}/{name}", regional=False)


def _keys(call: AwsCall) -> dict[str, Any]:
    """``iam:PermissionsBoundary`` is the boundary asked for, or the one that is set where a policy changes."""
    boundary = call.text("PermissionsBoundary")
    bounded = _BOUNDED.match(call.operation)
    if bounded and not boundary:
        kind = bounded.group(2).lower()
        boundary = call.facts.boundary_of(kind, call.text("RoleName") or call.text("UserName")) or ""
    return {
        "iam__PermissionsBoundary": boundary,
        "iam__PolicyARN": call.text("PolicyArn"),
        "iam__AWSServiceName": call.text("AWSServiceName"),
    }

"""What the checks of lessons 3 to 5 ask of a function in a learner's template: who may call it, what its role may do.

A check asks about single calls, so it does not matter how a policy or a pattern
is written. Knows no exercise.
"""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Any

from classroom.exercises.checks import CheckFailed, check
from classroom.exercises.templates import Template, listed, statements_of

ADDRESS = "arn:aws:execute-api:us-east-1:123456789012:"
INDENT = "its indentation: a property stands two spaces deeper than the word Properties"
_OTHER_LOG = "arn:aws:logs:us-east-1:123456789012:log-group:/aws/lambda/lab-other:*"


def check_parameters(template: Template, given: Iterable[str]) -> None:
    """The template declares every parameter that its stack is given."""
    missing = [name for name in given if name not in template.parameters]
    if missing:
        raise CheckFailed(
            f"every parameter is there. The template has no {' and no '.join(missing)}. "
            "Look at: the part Parameters, and whether your cell has run."
        )
    print("ok: every parameter is there")


def table(short: str) -> str:
    """The ARN of one of the chat's tables, as the checks' values make it."""
    return f"arn:aws:dynamodb:us-east-1:123456789012:table/lab-{short}"


def check_callers(pattern: str, api_id: str, route: str, other_stage: str = "") -> None:
    """Which events a ``SourceArn`` lets through: those of one route of one API; of all stages if none is named."""
    other_route = "hello" if route == "sendMessage" else "sendMessage"
    callers = {
        f"{api_id}/prod/{route}": "may call",
        f"{api_id}/prod/{other_route}": "may not call",
        f"{'z' + api_id[1:]}/prod/{route}": "may not call",
    }
    if other_stage:
        callers[f"{api_id}/{other_stage}/{route}"] = "may not call"
    for caller, expected in callers.items():
        found = "may call" if fnmatchcase(ADDRESS + caller, pattern) else "may not call"
        if found != expected:
            raise CheckFailed(
                f"{ADDRESS}{caller} {expected} the function. With {pattern!r} it {found} it. "
                "Look at: each part of the pattern, from arn: to the route key; without !Sub, ${…} stays as it is."
            )
        print(f"ok: {caller} {expected} the function")


def check_permission(permission: dict[str, Any], function: str, properties: dict[str, Any]) -> None:
    """A permission is about this function, and lets API Gateway invoke it."""
    names = (f"<{function}>", f"<{function}.Arn>", properties.get("FunctionName"))
    if permission.get("FunctionName") not in names:
        raise CheckFailed(
            f"the permission is about the function. Found {permission.get('FunctionName')!r} instead of !Ref {function}. "
            f"Look at: FunctionName in the permission; {INDENT}."
        )
    for key, expected in (("Action", "lambda:InvokeFunction"), ("Principal", "apigateway.amazonaws.com")):
        check(f"the permission's {key}", permission.get(key), expected, look=f"{key} in the permission")


def check_role(
    role: dict[str, Any], logs: str, may: Iterable[tuple[str, str]] = (), may_not: Iterable[tuple[str, str]] = ()
) -> None:
    """Lambda may act as a role, which may write its log and do what ``may`` names, and not ``may_not``: pairs of action and ARN."""
    trusted = [one.get("Principal") for one in statements_of(role.get("AssumeRolePolicyDocument"))]
    check("Lambda may act as the role", trusted, [{"Service": "lambda.amazonaws.com"}], look="AssumeRolePolicyDocument")
    policies = role.get("Policies") or []
    granted = [one for policy in policies for one in statements_of(policy.get("PolicyDocument"))]
    own = f"<{logs}.Arn>"
    allowed = (("logs:CreateLogStream", own), ("logs:PutLogEvents", own), *may)
    refused = (
        ("logs:DeleteLogGroup", own),
        ("logs:PutLogEvents", _OTHER_LOG),
        ("dynamodb:DeleteTable", table("ChatMessages")),
        ("dynamodb:PutItem", table("ChatSessions")),
        *may_not,
    )
    for action, resource, expected in (
        *((*pair, "may") for pair in allowed),
        *((*pair, "may not") for pair in refused),
    ):
        found = "may" if any(_allows(one, action, resource) for one in granted) else "may not"
        where = "its log group" if resource == own else resource.removesuffix(":*")
        check(
            f"whether the function {expected} do {action} on {where}",
            found,
            expected,
            look="the role's Policies: Action and Resource of its statements",
        )


def _allows(statement: dict[str, Any], action: str, resource: str) -> bool:
    actions, resources = listed(statement.get("Action")), listed(statement.get("Resource"))
    return (
        statement.get("Effect") == "Allow"
        and any(fnmatchcase(action.lower(), one.lower()) for one in actions)
        and any(fnmatchcase(resource, one) or fnmatchcase(f"{resource}:x", one) for one in resources)
    )

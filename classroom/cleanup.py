"""Finding and deleting everything that the course made for one learner, and proving that nothing is left.

Ours is what has both the learner's prefix in its name and the course's tags.
Log groups of functions, which may carry no tags, count by their exact names.
Anything else is never touched. Works from any state, after a crash too.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from threading import Event

from botocore.exceptions import ClientError

from . import stack
from .account import Account
from .errors import OneSentence

FUNCTIONS = ("chat_handler", "connect", "disconnect", "send_message", "default", "authorizer")
GONE_WITHIN_S = 120.0


class SomethingIsLeft(OneSentence):
    """Clean-up ended and something of ours is still there; the text names it."""


@dataclass(frozen=True)
class Resource:
    """One thing in the account that is ours: ``kind`` as AWS calls it, ``key`` what deletes it."""

    kind: str
    name: str
    key: str


def find_ours(account: Account) -> list[Resource]:
    """Everything of the learner, in the order in which it must be deleted. Lesson 0's own names included."""
    owners = [account, Account(replace(account.target, prefix=account.name("start")))]
    return [resource for _, find, _ in _KINDS for owner in owners for resource in find(owner)]


def clean_up(account: Account) -> list[Resource]:
    """Delete everything of the learner and wait until it is gone; returns what was deleted.

    Raises ``SomethingIsLeft`` when something is still there after two minutes.
    """
    deleted: list[Resource] = []
    for kind, find, delete in _KINDS:
        for resource in [entry for entry in find_ours(account) if entry.kind == kind]:
            delete(account, resource)
            deleted.append(resource)
    deadline = time.monotonic() + GONE_WITHIN_S
    while left := find_ours(account):
        if time.monotonic() > deadline:
            names = ", ".join(f"{entry.kind} {entry.name}" for entry in left)
            raise SomethingIsLeft(f"Still there after {GONE_WITHIN_S:g} s: {names}. Run the cell again in a minute.")
        Event().wait(1.0)
    return deleted


def _is_ours(account: Account, name: str, tags: dict[str, str]) -> bool:
    return name.startswith(f"{account.prefix}-") and account.tags.items() <= tags.items()


def _dict(tags: list[dict[str, str]]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in tags}


def _apis(account: Account) -> Iterator[Resource]:
    for api in account.pages("apigatewayv2", "get_apis", "Items"):
        if _is_ours(account, api["Name"], api.get("Tags", {})):
            yield Resource("API", api["Name"], api["ApiId"])


def _stacks(account: Account) -> Iterator[Resource]:
    for entry in account.pages("cloudformation", "describe_stacks", "Stacks"):
        if _is_ours(account, entry["StackName"], _dict(entry.get("Tags", []))) and entry["StackStatus"] != "DELETE_COMPLETE":
            yield Resource("stack", entry["StackName"], entry["StackName"])


def _functions(account: Account) -> Iterator[Resource]:
    for function in account.pages("lambda", "list_functions", "Functions"):
        name = function["FunctionName"]
        if name.startswith(f"{account.prefix}-"):
            tags = account.client("lambda").list_tags(Resource=function["FunctionArn"]).get("Tags", {})
            if _is_ours(account, name, tags):
                yield Resource("function", name, name)


def _tables(account: Account) -> Iterator[Resource]:
    dynamodb = account.client("dynamodb")
    for name in account.pages("dynamodb", "list_tables", "TableNames"):
        if name.startswith(f"{account.prefix}-"):
            try:
                arn = dynamodb.describe_table(TableName=name)["Table"]["TableArn"]
                tags = _dict(dynamodb.list_tags_of_resource(ResourceArn=arn)["Tags"])
            except dynamodb.exceptions.ResourceNotFoundException:
                continue  # it went away in the meantime
            if _is_ours(account, name, tags):
                yield Resource("table", name, name)


def _roles(account: Account) -> Iterator[Resource]:
    for role in account.pages("iam", "list_roles", "Roles"):
        if role["RoleName"].startswith(f"{account.prefix}-"):
            tags = _dict(account.client("iam").list_role_tags(RoleName=role["RoleName"])["Tags"])
            if _is_ours(account, role["RoleName"], tags):
                yield Resource("role", role["RoleName"], role["RoleName"])


def _log_groups(account: Account) -> Iterator[Resource]:
    names = {f"/aws/lambda/{account.name(function)}" for function in FUNCTIONS}
    for group in account.pages("logs", "describe_log_groups", "logGroups", logGroupNamePrefix=f"/aws/lambda/{account.prefix}-"):
        if group["logGroupName"] in names:
            yield Resource("log group", group["logGroupName"], group["logGroupName"])


def _buckets(account: Account) -> Iterator[Resource]:
    try:
        tags = _dict(account.client("s3").get_bucket_tagging(Bucket=account.bucket)["TagSet"])
    except ClientError as error:
        if error.response["Error"]["Code"] in ("NoSuchBucket", "NoSuchTagSet", "AccessDenied"):
            return
        raise
    if _is_ours(account, account.bucket, tags):
        yield Resource("bucket", account.bucket, account.bucket)


def _delete_role(account: Account, role: Resource) -> None:
    iam = account.client("iam")
    for policy in account.pages("iam", "list_role_policies", "PolicyNames", RoleName=role.key):
        iam.delete_role_policy(RoleName=role.key, PolicyName=policy)
    for policy in account.pages("iam", "list_attached_role_policies", "AttachedPolicies", RoleName=role.key):
        iam.detach_role_policy(RoleName=role.key, PolicyArn=policy["PolicyArn"])
    iam.delete_role(RoleName=role.key)


def _delete_bucket(account: Account, bucket: Resource) -> None:
    s3 = account.client("s3")
    for entry in account.pages("s3", "list_objects_v2", "Contents", Bucket=bucket.key):
        s3.delete_object(Bucket=bucket.key, Key=entry["Key"])
    s3.delete_bucket(Bucket=bucket.key)


# In this order: an API before the stacks whose integrations its routes target,
# stacks before what they contain, functions before the logs they write.
_KINDS: tuple[tuple[str, Callable[[Account], Iterator[Resource]], Callable[[Account, Resource], None]], ...] = (
    ("API", _apis, lambda account, api: account.client("apigatewayv2").delete_api(ApiId=api.key)),
    ("stack", _stacks, lambda account, entry: stack.remove(account, entry.key)),
    ("function", _functions, lambda account, function: account.client("lambda").delete_function(FunctionName=function.key)),
    ("table", _tables, lambda account, table: account.client("dynamodb").delete_table(TableName=table.key)),
    ("role", _roles, _delete_role),
    ("log group", _log_groups, lambda account, group: account.client("logs").delete_log_group(logGroupName=group.key)),
    ("bucket", _buckets, _delete_bucket),
)

"""Finding and deleting everything that the course made for one learner, and proving that nothing is left.

Ours is what has both the learner's prefix in its name and the course's tags.
Log groups of functions, which may carry no tags, count by their exact names,
unless somebody else has a function of that name. Anything else is never touched. Works from any state, after a crash too.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from threading import Event
from typing import Any

from botocore.exceptions import ClientError

from classroom.account import stack
from classroom.account.account import Account
from classroom.errors import OneSentence
from classroom.labs.variants import VARIANTS, stack_name

FUNCTIONS = (
    *("chat_handler", "connect", "disconnect", "send_message", "default", "authorizer"),
    *("hello", "greeter", "own_chat"),
)
"""The functions of the course, then those that lesson 3 makes by hand and by a template, and lesson 7a by a template."""
INNER_PREFIXES = ("start", "dev", "prod", "sam")
"""What lessons 0 and 8, and ``.env.example``, put behind the learner's prefix for chats of their own."""
GONE_WITHIN_S = 600.0
_NO_USE_TRYING_AGAIN = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation")


class SomethingIsLeft(OneSentence):
    """Clean-up ended and something of ours is still there; the text names it and says why."""


@dataclass(frozen=True)
class Resource:
    """One thing in the account that is ours: ``kind`` as AWS calls it, ``key`` what deletes it."""

    kind: str
    name: str
    key: str


def find_ours(account: Account) -> list[Resource]:
    """Everything of the learner, in the order in which it must be deleted."""
    return [resource for kind in _KINDS for resource in _find(account, kind)]


def clean_up(
    account: Account,
    say: Callable[[Resource, str], None] = lambda resource, reason: None,
    within_s: float = GONE_WITHIN_S,
) -> list[Resource]:
    """Delete everything of the learner, in whatever state it is, and wait until it is gone; returns what was deleted.

    What AWS does not delete yet, such as a table that is being created, is
    tried again until it goes. ``say`` is told of each deletion with "", and of
    each refusal with its reason, once. Raises ``SomethingIsLeft`` when something is still there after ``within_s``
    seconds, and at once when all that is left may not be deleted by the caller.
    """
    deleted: dict[Resource, None] = {}
    refused: dict[Resource, str] = {}
    deadline = time.monotonic() + within_s
    while True:
        for kind in _KINDS:
            for resource in _find(account, kind):
                reason = _try_to_delete(account, kind, resource)
                if refused.get(resource) != reason and resource not in deleted:
                    say(resource, reason)
                if reason:
                    refused[resource] = reason
                else:
                    refused.pop(resource, None)
                    deleted[resource] = None
        left = find_ours(account)
        if not left:
            _wait_for_tables(account, deleted)
            return list(deleted)
        hopeless = all(refused.get(entry, "").startswith(_NO_USE_TRYING_AGAIN) for entry in left)
        if hopeless or time.monotonic() > deadline:
            reasons = "; ".join(
                f"{entry.kind} {entry.name} ({refused.get(entry, 'still being deleted')})" for entry in left
            )
            raise SomethingIsLeft(f"{len(left)} left: {reasons}. Mend what it says and clean up again.")
        Event().wait(1.0)


def _wait_for_tables(account: Account, deleted: Iterable[Resource]) -> None:
    """Wait until no deleted table is listed: one that is being deleted has no tags any more, so it looks like nobody's."""
    gone = account.client("dynamodb").get_waiter("table_not_exists")
    for resource in deleted:
        if resource.kind == "table":
            gone.wait(TableName=resource.key, WaiterConfig={"Delay": 1, "MaxAttempts": 120})


def _find(account: Account, kind: _Kind) -> list[Resource]:
    return [Resource(kind.name, *found) for found in kind.find(account)]


def _try_to_delete(account: Account, kind: _Kind, resource: Resource) -> str:
    """Ask AWS to delete; "" if it did or the thing is gone, else why not."""
    try:
        kind.delete(account, resource.key)
    except ClientError as error:
        refused = error.response["Error"]
        return "" if _is_gone(error) else f"{refused['Code']}: {refused['Message']}"
    except stack.StackFailed as error:
        return str(error)
    return ""


def _owners(account: Account) -> list[Account]:
    """The learner, and the learner's inner prefixes: whoever is the owner in a tag of ours."""
    return [account, *(Account(replace(account.target, prefix=account.name(inner))) for inner in INNER_PREFIXES)]


def _is_ours(account: Account, name: str, tags: dict[str, str]) -> bool:
    return any(name.startswith(f"{owner.prefix}-") and owner.tags.items() <= tags.items() for owner in _owners(account))


def _dict(tags: list[dict[str, str]]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in tags}


def _is_gone(error: ClientError) -> bool:
    """Whether what was asked for is not there any more: NotFoundException, NoSuchEntity, NoSuchBucket and the like."""
    code = error.response["Error"]["Code"]
    return "NotFound" in code or "NoSuch" in code


def _tags_unless_gone(tags_of: Callable[[str], dict[str, str]], one: str) -> dict[str, str]:
    """The tags of one thing; none, so that it is nobody's, if it went away in the meantime."""
    try:
        return tags_of(one)
    except ClientError as error:
        if _is_gone(error):
            return {}
        raise


def _apis(account: Account) -> Iterator[_Found]:
    for api in account.pages("apigatewayv2", "get_apis", "Items"):
        if _is_ours(account, api["Name"], api.get("Tags", {})):
            yield api["Name"], api["ApiId"]


def _stacks(account: Account) -> Iterator[_Found]:
    for entry in account.pages("cloudformation", "describe_stacks", "Stacks"):
        if (
            _is_ours(account, entry["StackName"], _dict(entry.get("Tags", [])))
            and entry["StackStatus"] != "DELETE_COMPLETE"
        ):
            yield entry["StackName"], entry["StackName"]


def _functions(account: Account) -> Iterator[_Found]:
    lambda_ = account.client("lambda")

    def tags_of(arn: str) -> dict[str, str]:
        return lambda_.list_tags(Resource=arn).get("Tags", {})

    for function in account.pages("lambda", "list_functions", "Functions"):
        name = function["FunctionName"]
        if name.startswith(f"{account.prefix}-"):
            tags = _tags_unless_gone(tags_of, function["FunctionArn"])
            if _is_ours(account, name, tags):
                yield name, name


def _functions_of_others(account: Account) -> set[str]:
    """The functions whose names begin as ours and which are not ours."""
    names = {function["FunctionName"] for function in account.pages("lambda", "list_functions", "Functions")}
    return {name for name in names if name.startswith(f"{account.prefix}-")} - {name for name, _ in _functions(account)}


def _tables(account: Account) -> Iterator[_Found]:
    dynamodb = account.client("dynamodb")

    def tags_of(name: str) -> dict[str, str]:
        arn = dynamodb.describe_table(TableName=name)["Table"]["TableArn"]
        return _dict(dynamodb.list_tags_of_resource(ResourceArn=arn)["Tags"])

    for name in account.pages("dynamodb", "list_tables", "TableNames"):
        if name.startswith(f"{account.prefix}-"):
            tags = _tags_unless_gone(tags_of, name)
            if _is_ours(account, name, tags):
                yield name, name


def _roles(account: Account) -> Iterator[_Found]:
    iam = account.client("iam")

    def tags_of(name: str) -> dict[str, str]:
        return _dict(iam.list_role_tags(RoleName=name)["Tags"])

    for role in account.pages("iam", "list_roles", "Roles"):
        name = role["RoleName"]
        if name.startswith(f"{account.prefix}-"):
            tags = _tags_unless_gone(tags_of, name)
            if _is_ours(account, name, tags):
                yield name, name


def _log_groups(account: Account) -> Iterator[_Found]:
    folder = "/aws/lambda/"
    names = {folder + owner.name(function) for owner in _owners(account) for function in FUNCTIONS}
    names |= {
        f"{folder}{stack_name(account, variant.name, form)}-{function}"
        for variant in VARIANTS
        for form in variant.forms
        for function in variant.functions
    }
    names -= {folder + function for function in _functions_of_others(account)}
    for group in account.pages(
        "logs", "describe_log_groups", "logGroups", logGroupNamePrefix=f"{folder}{account.prefix}-"
    ):
        name = group["logGroupName"]
        if name in names or _is_ours(account, name.removeprefix(folder), _tags_of_log_group(account, group)):
            yield name, name


def _tags_of_log_group(account: Account, group: dict[str, Any]) -> dict[str, str]:
    logs = account.client("logs")

    def tags_of(arn: str) -> dict[str, str]:
        return logs.list_tags_for_resource(resourceArn=arn).get("tags", {})

    return _tags_unless_gone(tags_of, group.get("logGroupArn") or group["arn"].removesuffix(":*"))


def _buckets(account: Account) -> Iterator[_Found]:
    for owner in _owners(account):
        try:
            tags = _dict(account.client("s3").get_bucket_tagging(Bucket=owner.bucket)["TagSet"])
        except ClientError as error:
            if _is_gone(error) or error.response["Error"]["Code"] == "AccessDenied":
                continue  # Untagged, or somebody else's.
            raise
        if _is_ours(account, owner.bucket, tags):
            yield owner.bucket, owner.bucket


def _delete_role(account: Account, name: str) -> None:
    iam = account.client("iam")
    for policy in account.pages("iam", "list_role_policies", "PolicyNames", RoleName=name):
        iam.delete_role_policy(RoleName=name, PolicyName=policy)
    for policy in account.pages("iam", "list_attached_role_policies", "AttachedPolicies", RoleName=name):
        iam.detach_role_policy(RoleName=name, PolicyArn=policy["PolicyArn"])
    iam.delete_role(RoleName=name)


def _delete_bucket(account: Account, name: str) -> None:
    """Delete a bucket with every version of every object, markers of deletion, and uploads that never ended."""
    s3 = account.client("s3")
    for key in ("Versions", "DeleteMarkers"):
        for entry in account.pages("s3", "list_object_versions", key, Bucket=name):
            s3.delete_object(Bucket=name, Key=entry["Key"], VersionId=entry["VersionId"])
    for upload in account.pages("s3", "list_multipart_uploads", "Uploads", Bucket=name):
        s3.abort_multipart_upload(Bucket=name, Key=upload["Key"], UploadId=upload["UploadId"])
    s3.delete_bucket(Bucket=name)


_Found = tuple[str, str]
"""A name for people, and the key that deletes it."""


@dataclass(frozen=True)
class _Kind:
    """One kind of resource: how ours are found, and how one is deleted by its key."""

    name: str
    find: Callable[[Account], Iterator[_Found]]
    delete: Callable[[Account, str], Any]


# In this order: an API before the stacks whose integrations its routes target,
# stacks before what they contain, functions before the logs they write.
_KINDS = (
    _Kind("API", _apis, lambda account, key: account.client("apigatewayv2").delete_api(ApiId=key)),
    _Kind("stack", _stacks, stack.remove),
    _Kind("function", _functions, lambda account, key: account.client("lambda").delete_function(FunctionName=key)),
    _Kind("table", _tables, lambda account, key: account.client("dynamodb").delete_table(TableName=key)),
    _Kind("role", _roles, _delete_role),
    _Kind("log group", _log_groups, lambda account, key: account.client("logs").delete_log_group(logGroupName=key)),
    _Kind("bucket", _buckets, _delete_bucket),
)

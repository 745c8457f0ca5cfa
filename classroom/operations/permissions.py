"""What a person must be allowed to do in order to take the course on AWS.

A table of actions and the resources they are used on, under the person's own
prefix. ``course.py live --check`` has IAM simulate it; cloudformation/instructor.yaml
grants it. It calls no AWS.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from classroom.account.target import Target


@dataclass(frozen=True)
class Need:
    """Some actions of one service, and the resources on which they are used."""

    actions: tuple[str, ...]
    resources: tuple[str, ...] = ("*",)


def _of(service: str, names: str) -> tuple[str, ...]:
    return tuple(f"{service}:{name}" for name in names.split())


_NEEDS = (
    Need(_of("dynamodb", "ListTables")),
    Need(
        _of(
            "dynamodb",
            "CreateTable DeleteTable DescribeTable TagResource ListTagsOfResource UpdateTimeToLive "
            "DescribeTimeToLive PutItem GetItem UpdateItem DeleteItem BatchWriteItem Query Scan",
        ),
        ("arn:aws:dynamodb:{region}:{account}:table/{prefix}-ChatMessages",),
    ),
    Need(_of("apigateway", "GET POST"), ("arn:aws:apigateway:{region}::/apis",)),
    Need(_of("apigateway", "GET POST PATCH DELETE"), ("arn:aws:apigateway:{region}::/apis/*",)),
    Need(
        _of("execute-api", "ManageConnections"),
        tuple(
            f"arn:aws:execute-api:{{region}}:{{account}}:*/prod/{method}/@connections/*" for method in ("GET", "POST")
        ),
    ),
    Need(_of("lambda", "ListFunctions")),
    Need(
        _of(
            "lambda",
            "CreateFunction DeleteFunction GetFunction GetFunctionConfiguration UpdateFunctionCode "
            "UpdateFunctionConfiguration InvokeFunction AddPermission RemovePermission GetPolicy ListTags TagResource",
        ),
        ("arn:aws:lambda:{region}:{account}:function:{prefix}-chat_handler",),
    ),
    Need(_of("iam", "ListRoles GetPolicy GetPolicyVersion SimulatePrincipalPolicy")),
    Need(
        _of(
            "iam",
            "CreateRole DeleteRole GetRole PutRolePolicy DeleteRolePolicy GetRolePolicy ListRolePolicies "
            "AttachRolePolicy DetachRolePolicy ListAttachedRolePolicies UpdateRole TagRole ListRoleTags PassRole",
        ),
        ("arn:aws:iam::{account}:role/{prefix}-chat_handler",),
    ),
    Need(_of("cloudformation", "DescribeStacks ValidateTemplate DescribeStackDriftDetectionStatus")),
    Need(
        _of(
            "cloudformation",
            "CreateStack UpdateStack DeleteStack DescribeStackEvents DescribeStackResources ListStackResources GetTemplate "
            "CreateChangeSet DescribeChangeSet ExecuteChangeSet DeleteChangeSet DetectStackDrift "
            "DescribeStackResourceDrifts",
        ),
        ("arn:aws:cloudformation:{region}:{account}:stack/{prefix}-handlers/*",),
    ),
    Need(_of("logs", "DescribeLogGroups")),
    Need(
        _of("logs", "CreateLogGroup DeleteLogGroup PutRetentionPolicy FilterLogEvents ListTagsForResource"),
        ("arn:aws:logs:{region}:{account}:log-group:/aws/lambda/{prefix}-chat_handler:*",),
    ),
    Need(_of("cloudwatch", "GetMetricData GetMetricStatistics DescribeAlarms")),
    Need(
        _of("cloudwatch", "PutMetricAlarm DeleteAlarms TagResource"),
        ("arn:aws:cloudwatch:{region}:{account}:alarm:{prefix}-dev-send_message-errors",),
    ),
    Need(_of("s3", "ListAllMyBuckets")),
    Need(
        _of(
            "s3",
            "CreateBucket DeleteBucket ListBucket ListBucketVersions ListBucketMultipartUploads "
            "PutBucketTagging GetBucketTagging",
        ),
        ("arn:aws:s3:::{prefix}-chat-{account}-{region}",),
    ),
    Need(
        _of("s3", "PutObject GetObject DeleteObject DeleteObjectVersion AbortMultipartUpload"),
        ("arn:aws:s3:::{prefix}-chat-{account}-{region}/*",),
    ),
)


def needs(target: Target) -> Iterator[Need]:
    """What the course needs, with the names of one person on one target."""
    names = {"region": target.region, "account": target.account_id, "prefix": target.prefix}
    for need in _NEEDS:
        yield Need(need.actions, tuple(resource.format(**names) for resource in need.resources))

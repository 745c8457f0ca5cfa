"""What CloudWatch Logs' operations need.

AWS: CloudWatch Logs user guide, "Overview of managing access": a policy names a
group with ``:*`` at its end, except for tags. The resources are those of denials:
``log-group:{group}:log-stream:{stream}``, with nothing after the last colon
where no stream is meant (github.com/vectordotdev/vector issue 714).
"""

from __future__ import annotations

from localstage.door.call import AwsCall
from localstage.policy.document import Need

_OF_STREAMS = {"CreateLogStream", "DeleteLogStream", "GetLogEvents", "PutLogEvents"}
_ON_ALL = {"DescribeQueries", "PutQueryDefinition"}
"""Operations that are allowed on ``*`` alone, although they name groups."""


def needs(call: AwsCall) -> list[Need]:
    """The needs of one call."""
    operation, body = call.operation, call.parameters
    if operation in ("TagResource", "UntagResource", "ListTagsForResource"):
        return [call.need(f"logs:{operation}", str(body.get("resourceArn", "")).removesuffix(":*") or "*")]
    group = body.get("logGroupName") or _name_of(body.get("logGroupIdentifier"))
    stream = body.get("logStreamName", "") if operation in _OF_STREAMS else ""
    listed = body.get("logGroupNames") or body.get("logGroupIdentifiers") or []
    names = [group] if group else [_name_of(name) for name in listed]
    if operation in _ON_ALL or (not names and operation != "DescribeLogGroups"):
        return [call.need(f"logs:{operation}")]
    needs = [
        call.need(f"logs:{operation}", log_stream_arn(call.region, call.account_id, name, stream))
        for name in names or [""]
    ]
    if operation == "CreateLogGroup" and body.get("tags"):
        needs.append(call.need("logs:TagResource", call.arn("logs", f"log-group:{group}")))
    return needs


def log_stream_arn(region: str, account_id: str, group: str, stream: str = "") -> str:
    """The ARN that a stream, or without one a group, has in IAM's eyes."""
    return f"arn:aws:logs:{region}:{account_id}:log-group:{group}:log-stream:{stream}"


def _name_of(identifier: object) -> str:
    """A group's name from its name or ARN."""
    text = str(identifier or "")
    return text.partition(":log-group:")[2].removesuffix(":*") if text.startswith("arn:") else text

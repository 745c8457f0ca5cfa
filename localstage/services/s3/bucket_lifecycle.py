"""A bucket's ``LifecycleConfiguration`` as S3's own API takes it. Objects do not age on a stage."""

from __future__ import annotations

from typing import Any

from localstage.stacks.resource_type import Properties, picked

_AS_IN_THE_API = ("AbortIncompleteMultipartUpload", "Status")
_EXPIRATION = {
    "ExpirationDate": "Date",
    "ExpirationInDays": "Days",
    "ExpiredObjectDeleteMarker": "ExpiredObjectDeleteMarker",
}
_TRANSITION = {"StorageClass": "StorageClass", "TransitionDate": "Date", "TransitionInDays": "Days"}
_NONCURRENT_TRANSITION = {
    "NewerNoncurrentVersions": "NewerNoncurrentVersions",
    "StorageClass": "StorageClass",
    "TransitionInDays": "NoncurrentDays",
}
_FILTER = {
    "ObjectSizeGreaterThan": "ObjectSizeGreaterThan",
    "ObjectSizeLessThan": "ObjectSizeLessThan",
    "Prefix": "Prefix",
}


def lifecycle(configuration: Properties) -> Properties:
    """The ``LifecycleConfiguration`` of PutBucketLifecycleConfiguration."""
    return {"Rules": [_rule(rule) for rule in configuration["Rules"]]}


def _rule(rule: Properties) -> Properties:
    made = {**picked(rule, _AS_IN_THE_API), "Filter": _filter(rule)}
    if "Id" in rule:
        made["ID"] = rule["Id"]
    expiration = _renamed(rule, _EXPIRATION)
    if expiration:
        made["Expiration"] = expiration
    if "NoncurrentVersionExpiration" in rule or "NoncurrentVersionExpirationInDays" in rule:
        days = (
            {"NoncurrentDays": rule["NoncurrentVersionExpirationInDays"]}
            if ("NoncurrentVersionExpirationInDays" in rule)
            else {}
        )
        made["NoncurrentVersionExpiration"] = {**days, **rule.get("NoncurrentVersionExpiration", {})}
    for name, single, words in (
        ("Transitions", "Transition", _TRANSITION),
        ("NoncurrentVersionTransitions", "NoncurrentVersionTransition", _NONCURRENT_TRANSITION),
    ):
        steps = [*rule.get(name, []), *([rule[single]] if single in rule else [])]
        if steps:
            made[name] = [_renamed(step, words) for step in steps]
    return made


def _filter(rule: Properties) -> Properties:
    tags = rule.get("TagFilters", [])
    parts = _renamed(rule, _FILTER)
    if len(parts) + len(tags) > 1:
        return {"And": {**parts, **({"Tags": tags} if tags else {})}}
    return {"Tag": tags[0]} if tags else parts or {"Prefix": ""}


def _renamed(values: Properties, names: dict[str, str]) -> dict[str, Any]:
    return {theirs: values[ours] for ours, theirs in names.items() if ours in values}

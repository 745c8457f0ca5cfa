"""``AWS::S3::Bucket`` and ``AWS::S3::BucketPolicy``."""

from __future__ import annotations

from typing import Any

from localstage.stacks.resource_type import ApiType, Properties, ResourceContext, ResourceType, picked


class Bucket(ResourceType):
    """A bucket; its physical id is its name. A bucket with objects cannot be deleted."""

    name = "AWS::S3::Bucket"
    deletion = ("s3", "delete_bucket", "Bucket")
    name_property = "BucketName"
    attribute_formats = {
        "Arn": "arn:aws:s3:::{id}",
        "DomainName": "{id}.s3.amazonaws.com",
        "DualStackDomainName": "{id}.s3.dualstack.{region}.amazonaws.com",
        "RegionalDomainName": "{id}.s3.{region}.amazonaws.com",
        "WebsiteURL": "http://{id}.s3-website-{region}.amazonaws.com",
    }
    unsupported = frozenset(
        {
            "AbacStatus",
            "AccelerateConfiguration",
            "AnalyticsConfigurations",
            "BucketNamePrefix",
            "BucketNamespace",
            "IntelligentTieringConfigurations",
            "InventoryConfigurations",
            "LoggingConfiguration",
            "MetadataConfiguration",
            "MetadataTableConfiguration",
            "MetricsConfigurations",
            "NotificationConfiguration",
            "ObjectLockConfiguration",
            "ReplicationConfiguration",
        }
    )

    def create(self, context: ResourceContext, properties: Properties) -> str:
        client = context.client("s3")
        name = properties.get("BucketName") or context.generated_name(63, lower=True)
        where = {}
        if context.region != "us-east-1":
            where = {"CreateBucketConfiguration": {"LocationConstraint": context.region}}
        acl = {"ACL": _canned_acl(properties["AccessControl"])} if _has_acl(properties) else {}
        lock = (
            {"ObjectLockEnabledForBucket": properties["ObjectLockEnabled"]}
            if properties.get("ObjectLockEnabled")
            else {}
        )
        client.create_bucket(Bucket=name, **where, **acl, **lock)
        context.on_created(name)
        _configure_bucket(client, name, {}, properties)
        return name

    def update(self, context: ResourceContext, physical_id: str, old: Properties, new: Properties) -> None:
        client = context.client("s3")
        if _has_acl(new) and old.get("AccessControl") != new["AccessControl"]:
            client.put_bucket_acl(Bucket=physical_id, ACL=_canned_acl(new["AccessControl"]))
        _configure_bucket(client, physical_id, old, new)


def _configure_bucket(client: Any, bucket: str, old: Properties, new: Properties) -> None:
    """Put each configuration that changed; delete each that the template dropped."""
    for name, (noun, argument, converted) in _BUCKET_CONFIGURATIONS.items():
        before, after = old.get(name), new.get(name)
        if before == after:
            continue
        if after is not None:
            put = getattr(client, f"put_{noun}")
            put(Bucket=bucket, **{argument: converted(after)})
        elif noun == "bucket_lifecycle_configuration":
            client.delete_bucket_lifecycle(Bucket=bucket)
        elif noun == "bucket_versioning":
            client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
        else:
            getattr(client, f"delete_{noun}")(Bucket=bucket)


def _tagging(tags: list[Any]) -> Properties:
    return {"TagSet": tags}


def _ownership(controls: Properties) -> Properties:
    return {"Rules": controls["Rules"]}


def _cors(configuration: Properties) -> Properties:
    names = {"Id": "ID", "ExposedHeaders": "ExposeHeaders", "MaxAge": "MaxAgeSeconds"}
    rules = configuration["CorsRules"]
    return {"CORSRules": [{names.get(k, k): v for k, v in rule.items()} for rule in rules]}


def _website(configuration: Properties) -> Properties:
    wanted = picked(configuration, ("RedirectAllRequestsTo",))
    if "IndexDocument" in configuration:
        wanted["IndexDocument"] = {"Suffix": configuration["IndexDocument"]}
    if "ErrorDocument" in configuration:
        wanted["ErrorDocument"] = {"Key": configuration["ErrorDocument"]}
    return wanted


def _encryption(configuration: Properties) -> Properties:
    return {
        "Rules": [
            {
                "ApplyServerSideEncryptionByDefault": rule["ServerSideEncryptionByDefault"],
                **picked(rule, ("BucketKeyEnabled",)),
            }
            for rule in configuration["ServerSideEncryptionConfiguration"]
        ]
    }


_AS_IN_S3 = ("AbortIncompleteMultipartUpload", "Status")
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


def _lifecycle(configuration: Properties) -> Properties:
    """The ``LifecycleConfiguration`` of PutBucketLifecycleConfiguration. Objects do not age here."""
    return {"Rules": [_rule(rule) for rule in configuration["Rules"]]}


def _rule(rule: Properties) -> Properties:
    made = {**picked(rule, _AS_IN_S3), "Filter": _filter(rule)}
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


_BUCKET_CONFIGURATIONS: dict[str, tuple[str, str, Any]] = {
    "BucketEncryption": ("bucket_encryption", "ServerSideEncryptionConfiguration", _encryption),
    "CorsConfiguration": ("bucket_cors", "CORSConfiguration", _cors),
    "LifecycleConfiguration": ("bucket_lifecycle_configuration", "LifecycleConfiguration", _lifecycle),
    "OwnershipControls": ("bucket_ownership_controls", "OwnershipControls", _ownership),
    "PublicAccessBlockConfiguration": ("public_access_block", "PublicAccessBlockConfiguration", dict),
    "Tags": ("bucket_tagging", "Tagging", _tagging),
    "VersioningConfiguration": ("bucket_versioning", "VersioningConfiguration", dict),
    "WebsiteConfiguration": ("bucket_website", "WebsiteConfiguration", _website),
}


def _has_acl(properties: Properties) -> bool:
    return "AccessControl" in properties


def _canned_acl(access_control: str) -> str:
    """``PublicRead`` to ``public-read``."""
    return "".join(f"-{c.lower()}" if c.isupper() else c for c in access_control).lstrip("-")


TYPES: tuple[ResourceType, ...] = (
    Bucket(),
    ApiType(
        "AWS::S3::BucketPolicy",
        "s3",
        "put_bucket_policy",
        "put_bucket_policy",
        "delete_bucket_policy",
        physical_id="{Bucket}",
        parents=("Bucket",),
        documents={"PolicyDocument": "Policy"},
    ),
)

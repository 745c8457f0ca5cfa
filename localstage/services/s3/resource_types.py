"""``AWS::S3::Bucket``, ``AWS::Logs::LogGroup`` and ``AWS::SSM::Parameter``."""

from __future__ import annotations

from typing import Any

from localstage.services.s3.bucket_lifecycle import lifecycle
from localstage.stacks.resource_type import (
    Properties,
    ResourceType,
    Work,
    change_tags,
    document,
    picked,
    tag_list,
    tag_map,
    unless_gone,
)


class Bucket(ResourceType):
    """A bucket; its physical id is its name. A bucket with objects cannot be deleted."""

    name = "AWS::S3::Bucket"
    name_property = "BucketName"
    not_run = frozenset(
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

    def create(self, work: Work, properties: Properties) -> str:
        client = work.client("s3")
        name = properties.get("BucketName") or work.generated_name(63, lower=True)
        where = {}
        if work.region != "us-east-1":
            where = {"CreateBucketConfiguration": {"LocationConstraint": work.region}}
        acl = {"ACL": _canned_acl(properties["AccessControl"])} if _has_acl(properties) else {}
        lock = (
            {"ObjectLockEnabledForBucket": properties["ObjectLockEnabled"]}
            if properties.get("ObjectLockEnabled")
            else {}
        )
        client.create_bucket(Bucket=name, **where, **acl, **lock)
        work.made(name)
        _configure_bucket(client, name, {}, properties)
        return name

    def update(self, work: Work, physical_id: str, old: Properties, new: Properties) -> None:
        client = work.client("s3")
        if _has_acl(new) and old.get("AccessControl") != new["AccessControl"]:
            client.put_bucket_acl(Bucket=physical_id, ACL=_canned_acl(new["AccessControl"]))
        _configure_bucket(client, physical_id, old, new)

    def delete(self, work: Work, physical_id: str, properties: Properties) -> None:
        unless_gone(work.client("s3").delete_bucket, Bucket=physical_id)

    def attributes(self, work: Work, physical_id: str, properties: Properties) -> Properties:
        domain = f"{physical_id}.s3"
        return {
            "Arn": f"arn:aws:s3:::{physical_id}",
            "DomainName": f"{domain}.amazonaws.com",
            "DualStackDomainName": f"{domain}.dualstack.{work.region}.amazonaws.com",
            "RegionalDomainName": f"{domain}.{work.region}.amazonaws.com",
            "WebsiteURL": f"http://{physical_id}.s3-website-{work.region}.amazonaws.com",
        }


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


_BUCKET_CONFIGURATIONS: dict[str, tuple[str, str, Any]] = {
    "BucketEncryption": ("bucket_encryption", "ServerSideEncryptionConfiguration", _encryption),
    "CorsConfiguration": ("bucket_cors", "CORSConfiguration", _cors),
    "LifecycleConfiguration": ("bucket_lifecycle_configuration", "LifecycleConfiguration", lifecycle),
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


class BucketPolicy(ResourceType):
    """The policy of a bucket; its physical id is the bucket's name."""

    name = "AWS::S3::BucketPolicy"

    def create(self, work: Work, properties: Properties) -> str:
        self.update(work, properties["Bucket"], {}, properties)
        return properties["Bucket"]

    def update(self, work: Work, physical_id: str, old: Properties, new: Properties) -> None:
        text = document(new["PolicyDocument"])
        work.client("s3").put_bucket_policy(Bucket=new["Bucket"], Policy=text)

    def delete(self, work: Work, physical_id: str, properties: Properties) -> None:
        unless_gone(work.client("s3").delete_bucket_policy, Bucket=properties["Bucket"])


class LogGroup(ResourceType):
    """A log group; its physical id is its name."""

    name = "AWS::Logs::LogGroup"
    name_property = "LogGroupName"
    not_run = frozenset(
        {"BearerTokenAuthenticationEnabled", "DataProtectionPolicy", "FieldIndexPolicies", "ResourcePolicyDocument"}
    )

    def create(self, work: Work, properties: Properties) -> str:
        client = work.client("logs")
        name = properties.get("LogGroupName") or work.generated_name(512)
        tags = {"tags": tag_map(properties["Tags"])} if properties.get("Tags") else {}
        key = {"kmsKeyId": properties["KmsKeyId"]} if "KmsKeyId" in properties else {}
        client.create_log_group(logGroupName=name, **tags, **key)
        work.made(name)
        self._retain(client, name, properties)
        return name

    def update(self, work: Work, physical_id: str, old: Properties, new: Properties) -> None:
        client = work.client("logs")
        if old.get("RetentionInDays") != new.get("RetentionInDays"):
            self._retain(client, physical_id, new)
        arn = f"arn:aws:logs:{work.region}:{work.account_id}:log-group:{physical_id}"
        change_tags(
            old,
            new,
            lambda tags: client.tag_resource(resourceArn=arn, tags=tags),
            lambda keys: client.untag_resource(resourceArn=arn, tagKeys=keys),
        )

    def delete(self, work: Work, physical_id: str, properties: Properties) -> None:
        unless_gone(work.client("logs").delete_log_group, logGroupName=physical_id)

    def attributes(self, work: Work, physical_id: str, properties: Properties) -> Properties:
        return {"Arn": f"arn:aws:logs:{work.region}:{work.account_id}:log-group:{physical_id}:*"}

    def _retain(self, client: Any, name: str, properties: Properties) -> None:
        days = properties.get("RetentionInDays")
        if days:
            client.put_retention_policy(logGroupName=name, retentionInDays=int(days))
        else:
            client.delete_retention_policy(logGroupName=name)


class Parameter(ResourceType):
    """A parameter of the Parameter Store; its physical id is its name."""

    name = "AWS::SSM::Parameter"
    name_property = "Name"

    def create(self, work: Work, properties: Properties) -> str:
        name = properties.get("Name") or work.generated_name(500)
        client = work.client("ssm")
        wanted = {key: value for key, value in properties.items() if key not in ("Name", "Tags")}
        client.put_parameter(Name=name, **wanted)
        work.made(name)
        self._tag(client, name, {}, properties)
        return name

    def update(self, work: Work, physical_id: str, old: Properties, new: Properties) -> None:
        client = work.client("ssm")
        wanted = {key: value for key, value in new.items() if key not in ("Name", "Tags")}
        client.put_parameter(Name=physical_id, Overwrite=True, **wanted)
        self._tag(client, physical_id, old, new)

    def delete(self, work: Work, physical_id: str, properties: Properties) -> None:
        unless_gone(work.client("ssm").delete_parameter, Name=physical_id)

    def attributes(self, work: Work, physical_id: str, properties: Properties) -> Properties:
        return picked(properties, ("Type", "Value"))

    def _tag(self, client: Any, name: str, old: Properties, new: Properties) -> None:
        where = {"ResourceType": "Parameter", "ResourceId": name}
        change_tags(
            old,
            new,
            lambda tags: client.add_tags_to_resource(**where, Tags=tag_list(tags)),
            lambda keys: client.remove_tags_from_resource(**where, TagKeys=keys),
        )


TYPES: tuple[ResourceType, ...] = (Bucket(), BucketPolicy(), LogGroup(), Parameter())

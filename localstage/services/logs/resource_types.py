"""``AWS::Logs::LogGroup``."""

from __future__ import annotations

from typing import Any

from localstage.stacks.resource_type import Properties, ResourceContext, ResourceType, Tagging, tag_map

_ARN = "arn:aws:logs:{region}:{account_id}:log-group:{id}"


class LogGroup(ResourceType):
    """A log group; its physical id is its name."""

    name = "AWS::Logs::LogGroup"
    deletion = ("logs", "delete_log_group", "logGroupName")
    name_property = "LogGroupName"
    attribute_formats = {"Arn": f"{_ARN}:*"}
    reads = ("LogGroupName", "RetentionInDays")
    unsupported = frozenset(
        {"BearerTokenAuthenticationEnabled", "DataProtectionPolicy", "FieldIndexPolicies", "ResourcePolicyDocument"}
    )

    def create(self, context: ResourceContext, properties: Properties) -> str:
        client = context.client("logs")
        name = properties.get("LogGroupName") or context.generated_name(512)
        tags = {"tags": tag_map(properties["Tags"])} if properties.get("Tags") else {}
        key = {"kmsKeyId": properties["KmsKeyId"]} if "KmsKeyId" in properties else {}
        client.create_log_group(logGroupName=name, **tags, **key)
        context.on_created(name)
        self._retain(client, name, properties)
        return name

    def update(self, context: ResourceContext, physical_id: str, old: Properties, new: Properties) -> None:
        client = context.client("logs")
        if old.get("RetentionInDays") != new.get("RetentionInDays"):
            self._retain(client, physical_id, new)
        tagging = Tagging("logs", _ARN, resource="resourceArn", tags="tags", as_map=True, keys="tagKeys")
        tagging.change(context, physical_id, old, new)

    def read(self, context: ResourceContext, physical_id: str, expected: Properties) -> Properties:
        client = context.client("logs")
        groups = client.describe_log_groups(logGroupNamePrefix=physical_id)["logGroups"]
        group = next((entry for entry in groups if entry["logGroupName"] == physical_id), None)
        if group is None:
            missing = {"Error": {"Code": "ResourceNotFoundException"}}
            raise client.exceptions.ResourceNotFoundException(missing, "DescribeLogGroups")
        return {"LogGroupName": physical_id, "RetentionInDays": group.get("retentionInDays")}

    def _retain(self, client: Any, name: str, properties: Properties) -> None:
        days = properties.get("RetentionInDays")
        if days:
            client.put_retention_policy(logGroupName=name, retentionInDays=int(days))
        else:
            client.delete_retention_policy(logGroupName=name)


TYPES: tuple[ResourceType, ...] = (LogGroup(),)

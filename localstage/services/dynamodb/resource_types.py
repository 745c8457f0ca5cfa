"""``AWS::DynamoDB::Table``."""

from __future__ import annotations

from typing import Any

from localstage.stacks.errors import ResourceFailure
from localstage.stacks.resource_type import (
    Properties,
    ResourceType,
    Work,
    change_tags,
    document,
    picked,
    tag_list,
    unless_gone,
)

_AS_IN_THE_API = (
    "AttributeDefinitions",
    "BillingMode",
    "DeletionProtectionEnabled",
    "GlobalSecondaryIndexes",
    "KeySchema",
    "LocalSecondaryIndexes",
    "OnDemandThroughput",
    "ProvisionedThroughput",
    "TableClass",
)
_INDEX_MEMBERS = ("IndexName", "KeySchema", "OnDemandThroughput", "Projection", "ProvisionedThroughput")


class Table(ResourceType):
    """A table; its physical id is its name."""

    name = "AWS::DynamoDB::Table"
    name_property = "TableName"
    not_run = frozenset({"ImportSourceSpecification", "KinesisStreamSpecification", "VectorIndexes", "WarmThroughput"})

    def create(self, work: Work, properties: Properties) -> str:
        client = work.client("dynamodb")
        name = properties.get("TableName") or work.generated_name(255)
        client.create_table(TableName=name, Tags=properties.get("Tags", []), **_table_arguments(properties))
        work.made(name)
        self._settle(work, name, {}, properties)
        return name

    def update(self, work: Work, physical_id: str, old: Properties, new: Properties) -> None:
        client = work.client("dynamodb")
        for change in _table_changes(old, new):
            client.update_table(TableName=physical_id, **change)
        self._settle(work, physical_id, old, new)
        arn = f"arn:aws:dynamodb:{work.region}:{work.account_id}:table/{physical_id}"
        change_tags(
            old,
            new,
            lambda tags: client.tag_resource(ResourceArn=arn, Tags=tag_list(tags)),
            lambda keys: client.untag_resource(ResourceArn=arn, TagKeys=keys),
        )

    def delete(self, work: Work, physical_id: str, properties: Properties) -> None:
        unless_gone(work.client("dynamodb").delete_table, TableName=physical_id)

    def attributes(self, work: Work, physical_id: str, properties: Properties) -> Properties:
        table = work.client("dynamodb").describe_table(TableName=physical_id)["Table"]
        streams = {"StreamArn": table["LatestStreamArn"]} if "LatestStreamArn" in table else {}
        return {"Arn": table["TableArn"], **streams}

    def replacing_changes(self, old: Properties, new: Properties) -> list[str]:
        """AWS: keys and local indexes are for good; so is the type of a defined attribute."""
        changes = [n for n in ("KeySchema", "LocalSecondaryIndexes") if old.get(n) != new.get(n)]
        before, after = _attribute_types(old), _attribute_types(new)
        if any(name in after and after[name] != kind for name, kind in before.items()):
            changes.append("AttributeDefinitions")
        return changes

    def _settle(self, work: Work, name: str, old: Properties, new: Properties) -> None:
        """The settings that DynamoDB has operations of their own for."""
        client = work.client("dynamodb")
        _set_time_to_live(client, name, old, new)
        recovery = new.get("PointInTimeRecoverySpecification")
        if recovery != old.get("PointInTimeRecoverySpecification"):
            client.update_continuous_backups(
                TableName=name, PointInTimeRecoverySpecification=recovery or {"PointInTimeRecoveryEnabled": False}
            )
        policy = new.get("ResourcePolicy")
        arn = f"arn:aws:dynamodb:{work.region}:{work.account_id}:table/{name}"
        if policy and policy != old.get("ResourcePolicy"):
            client.put_resource_policy(ResourceArn=arn, Policy=document(policy["PolicyDocument"]))
        elif not policy and old.get("ResourcePolicy"):
            client.delete_resource_policy(ResourceArn=arn)


def _set_time_to_live(client: Any, name: str, old: Properties, new: Properties) -> None:
    before, after = old.get("TimeToLiveSpecification"), new.get("TimeToLiveSpecification")
    if before == after:
        return
    was_on = before is not None and before.get("Enabled", True)
    if was_on and (after is None or after.get("AttributeName") != before.get("AttributeName")):
        off = {"Enabled": False, "AttributeName": before["AttributeName"]}
        client.update_time_to_live(TableName=name, TimeToLiveSpecification=off)
    if after is not None and (after.get("Enabled", True) or was_on):
        client.update_time_to_live(TableName=name, TimeToLiveSpecification=after)


def _table_arguments(properties: Properties) -> Properties:
    arguments = picked(properties, _AS_IN_THE_API)
    if "GlobalSecondaryIndexes" in arguments:
        arguments["GlobalSecondaryIndexes"] = [
            {name: value for name, value in index.items() if name in _INDEX_MEMBERS}
            for index in arguments["GlobalSecondaryIndexes"]
        ]
    if "StreamSpecification" in properties:
        arguments["StreamSpecification"] = _stream(properties)
    if "SSESpecification" in properties:
        arguments["SSESpecification"] = _encryption(properties)
    return arguments


def _stream(properties: Properties) -> Properties:
    wanted = properties.get("StreamSpecification")
    if wanted is None:
        return {"StreamEnabled": False}
    return {"StreamEnabled": True, "StreamViewType": wanted["StreamViewType"]}


def _encryption(properties: Properties) -> Properties:
    wanted = properties.get("SSESpecification") or {"SSEEnabled": False}
    return {"Enabled": wanted["SSEEnabled"], **picked(wanted, ("KMSMasterKeyId", "SSEType"))}


def _table_changes(old: Properties, new: Properties) -> list[Properties]:
    """The UpdateTable calls that get from old to new, at most one index made or deleted."""
    change = {
        name: new[name]
        for name in ("BillingMode", "DeletionProtectionEnabled", "OnDemandThroughput", "TableClass")
        if name in new and old.get(name) != new[name]
    }
    if "BillingMode" in old and "BillingMode" not in new:
        change["BillingMode"] = "PROVISIONED"
    if new.get("ProvisionedThroughput") not in (None, old.get("ProvisionedThroughput")):
        change["ProvisionedThroughput"] = new["ProvisionedThroughput"]
    if old.get("StreamSpecification") != new.get("StreamSpecification"):
        change["StreamSpecification"] = _stream(new)
    if old.get("SSESpecification") != new.get("SSESpecification"):
        change["SSESpecification"] = _encryption(new)
    if old.get("DeletionProtectionEnabled") and "DeletionProtectionEnabled" not in new:
        change["DeletionProtectionEnabled"] = False
    changes = [change] if change else []
    index_change = _index_change(old, new)
    return [*changes, index_change] if index_change else changes


def _index_change(old: Properties, new: Properties) -> Properties | None:
    before = {i["IndexName"]: i for i in old.get("GlobalSecondaryIndexes", [])}
    after = {i["IndexName"]: i for i in new.get("GlobalSecondaryIndexes", [])}
    updates: list[Properties] = [{"Create": after[n]} for n in after if n not in before]
    updates += [{"Delete": {"IndexName": n}} for n in before if n not in after]
    if len(updates) > 1:
        raise ResourceFailure("Cannot perform more than one GSI creation or deletion in a single update")
    for name in before.keys() & after.keys():
        if before[name] == after[name]:
            continue
        if any(before[name].get(k) != after[name].get(k) for k in ("KeySchema", "Projection")):
            raise ResourceFailure(
                "Cannot update GSI's properties other than Provisioned Throughput and "
                "Contributor Insights Specification. You can create a new GSI with a different "
                "name."
            )
        throughput = picked(after[name], ("OnDemandThroughput", "ProvisionedThroughput"))
        updates.append({"Update": {"IndexName": name, **throughput}})
    if not updates:
        return None
    return {"AttributeDefinitions": new["AttributeDefinitions"], "GlobalSecondaryIndexUpdates": updates}


def _attribute_types(properties: Properties) -> dict[str, str]:
    definitions = properties.get("AttributeDefinitions", [])
    return {item["AttributeName"]: item["AttributeType"] for item in definitions}


TYPES: tuple[ResourceType, ...] = (Table(),)

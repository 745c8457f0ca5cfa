"""``AWS::DynamoDB::Table``, and ``AWS::DynamoDB::GlobalTable`` with one replica."""

from __future__ import annotations

from typing import Any

from localstage.stacks.errors import ResourceFailure
from localstage.stacks.resource_type import (
    Properties,
    ResourceContext,
    ResourceType,
    Tagging,
    document,
    picked,
    shaped_as,
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


_ARN = "arn:aws:dynamodb:{region}:{account_id}:table/{id}"


class Table(ResourceType):
    """A table; its physical id is its name."""

    name = "AWS::DynamoDB::Table"
    deletion = ("dynamodb", "delete_table", "TableName")
    name_property = "TableName"
    unsupported = frozenset(
        {"ImportSourceSpecification", "KinesisStreamSpecification", "VectorIndexes", "WarmThroughput"}
    )
    reads = (
        *("TableName", "AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "LocalSecondaryIndexes"),
        *("BillingMode", "ProvisionedThroughput", "DeletionProtectionEnabled", "TimeToLiveSpecification"),
    )

    def create(self, context: ResourceContext, properties: Properties) -> str:
        client = context.client("dynamodb")
        name = properties.get("TableName") or context.generated_name(255)
        client.create_table(TableName=name, Tags=properties.get("Tags", []), **_table_arguments(properties))
        context.on_created(name)
        self._apply_settings(context, name, {}, properties)
        return name

    def update(self, context: ResourceContext, physical_id: str, old: Properties, new: Properties) -> None:
        client = context.client("dynamodb")
        for change in _table_changes(old, new):
            client.update_table(TableName=physical_id, **change)
        self._apply_settings(context, physical_id, old, new)
        Tagging("dynamodb", _ARN).change(context, physical_id, old, new)

    def attributes(self, context: ResourceContext, physical_id: str, properties: Properties) -> Properties:
        table = context.client("dynamodb").describe_table(TableName=physical_id)["Table"]
        streams = {"StreamArn": table["LatestStreamArn"]} if "LatestStreamArn" in table else {}
        return {"Arn": table["TableArn"], **streams}

    def read(self, context: ResourceContext, physical_id: str, expected: Properties) -> Properties | None:
        client = context.client("dynamodb")
        table = client.describe_table(TableName=physical_id)["Table"]
        mode = table.get("BillingModeSummary", {}).get("BillingMode", "PROVISIONED")
        throughput = picked(table.get("ProvisionedThroughput", {}), ("ReadCapacityUnits", "WriteCapacityUnits"))
        expiry = client.describe_time_to_live(TableName=physical_id)["TimeToLiveDescription"]
        on = expiry["TimeToLiveStatus"] in ("ENABLED", "ENABLING")
        return {
            **shaped_as(expected, table, self.reads),
            "BillingMode": mode,
            "ProvisionedThroughput": throughput if mode == "PROVISIONED" else None,
            "DeletionProtectionEnabled": table.get("DeletionProtectionEnabled", False),
            "TimeToLiveSpecification": {"AttributeName": expiry["AttributeName"], "Enabled": True} if on else None,
        }

    def replacing_changes(self, old: Properties, new: Properties) -> list[str]:
        """AWS: keys and local indexes are for good; so is the type of a defined attribute."""
        changes = [n for n in ("KeySchema", "LocalSecondaryIndexes") if old.get(n) != new.get(n)]
        before, after = _attribute_types(old), _attribute_types(new)
        if any(name in after and after[name] != kind for name, kind in before.items()):
            changes.append("AttributeDefinitions")
        return changes

    def _apply_settings(self, context: ResourceContext, name: str, old: Properties, new: Properties) -> None:
        """The settings that DynamoDB has operations of their own for."""
        client = context.client("dynamodb")
        _set_time_to_live(client, name, old, new)
        recovery = new.get("PointInTimeRecoverySpecification")
        if recovery != old.get("PointInTimeRecoverySpecification"):
            client.update_continuous_backups(
                TableName=name, PointInTimeRecoverySpecification=recovery or {"PointInTimeRecoveryEnabled": False}
            )
        policy = new.get("ResourcePolicy")
        arn = _ARN.format(id=name, region=context.region, account_id=context.account_id)
        if policy and policy != old.get("ResourcePolicy"):
            client.put_resource_policy(ResourceArn=arn, Policy=document(policy["PolicyDocument"]))
        elif not policy and old.get("ResourcePolicy"):
            client.delete_resource_policy(ResourceArn=arn)


def _set_time_to_live(client: Any, name: str, old: Properties, new: Properties) -> None:
    before, after = (properties.get("TimeToLiveSpecification") or {} for properties in (old, new))
    if before == after:
        return
    was_on = bool(before) and before.get("Enabled", True)
    if was_on and after.get("AttributeName") != before.get("AttributeName"):
        off = {"Enabled": False, "AttributeName": before["AttributeName"]}
        client.update_time_to_live(TableName=name, TimeToLiveSpecification=off)
    if after and (after.get("Enabled", True) or was_on):
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
    change: Properties = {
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


_OF_THE_TABLE = (
    "AttributeDefinitions",
    "BillingMode",
    "KeySchema",
    "LocalSecondaryIndexes",
    "SSESpecification",
    "StreamSpecification",
    "TableName",
    "TimeToLiveSpecification",
)
_OF_THE_REPLICA = (
    "DeletionProtectionEnabled",
    "PointInTimeRecoverySpecification",
    "ResourcePolicy",
    "TableClass",
    "Tags",
)
_REPLICA_NOT_RUN = ("KinesisStreamSpecification", "ReplicaSSESpecification")


class GlobalTable(Table):
    """A global table with one replica, which is a table: the CDK's ``TableV2`` makes one.

    Its settings are spread over the table and its replica; here they are put together as a table's.
    """

    name = "AWS::DynamoDB::GlobalTable"
    unsupported = frozenset({"GlobalTableWitnesses", "MultiRegionConsistency", "WarmThroughput"})

    def create(self, context: ResourceContext, properties: Properties) -> str:
        return super().create(context, _as_table(context, properties))

    def update(self, context: ResourceContext, physical_id: str, old: Properties, new: Properties) -> None:
        super().update(context, physical_id, _as_table(context, old), _as_table(context, new))

    def read(self, context: ResourceContext, physical_id: str, expected: Properties) -> Properties | None:
        return None


def _as_table(context: ResourceContext, properties: Properties) -> Properties:
    """The properties as those of a table. Raises ResourceFailure for more replicas than the stack's region."""
    replicas = properties.get("Replicas", [])
    if [replica.get("Region") for replica in replicas] != [context.region]:
        raise ResourceFailure(
            f"localstage has global tables with one replica, in the stack's region {context.region}, only"
        )
    replica = replicas[0]
    for name in _REPLICA_NOT_RUN:
        if name in replica:
            raise ResourceFailure(f"localstage does not support {name} of a replica of {GlobalTable.name}")
    table = {**picked(properties, _OF_THE_TABLE), **picked(replica, _OF_THE_REPLICA)}
    provisioned = properties.get("BillingMode", "PROVISIONED") == "PROVISIONED"
    if provisioned:
        table["ProvisionedThroughput"] = _capacity(properties, replica)
    if "GlobalSecondaryIndexes" in properties:
        of_replica = {index["IndexName"]: index for index in replica.get("GlobalSecondaryIndexes", [])}
        table["GlobalSecondaryIndexes"] = [
            {
                **picked(index, ("IndexName", "KeySchema", "Projection")),
                **(
                    {"ProvisionedThroughput": _capacity(index, of_replica.get(index["IndexName"], {}))}
                    if provisioned
                    else {}
                ),
            }
            for index in properties["GlobalSecondaryIndexes"]
        ]
    return table


def _capacity(writes: Properties, reads: Properties) -> Properties:
    """Fixed units, or where auto scaling begins: nothing here scales."""
    return {
        "ReadCapacityUnits": _units(reads.get("ReadProvisionedThroughputSettings", {}), "Read"),
        "WriteCapacityUnits": _units(writes.get("WriteProvisionedThroughputSettings", {}), "Write"),
    }


def _units(settings: Properties, direction: str) -> int:
    scaling = settings.get(f"{direction}CapacityAutoScalingSettings", {})
    units = settings.get(f"{direction}CapacityUnits", scaling.get("SeedCapacity", scaling.get("MinCapacity")))
    if units is None:
        raise ResourceFailure(f"A provisioned global table needs {direction}ProvisionedThroughputSettings")
    return int(units)


TYPES: tuple[ResourceType, ...] = (Table(), GlobalTable())

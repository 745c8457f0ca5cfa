"""``AWS::DynamoDB::GlobalTable`` with one replica, which is a table: the CDK's ``TableV2`` makes one.

Its settings are spread over the table and its replica; here they are put
together as those of ``AWS::DynamoDB::Table``.
"""

from __future__ import annotations

from localstage.services.dynamodb.resource_types import Table
from localstage.stacks.errors import ResourceFailure
from localstage.stacks.resource_type import Properties, ResourceType, Work, picked

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
    """A table; its physical id is its name."""

    name = "AWS::DynamoDB::GlobalTable"
    not_run = frozenset({"GlobalTableWitnesses", "MultiRegionConsistency", "WarmThroughput"})

    def create(self, work: Work, properties: Properties) -> str:
        return super().create(work, _as_table(work, properties))

    def update(self, work: Work, physical_id: str, old: Properties, new: Properties) -> None:
        super().update(work, physical_id, _as_table(work, old), _as_table(work, new))


def _as_table(work: Work, properties: Properties) -> Properties:
    """The properties as those of a table. Raises ResourceFailure for more replicas than the stack's region."""
    replicas = properties.get("Replicas", [])
    if [replica.get("Region") for replica in replicas] != [work.region]:
        raise ResourceFailure(
            f"The local stage has global tables with one replica, in the stack's region {work.region}, only"
        )
    replica = replicas[0]
    for name in _REPLICA_NOT_RUN:
        if name in replica:
            raise ResourceFailure(f"The local stage does not support {name} of a replica of {GlobalTable.name}")
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


TYPES: tuple[ResourceType, ...] = (GlobalTable(),)

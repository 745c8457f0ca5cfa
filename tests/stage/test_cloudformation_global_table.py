"""``AWS::DynamoDB::GlobalTable`` with one replica."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.stage.stacks import Stacks


@pytest.fixture
def stacks(aws) -> Stacks:
    """The stacks of the empty account."""
    return Stacks(aws)


def template(replicas: list[dict[str, Any]], **properties: Any) -> str:
    return json.dumps(
        {
            "Resources": {
                "Table": {
                    "Type": "AWS::DynamoDB::GlobalTable",
                    "Properties": {
                        "AttributeDefinitions": [
                            {"AttributeName": "id", "AttributeType": "S"},
                            {"AttributeName": "room", "AttributeType": "S"},
                        ],
                        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
                        "GlobalSecondaryIndexes": [
                            {
                                "IndexName": "by-room",
                                "Projection": {"ProjectionType": "ALL"},
                                "KeySchema": [{"AttributeName": "room", "KeyType": "HASH"}],
                            }
                        ],
                        "Replicas": replicas,
                        **properties,
                    },
                }
            },
            "Outputs": {"Arn": {"Value": {"Fn::GetAtt": ["Table", "Arn"]}}, "Name": {"Value": {"Ref": "Table"}}},
        }
    )


def table(stacks: Stacks) -> dict[str, Any]:
    return stacks.aws("dynamodb").describe_table(TableName=stacks.outputs("one")["Name"])["Table"]


def test_global_table_when_it_has_one_replica(stacks: Stacks):
    """It is a table with the settings of its replica; an update changes both."""
    here = {"Region": "us-east-1", "Tags": [{"Key": "who", "Value": "ann"}]}
    stacks.create("one", template([here], BillingMode="PAY_PER_REQUEST"))
    assert stacks.outputs("one")["Arn"] == table(stacks)["TableArn"]
    assert [index["IndexName"] for index in table(stacks)["GlobalSecondaryIndexes"]] == ["by-room"]
    tags = stacks.aws("dynamodb").list_tags_of_resource(ResourceArn=table(stacks)["TableArn"])["Tags"]
    assert {"Key": "who", "Value": "ann"} in tags
    stacks.update(
        "one",
        template(
            [{**here, "DeletionProtectionEnabled": True}],
            BillingMode="PAY_PER_REQUEST",
            StreamSpecification={"StreamViewType": "NEW_IMAGE"},
        ),
    )
    assert (table(stacks)["DeletionProtectionEnabled"], table(stacks)["StreamSpecification"]["StreamViewType"]) == (
        True,
        "NEW_IMAGE",
    )


def test_global_table_when_it_is_provisioned(stacks: Stacks):
    """Where auto scaling begins is the throughput."""
    scaling = {"MinCapacity": 3, "MaxCapacity": 9, "TargetTrackingScalingPolicyConfiguration": {"TargetValue": 70}}
    reads = {"ReadProvisionedThroughputSettings": {"ReadCapacityUnits": 5}}
    stacks.create(
        "one",
        template(
            [{"Region": "us-east-1", **reads, "GlobalSecondaryIndexes": [{"IndexName": "by-room", **reads}]}],
            BillingMode="PROVISIONED",
            WriteProvisionedThroughputSettings={"WriteCapacityAutoScalingSettings": scaling},
            GlobalSecondaryIndexes=[
                {
                    "IndexName": "by-room",
                    "Projection": {"ProjectionType": "ALL"},
                    "KeySchema": [{"AttributeName": "room", "KeyType": "HASH"}],
                    "WriteProvisionedThroughputSettings": {"WriteCapacityAutoScalingSettings": scaling},
                }
            ],
        ),
    )
    for described in (table(stacks), *table(stacks)["GlobalSecondaryIndexes"]):
        throughput = described["ProvisionedThroughput"]
        assert (throughput["ReadCapacityUnits"], throughput["WriteCapacityUnits"]) == (5, 3)


@pytest.mark.parametrize("regions", [["us-east-1", "eu-west-1"], ["eu-west-1"]])
def test_global_table_when_it_has_other_replicas(stacks: Stacks, regions: list[str]):
    """Replicas elsewhere are refused in one sentence, and no table is left."""
    stack = stacks.create("one", template([{"Region": region} for region in regions], BillingMode="PAY_PER_REQUEST"))
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    assert stacks.reason("one", "Table", "CREATE_FAILED") == (
        "localstage has global tables with one replica, in the stack's region us-east-1, only"
    )
    assert stacks.aws("dynamodb").list_tables()["TableNames"] == []

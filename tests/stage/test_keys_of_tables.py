"""Keys that DynamoDB does not take, which moto would: in a call, in an index, and in a stack."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

FIRST = "Invalid KeySchema: The first KeySchemaElement is not a HASH key type"
SECOND = "Invalid KeySchema: The second KeySchemaElement is not a RANGE key type"
ATTRIBUTES = [{"AttributeName": name, "AttributeType": "S"} for name in ("room", "sender")]


def key(room: str, sender: str) -> list[dict[str, str]]:
    """A KeySchema with these two types of keys."""
    return [{"AttributeName": "room", "KeyType": room}, {"AttributeName": "sender", "KeyType": sender}]


def order(schema: list[dict[str, str]], **more: Any) -> dict[str, Any]:
    """What CreateTable, and the type of CloudFormation, take for a table."""
    return {
        "TableName": "reactions",
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": ATTRIBUTES,
        "KeySchema": schema,
        **more,
    }


@pytest.mark.parametrize(
    ("kinds", "sentence"), [(("RANGE", "HASH"), FIRST), (("RANGE", "RANGE"), FIRST), (("HASH", "HASH"), SECOND)]
)
def test_table_when_its_key_is_in_the_wrong_order(aws, kinds, sentence):
    """The table's key, an index's, and that of a stack's table are refused in DynamoDB's words; nothing is made."""
    dynamodb, formation = aws("dynamodb"), aws("cloudformation")
    index = {"IndexName": "by-room", "KeySchema": key(*kinds), "Projection": {"ProjectionType": "ALL"}}
    for asked in (order(key(*kinds)), order(key("HASH", "RANGE"), GlobalSecondaryIndexes=[index])):
        with pytest.raises(ClientError) as caught:
            dynamodb.create_table(**asked)
        assert caught.value.response["Error"] == {"Code": "ValidationException", "Message": sentence}
    table = {"Type": "AWS::DynamoDB::Table", "Properties": order(key(*kinds))}
    formation.create_stack(StackName="reactions", TemplateBody=json.dumps({"Resources": {"Reactions": table}}))
    events = formation.describe_stack_events(StackName="reactions")["StackEvents"]
    failed = [one["ResourceStatusReason"] for one in events if one["ResourceStatus"] == "CREATE_FAILED"]
    assert sentence in failed[-1] and dynamodb.list_tables()["TableNames"] == []


def test_units_when_reading_is_measured(aws):
    """A scan and a query consume what they read, filters and projections or not: a unit for 4 KB, half if eventual."""
    dynamodb = aws("dynamodb")
    dynamodb.create_table(**order(key("HASH", "RANGE")))
    for number in range(20):
        row = {"room": f"r{number % 2}", "sender": f"s{number:02}", "text": "x" * 990}  # 1,008 bytes with their names
        dynamodb.put_item(TableName="reactions", Item={name: {"S": text} for name, text in row.items()})
    asked = {"TableName": "reactions", "ConsistentRead": True, "ReturnConsumedCapacity": "TOTAL"}
    room = {"ExpressionAttributeValues": {":room": {"S": "r1"}}}

    def units(answer: dict[str, Any]) -> float:
        return answer["ConsumedCapacity"]["CapacityUnits"]

    assert units(dynamodb.scan(**asked)) == 5
    assert units(dynamodb.scan(**{**asked, "ConsistentRead": False})) == 2.5
    filtered = dynamodb.scan(**asked, **room, FilterExpression="room = :room", ProjectionExpression="sender")
    assert (units(filtered), filtered["Count"], filtered["ScannedCount"]) == (5, 10, 20)
    assert units(dynamodb.scan(**asked, Limit=6)) == 2
    query = dynamodb.query(**asked, **room, KeyConditionExpression="room = :room", ProjectionExpression="sender")
    assert (units(query), query["Count"], set(query["Items"][0])) == (3, 10, {"sender"})
    nobody = {"ExpressionAttributeValues": {":room": {"S": "r9"}}, "KeyConditionExpression": "room = :room"}
    assert units(dynamodb.query(**asked, **nobody)) == 1
    parts = dynamodb.scan(**{**asked, "ReturnConsumedCapacity": "INDEXES"})["ConsumedCapacity"]
    assert parts == {"TableName": "reactions", "CapacityUnits": 5.0, "Table": {"CapacityUnits": 5.0}}
    assert "ConsumedCapacity" not in dynamodb.scan(TableName="reactions")

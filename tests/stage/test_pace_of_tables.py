"""DynamoDB at AWS's pace: what a program without a waiter meets."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from tests.stage.moved_functions import code_of, message_of


@pytest.fixture
def dynamodb(moved):
    """A client of DynamoDB on a stage whose time the test moves."""
    return moved.client("dynamodb")


def make_table(dynamodb, name: str) -> None:
    dynamodb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
    )


@pytest.fixture
def new_table(dynamodb) -> str:
    """The name of a table that is being created."""
    name = f"test-{uuid.uuid4().hex[:12]}"
    make_table(dynamodb, name)
    return name


@pytest.fixture
def table(moved, new_table) -> str:
    """The name of a table that is ACTIVE."""
    moved.move(1)
    return new_table


@pytest.fixture
def two_tables(moved, dynamodb) -> tuple[str, str]:
    """The names of two ACTIVE tables, of which the first ends with the second."""
    suffix = uuid.uuid4().hex[:12]
    names = f"MyChat-{suffix}", f"Chat-{suffix}"
    for name in names:
        make_table(dynamodb, name)
    moved.move(1)
    return names


def status_of(dynamodb, name: str) -> str:
    return dynamodb.describe_table(TableName=name)["Table"]["TableStatus"]


def row(key: str, **attributes: str) -> dict[str, Any]:
    return {name: {"S": text} for name, text in {"id": key, **attributes}.items()}


def test_table_when_it_was_just_made(moved, dynamodb, new_table):
    """A table is CREATING, its items are not found, and it cannot be deleted; then it is ACTIVE."""
    assert status_of(dynamodb, new_table) == "CREATING"
    assert message_of(dynamodb.put_item, TableName=new_table, Item=row("a")) == "Requested resource not found"
    assert (
        code_of(dynamodb.batch_write_item, RequestItems={new_table: [{"PutRequest": {"Item": row("a")}}]})
        == "ResourceNotFoundException"
    )
    assert message_of(dynamodb.delete_table, TableName=new_table) == (
        f"Attempt to change a resource which is still in use: Table is being created: {new_table}"
    )
    moved.move(1)
    assert status_of(dynamodb, new_table) == "ACTIVE"
    dynamodb.put_item(TableName=new_table, Item=row("a"))


def test_table_when_it_is_updated(moved, dynamodb, table):
    """A table is UPDATING, a second update is refused, and its items can be used all the time."""
    change = {
        "TableName": table,
        "BillingMode": "PROVISIONED",
        "ProvisionedThroughput": {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1},
    }
    assert dynamodb.update_table(**change)["TableDescription"]["TableStatus"] == "UPDATING"
    assert message_of(dynamodb.update_table, **change) == (
        f"Attempt to change a resource which is still in use: Table is being updated: {table}"
    )
    dynamodb.put_item(TableName=table, Item=row("a"))
    moved.move(1)
    assert status_of(dynamodb, table) == "ACTIVE"
    dynamodb.update_table(**change)


def test_table_when_it_is_deleted(moved, dynamodb, table):
    """A table is DELETING and listed, its name is taken, and then it is gone."""
    assert dynamodb.delete_table(TableName=table)["TableDescription"]["TableStatus"] == "DELETING"
    assert status_of(dynamodb, table) == "DELETING"
    assert table in dynamodb.list_tables()["TableNames"]
    assert message_of(
        dynamodb.create_table,
        TableName=table,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
    ) == (f"Attempt to change a resource which is still in use: Table is being deleted: {table}")
    moved.move(1)
    assert code_of(dynamodb.describe_table, TableName=table) == "ResourceNotFoundException"
    assert table not in dynamodb.list_tables()["TableNames"]


def test_time_to_live_when_it_is_changed(moved, dynamodb, table):
    """Time to live is ENABLING, a second change is refused meanwhile, and then it is ENABLED."""
    change = {"TableName": table, "TimeToLiveSpecification": {"Enabled": True, "AttributeName": "expires_at"}}

    def status() -> str:
        return dynamodb.describe_time_to_live(TableName=table)["TimeToLiveDescription"]["TimeToLiveStatus"]

    dynamodb.update_time_to_live(**change)
    assert status() == "ENABLING"
    change["TimeToLiveSpecification"]["Enabled"] = False
    assert message_of(dynamodb.update_time_to_live, **change) == (
        "Time to live has been modified multiple times within a fixed interval"
    )
    moved.move(2)
    assert status() == "ENABLED"


def test_index_when_it_was_just_made(moved, dynamodb, table):
    """An index is CREATING and cannot be read; then it is ACTIVE."""
    dynamodb.update_table(
        TableName=table,
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("id", "room")],
        GlobalSecondaryIndexUpdates=[
            {
                "Create": {
                    "IndexName": "by-room",
                    "KeySchema": [{"AttributeName": "room", "KeyType": "HASH"}],
                    "Projection": {"ProjectionType": "ALL"},
                }
            }
        ],
    )
    asked = {
        "TableName": table,
        "IndexName": "by-room",
        "KeyConditionExpression": "room = :room",
        "ExpressionAttributeValues": {":room": {"S": "global"}},
    }
    (index,) = dynamodb.describe_table(TableName=table)["Table"]["GlobalSecondaryIndexes"]
    assert index["IndexStatus"] == "CREATING"
    assert message_of(dynamodb.query, **asked) == "Cannot read from backfilling global secondary index: by-room"
    moved.move(1)
    assert dynamodb.query(**asked)["Items"] == []


def test_read_when_it_is_not_consistent(moved, dynamodb, table):
    """A read right after writes shows the table before them; a consistent one, or a later one, shows them."""
    for key in ("kept", "changed", "deleted"):
        dynamodb.put_item(TableName=table, Item=row(key, text="old"))
    moved.move(1)
    dynamodb.update_item(
        TableName=table,
        Key=row("changed"),
        UpdateExpression="SET #t = :new",
        ExpressionAttributeNames={"#t": "text"},
        ExpressionAttributeValues={":new": {"S": "new"}},
    )
    dynamodb.delete_item(TableName=table, Key=row("deleted"))
    dynamodb.transact_write_items(TransactItems=[{"Put": {"TableName": table, "Item": row("added", text="new")}}])

    def seen(**how: bool) -> dict[str, str]:
        return {item["id"]["S"]: item["text"]["S"] for item in dynamodb.scan(TableName=table, **how)["Items"]}

    old = {"kept": "old", "changed": "old", "deleted": "old"}
    new = {"kept": "old", "changed": "new", "added": "new"}
    assert seen() == old
    assert seen(ConsistentRead=True) == new
    assert "Item" not in dynamodb.get_item(TableName=table, Key=row("added"))
    assert "Item" in dynamodb.get_item(TableName=table, Key=row("added"), ConsistentRead=True)
    batch = dynamodb.batch_get_item(RequestItems={table: {"Keys": [row("deleted")]}})["Responses"][table]
    assert [item["text"]["S"] for item in batch] == ["old"]
    moved.move(0.5)
    assert seen() == new


@pytest.mark.parametrize("by_arn", [False, True])
def test_batch_when_one_table_is_named_like_the_end_of_another(moved, dynamodb, two_tables, by_arn):
    """Each table of a batch is read as its own part asks: MyChat consistently, Chat as it was a moment ago."""
    longer, shorter = two_tables
    parts = {}
    for name, consistent in ((longer, True), (shorter, False)):
        dynamodb.put_item(TableName=name, Item=row("a", text="new"))
        named = dynamodb.describe_table(TableName=name)["Table"]["TableArn"] if by_arn else name
        parts[named] = {"Keys": [row("a")], "ConsistentRead": consistent}
    found = dynamodb.batch_get_item(RequestItems=parts)["Responses"]
    assert [len(found[named]) for named in parts] == [1, 0]


def test_condition_when_a_row_was_just_written(dynamodb, table):
    """Writes see each other at once, whatever eventual reads show."""
    dynamodb.put_item(TableName=table, Item=row("a"))
    assert (
        code_of(dynamodb.put_item, TableName=table, Item=row("a"), ConditionExpression="attribute_not_exists(id)")
        == "ConditionalCheckFailedException"
    )


def test_account_when_it_is_emptied(moved, dynamodb, new_table):
    """Nothing of an emptied account is waited for: names are free, and stacks in progress do not go on."""
    stacks = moved.client("cloudformation")
    stacks.create_stack(StackName=new_table, TemplateBody='{"Resources": {"T": {"Type": "AWS::SNS::Topic"}}}')
    moved.empty()
    moved.move(10)
    assert dynamodb.list_tables()["TableNames"] == []
    assert stacks.list_stacks()["StackSummaries"] == []
    assert moved.client("sns").list_topics()["Topics"] == []
    stacks.create_stack(StackName=new_table, TemplateBody='{"Resources": {"T": {"Type": "AWS::SNS::Topic"}}}')
    assert stacks.describe_stacks(StackName=new_table)["Stacks"][0]["StackStatus"] == "CREATE_IN_PROGRESS"

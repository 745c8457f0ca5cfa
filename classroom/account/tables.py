"""The three tables of the chat, as lesson 1 leaves them: made, emptied, deleted.

The definitions here are those of notebook 01; a test compares what both make.
"""

from __future__ import annotations

from classroom.account.account import TABLES, Account

_WAIT = {"Delay": 1, "MaxAttempts": 300}


def ensure_tables(account: Account) -> None:
    """Make the tables that are missing and wait until all can be used."""
    dynamodb = account.client("dynamodb")
    existing = existing_tables(account)
    for short in TABLES:
        name = account.name(short)
        if name in existing and _is_being_deleted(account, name):
            dynamodb.get_waiter("table_not_exists").wait(TableName=name, WaiterConfig=_WAIT)
            existing.remove(name)
        if name not in existing:
            dynamodb.create_table(TableName=name, Tags=account.tag_list, **_definition(short))
    for short in TABLES:
        dynamodb.get_waiter("table_exists").wait(TableName=account.name(short), WaiterConfig=_WAIT)
    connections = account.name("ChatConnections")
    if dynamodb.describe_time_to_live(TableName=connections)["TimeToLiveDescription"]["TimeToLiveStatus"] == "DISABLED":
        dynamodb.update_time_to_live(
            TableName=connections, TimeToLiveSpecification={"Enabled": True, "AttributeName": "expires_at"}
        )


def empty_tables(account: Account) -> int:
    """Delete every row of the tables; the tables stay. How many rows there were."""
    deleted = 0
    for short in TABLES:
        name = account.name(short)
        table = account.client("dynamodb").describe_table(TableName=name)["Table"]
        attributes = [key["AttributeName"] for key in table["KeySchema"]]
        # Consistent, or a row that was written a moment ago would stay.
        keys = account.pages(
            "dynamodb",
            "scan",
            "Items",
            TableName=name,
            ConsistentRead=True,
            ProjectionExpression=", ".join(f"#{number}" for number in range(len(attributes))),
            ExpressionAttributeNames={f"#{number}": attribute for number, attribute in enumerate(attributes)},
        )
        for key in keys:
            account.client("dynamodb").delete_item(TableName=name, Key=key)
        deleted += len(keys)
    return deleted


def remove_tables(account: Account) -> None:
    """Delete the tables that exist and wait until they are gone."""
    dynamodb = account.client("dynamodb")
    existing = existing_tables(account)
    doomed = [account.name(short) for short in TABLES if account.name(short) in existing]
    for name in doomed:
        if not _is_being_deleted(account, name):
            # A table that is still being made or changed cannot be deleted.
            dynamodb.get_waiter("table_exists").wait(TableName=name, WaiterConfig=_WAIT)
            dynamodb.delete_table(TableName=name)
    for name in doomed:
        dynamodb.get_waiter("table_not_exists").wait(TableName=name, WaiterConfig=_WAIT)


def existing_tables(account: Account) -> set[str]:
    """The names of the learner's tables."""
    return {
        name for name in account.pages("dynamodb", "list_tables", "TableNames") if name.startswith(f"{account.prefix}-")
    }


def _is_being_deleted(account: Account, name: str) -> bool:
    dynamodb = account.client("dynamodb")
    try:
        return dynamodb.describe_table(TableName=name)["Table"]["TableStatus"] == "DELETING"
    except dynamodb.exceptions.ResourceNotFoundException:
        return True  # It is gone by now.


def _definition(short: str) -> dict:
    on_demand = {"BillingMode": "PAY_PER_REQUEST"}
    if short == "ChatMessages":
        return {**on_demand, **_keys(("room_id", "S", "HASH"), ("timestamp", "N", "RANGE"))}
    if short == "ChatConnections":
        return {
            **_keys(("connection_id", "S", "HASH")),
            "BillingMode": "PROVISIONED",
            "ProvisionedThroughput": {"ReadCapacityUnits": 5, "WriteCapacityUnits": 5},
        }
    return {**on_demand, **_keys(("connection_id", "S", "HASH"))}


def _keys(*keys: tuple[str, str, str]) -> dict:
    return {
        "AttributeDefinitions": [{"AttributeName": name, "AttributeType": kind} for name, kind, _ in keys],
        "KeySchema": [{"AttributeName": name, "KeyType": role} for name, _, role in keys],
    }

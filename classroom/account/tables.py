"""The three tables of the chat, as lesson 1 leaves them: made, emptied, deleted.

The definitions here are those of notebook 01; a test compares what both make.
"""

from __future__ import annotations

from classroom.account.account import TABLES, Account
from classroom.account.api import is_connected

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


def rows(account: Account) -> dict[str, int]:
    """How many rows each of the tables has that exist, by its short name."""
    existing = existing_tables(account)
    return {short: len(_keys_in(account, short)) for short in TABLES if account.name(short) in existing}


def empty_tables(account: Account) -> None:
    """Delete every row of the tables; the tables stay."""
    for short in TABLES:
        for key in _keys_in(account, short):
            account.client("dynamodb").delete_item(TableName=account.name(short), Key=key)


def forget_ended(account: Account, api_id: str | None) -> None:
    """Delete the rows of connections that API Gateway no longer knows, as a broadcast would."""
    name, dynamodb = account.name("ChatConnections"), account.client("dynamodb")
    for key in _keys_in(account, "ChatConnections"):
        if api_id is None or not is_connected(account, api_id, key["connection_id"]["S"]):
            dynamodb.delete_item(TableName=name, Key=key)


def _keys_in(account: Account, short: str) -> list[dict]:
    """The keys of all rows of a table."""
    name = account.name(short)
    schema = account.client("dynamodb").describe_table(TableName=name)["Table"]["KeySchema"]
    return account.pages(
        "dynamodb",
        "scan",
        "Items",
        TableName=name,
        ConsistentRead=True,  # or a row that was written a moment ago would be overlooked
        ProjectionExpression=", ".join(f"#{number}" for number in range(len(schema))),
        ExpressionAttributeNames={f"#{number}": key["AttributeName"] for number, key in enumerate(schema)},
    )


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

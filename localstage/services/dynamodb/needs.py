"""What DynamoDB's operations need.

AWS: Service Authorization Reference, "Amazon DynamoDB"; developer guide, "Using
IAM policy conditions for fine-grained access control". Batches need their own
action on each table, transactions the action of each item.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from localstage.door.call import AwsCall
from localstage.policy.document import Need

_TRANSACTION_ACTIONS = {
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
    "Get": "GetItem",
}
_ON_ALL = {"ListTables": "table/*", "ListBackups": "*", "ListStreams": "*"}
_NAME = r'"?([A-Za-z0-9_.-]+)"?'
_PARTIQL = (
    (re.compile(rf"^\s*SELECT\b.*?\bFROM\s+{_NAME}(?:\s*\.\s*{_NAME})?", re.IGNORECASE | re.DOTALL), "PartiQLSelect"),
    (re.compile(rf"^\s*INSERT\s+INTO\s+{_NAME}", re.IGNORECASE), "PartiQLInsert"),
    (re.compile(rf"^\s*UPDATE\s+{_NAME}", re.IGNORECASE), "PartiQLUpdate"),
    (re.compile(rf"^\s*DELETE\s+FROM\s+{_NAME}", re.IGNORECASE), "PartiQLDelete"),
)
_EQUALS = re.compile(r"(#?[A-Za-z0-9_.-]+)\s*=\s*(:[A-Za-z0-9_]+)")


def needs(call: AwsCall) -> list[Need]:
    """The needs of one call."""
    operation, body = call.operation, call.parameters
    if operation == "BatchGetItem":
        return [
            _item_need(call, operation, table, list(request.get("Keys", [])))
            for table, request in _mapping(body.get("RequestItems")).items()
        ]
    if operation == "BatchWriteItem":
        return [
            _item_need(call, operation, table, [_written(write) for write in writes])
            for table, writes in _mapping(body.get("RequestItems")).items()
        ]
    if operation in ("TransactWriteItems", "TransactGetItems"):
        return list(_of_transaction(call, body.get("TransactItems") or []))
    if operation in ("ExecuteStatement", "BatchExecuteStatement", "ExecuteTransaction"):
        return _of_statements(call)
    if operation in _ON_ALL:
        resource = _ON_ALL[operation]
        return [call.need(f"dynamodb:{operation}", call.arn("dynamodb", resource) if resource != "*" else "*")]
    return _of_one_resource(call, operation, body)


def _of_one_resource(call: AwsCall, operation: str, body: Mapping[str, Any]) -> list[Need]:
    arn = body.get("ResourceArn") or body.get("StreamArn") or body.get("BackupArn") or body.get("ExportArn")
    if arn or not body.get("TableName"):
        return [call.need(f"dynamodb:{operation}", arn or "*")]
    resource = _table_arn(call, body["TableName"])
    if body.get("IndexName") and operation in ("Query", "Scan"):
        resource += f"/index/{body['IndexName']}"
    needs = [call.need(f"dynamodb:{operation}", resource, **_keys(call, operation, body))]
    if operation == "CreateTable" and body.get("Tags"):
        needs.append(call.need("dynamodb:TagResource", resource))
    return needs


def _keys(call: AwsCall, operation: str, body: Mapping[str, Any]) -> dict[str, Any]:
    item = body.get("Key") or body.get("Item")
    leading: Callable[[], Sequence[str]] | None = None
    if item:
        leading = lambda: _leading_keys(call, body["TableName"], [item])  # noqa: E731 - asked only if a policy asks
    elif operation == "Query":
        leading = lambda: _leading_keys_of_query(body)  # noqa: E731
    return {
        "dynamodb__LeadingKeys": leading,
        "dynamodb__Select": body.get("Select"),
        "dynamodb__ReturnValues": body.get("ReturnValues"),
    }


def _item_need(call: AwsCall, operation: str, table: str, items: list[Mapping[str, Any]]) -> Need:
    return call.need(
        f"dynamodb:{operation}",
        _table_arn(call, table),
        dynamodb__LeadingKeys=lambda: _leading_keys(call, table, items),
    )


def _of_transaction(call: AwsCall, items: list[Any]) -> Iterator[Need]:
    for item in items:
        for kind, request in _mapping(item).items():
            table = request.get("TableName", "")
            written = request.get("Key") or request.get("Item") or {}
            yield _item_need(call, _TRANSACTION_ACTIONS.get(kind, kind), table, [written])


def _of_statements(call: AwsCall) -> list[Need]:
    body = call.parameters
    listed = body.get("Statements") or body.get("TransactStatements") or [body]
    found = []
    for entry in listed:
        statement = str(_mapping(entry).get("Statement", ""))
        for pattern, action in _PARTIQL:
            match = pattern.match(statement)
            if match:
                index = match.group(2) if action == "PartiQLSelect" else None
                found.append(
                    call.need(
                        f"dynamodb:{action}", _table_arn(call, match.group(1)) + (f"/index/{index}" if index else "")
                    )
                )
                break
        else:  # Not one of the four statements: DynamoDB itself will refuse it.
            found.append(call.need("dynamodb:PartiQLSelect", call.arn("dynamodb", "table/*")))
    return found


def _table_arn(call: AwsCall, name: str) -> str:
    return name if name.startswith("arn:") else call.arn("dynamodb", f"table/{name}")


def _leading_keys(call: AwsCall, table: str, items: list[Mapping[str, Any]]) -> Sequence[str]:
    name = call.facts.partition_key_of(call.region, table.rpartition("/")[2])
    return tuple(_plain(item[name]) for item in items if name in item)


def _leading_keys_of_query(body: Mapping[str, Any]) -> Sequence[str]:
    """The value of the one equality; a query has exactly one on the partition key, and it comes first or alone."""
    for match in _EQUALS.finditer(str(body.get("KeyConditionExpression", ""))):
        value = _mapping(body.get("ExpressionAttributeValues")).get(match.group(2))
        return (_plain(value),) if value is not None else ()
    for condition in _mapping(body.get("KeyConditions")).values():
        if condition.get("ComparisonOperator") == "EQ":
            return tuple(_plain(value) for value in condition.get("AttributeValueList", []))
    return ()


def _plain(value: Any) -> str:
    """``{"S": "alice"}`` as ``alice``."""
    return str(next(iter(value.values()))) if isinstance(value, Mapping) and value else str(value)


def _written(write: Any) -> Mapping[str, Any]:
    request = _mapping(write)
    return request.get("PutRequest", {}).get("Item") or request.get("DeleteRequest", {}).get("Key") or {}


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}

"""DynamoDB's control plane at AWS's pace: CREATING, UPDATING, DELETING, ENABLING.

A table that has been deleted is kept here as a shadow until AWS would be done
with it. AWS: DynamoDB API reference, CreateTable, UpdateTable, DeleteTable and
UpdateTimeToLive. Does not know items; what reads see of them is eventual_reads.py's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from localstage.door.call import Answer, AwsCall
from localstage.door.delays import Delays, PendingUntil
from localstage.door.refusal import Refusal

_Table = tuple[str, str]
"""Region and table name."""

_ITEM_OPERATIONS = frozenset(
    (
        "GetItem",
        "PutItem",
        "UpdateItem",
        "DeleteItem",
        "Query",
        "Scan",
        "BatchGetItem",
        "BatchWriteItem",
        "TransactGetItems",
        "TransactWriteItems",
    )
)
# AWS, by ExtendDB/extenddb#204, tried on the real service: a table that is not active yet is not found.
_NOT_FOUND = ("ResourceNotFoundException", "Requested resource not found")
_IN_USE = "Attempt to change a resource which is still in use: Table is being {}: {}"


@dataclass(frozen=True)
class _Shadow:
    """A deleted table that AWS still shows."""

    description: dict[str, Any]
    until: float


class TablePace:
    """What callers see of the tables of one account, and what they must wait for."""

    def __init__(self, delays: Delays):
        self._delays = delays
        self._creating: PendingUntil[_Table] = PendingUntil()
        self._updating: PendingUntil[_Table] = PendingUntil()
        self._indexes: PendingUntil[tuple[str, str, str]] = PendingUntil()
        self._time_to_live: PendingUntil[_Table] = PendingUntil()
        self._shadows: dict[_Table, _Shadow] = {}

    def refusal(self, call: AwsCall, now: float) -> Refusal | None:
        """What AWS answers instead of doing the call; None when it does it."""
        names = [(call.region, name) for name in tables_of(call)]
        if call.operation in _ITEM_OPERATIONS:
            if any(self._creating.has(name, now) for name in names):
                return Refusal(*_NOT_FOUND)
            return self._index_refusal(call, now)
        if not names:
            return None
        if call.operation in ("CreateTable", "UpdateTable", "DeleteTable"):
            return self._in_use(names[0], call.operation, now)
        if call.operation == "UpdateTimeToLive":
            if self._creating.has(names[0], now):
                # Guess (`UpdateTimeToLive`): as UpdateTable is.
                return Refusal("ResourceInUseException", _IN_USE.format("created", names[0][1]))
            if self._time_to_live.has(names[0], now):
                # AWS: UpdateTimeToLive, a second change while the first is being processed; the text is aws-cdk's.
                return Refusal(
                    "ValidationException", "Time to live has been modified multiple times within a fixed interval"
                )
        return None

    def _in_use(self, name: _Table, operation: str, now: float) -> Refusal | None:
        shadow = self._shadow(name, now)
        if shadow is not None:
            return Refusal("ResourceInUseException", _IN_USE.format("deleted", name[1]))
        if operation == "CreateTable":
            return None
        for work, participle in ((self._creating, "created"), (self._updating, "updated")):
            if work.has(name, now):
                return Refusal("ResourceInUseException", _IN_USE.format(participle, name[1]))
        return None

    def _index_refusal(self, call: AwsCall, now: float) -> Refusal | None:
        index = call.text("IndexName")
        for table in tables_of(call) if index else ():
            if self._indexes.has((call.region, table, index), now):
                # AWS, by aws-cli#4845.
                return Refusal("ValidationException", f"Cannot read from backfilling global secondary index: {index}")
        return None

    def shown(self, call: AwsCall, answer: Answer, now: float) -> Answer:
        """The answer as AWS would give it now. Takes note of what the call has begun."""
        if call.operation == "ListTables":
            return self._listed(call, answer, now)
        names = [(call.region, name) for name in tables_of(call)]
        if len(names) != 1:
            return answer
        name, document = names[0], answer.document()
        if call.operation == "DescribeTable":
            shadow = self._shadow(name, now)
            if shadow is not None and answer.status == 400:
                return answer.with_document({"Table": shadow.description}, 200)
            self._shadows.pop(name, None)  # A stack has made a table of this name.
        if answer.status == 200:
            self._begin(call, name, document, now)
        for key in ("Table", "TableDescription"):
            if key in document:
                document[key] = self._described(name, document[key], now)
                return answer.with_document(document)
        if call.operation == "DescribeTimeToLive" and self._time_to_live.has(name, now):
            description = document.get("TimeToLiveDescription", {})
            ending = {"ENABLED": "ENABLING", "DISABLED": "DISABLING"}
            status = description.get("TimeToLiveStatus", "")
            description["TimeToLiveStatus"] = ending.get(status, status)
            return answer.with_document(document)
        return answer

    def _begin(self, call: AwsCall, name: _Table, document: dict[str, Any], now: float) -> None:
        done = now + self._delays.table_s
        if call.operation == "CreateTable":
            self._forget(name)
            self._creating.begin(name, done)
        elif call.operation == "UpdateTable":
            self._updating.begin(name, done)
            for change in call.parameters.get("GlobalSecondaryIndexUpdates") or ():
                if "Create" in change:
                    self._indexes.begin((*name, change["Create"]["IndexName"]), done)
        elif call.operation == "DeleteTable":
            self._forget(name)
            shown = {**document.get("TableDescription", {}), "TableStatus": "DELETING"}
            self._shadows[name] = _Shadow(shown, done)
        elif call.operation == "UpdateTimeToLive":
            self._time_to_live.begin(name, now + self._delays.time_to_live_s)

    def _described(self, name: _Table, description: dict[str, Any], now: float) -> dict[str, Any]:
        shadow = self._shadow(name, now)
        if shadow is not None:
            return shadow.description
        creating, updating = self._creating.has(name, now), self._updating.has(name, now)
        shown = dict(description)
        if creating or updating:
            shown["TableStatus"] = "CREATING" if creating else "UPDATING"
        for index in shown.get("GlobalSecondaryIndexes") or ():
            if creating or self._indexes.has((*name, index["IndexName"]), now):
                index["IndexStatus"] = "CREATING"
        return shown

    def _listed(self, call: AwsCall, answer: Answer, now: float) -> Answer:
        """With the tables that are still being deleted, on the last page."""
        document = answer.document()
        if answer.status != 200 or document.get("LastEvaluatedTableName"):
            return answer
        after = call.parameters.get("ExclusiveStartTableName", "")
        listed = document.get("TableNames", [])
        shadows = [
            name
            for region, name in list(self._shadows)
            if region == call.region
            and name not in listed
            and name > after
            and self._shadow((region, name), now) is not None
        ]
        return answer.with_document({**document, "TableNames": listed + shadows}) if shadows else answer

    def _shadow(self, name: _Table, now: float) -> _Shadow | None:
        shadow = self._shadows.get(name)
        if shadow is not None and shadow.until <= now:
            del self._shadows[name]
            return None
        return shadow

    def _forget(self, name: _Table) -> None:
        for work in (self._creating, self._updating, self._time_to_live):
            work.forget(name)
        self._shadows.pop(name, None)


def tables_of(call: AwsCall) -> list[str]:
    """The names of the tables that a call of DynamoDB is about; names are taken out of ARNs."""
    parameters = call.parameters
    named = [parameters["TableName"]] if isinstance(parameters.get("TableName"), str) else []
    requested = parameters.get("RequestItems")
    named += list(requested) if isinstance(requested, Mapping) else []
    for item in parameters.get("TransactItems") or ():
        named += [part["TableName"] for part in item.values() if isinstance(part, Mapping) and "TableName" in part]
    return [table_name_of(name) for name in named]


def table_name_of(name_or_arn: str) -> str:
    """A table's name from its name, its ARN or the ARN of something of it."""
    return name_or_arn.rpartition(":table/")[2].partition("/")[0] if name_or_arn.startswith("arn:") else name_or_arn

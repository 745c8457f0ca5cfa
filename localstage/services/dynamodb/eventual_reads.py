"""DynamoDB's eventually consistent reads: a table as it was a moment ago.

Before a write this keeps what the write is about to replace; a read that is
not consistent sees the table with the last moment's writes undone. AWS:
DynamoDB developer guide, read consistency; global secondary indexes are
always read so. PartiQL statements are not tracked: what they write is seen at
once. Runs on the account thread, and reads moto's tables directly.
"""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from localstage.door.call import Answer, AwsCall
from localstage.door.delays import Delays
from localstage.door.moto import existing_backend
from localstage.door.refusal import Refusal
from localstage.services.dynamodb.pace import TablePace, table_name_of, tables_of

_READS = ("GetItem", "BatchGetItem", "Query", "Scan")
_ABSENT = object()


@dataclass(frozen=True)
class _Write:
    """One item before a write: its table, its key as moto keeps it, and what was there."""

    at: float
    table: Any
    hash_key: Any
    range_key: Any
    before: Any


class DynamoDbPace:
    """DynamoDB's ``ServicePace``: what is not ready yet of its tables, and reads that see the past."""

    def __init__(self, account_id: str, delays: Delays):
        self._account_id = account_id
        self._delays = delays
        self.forget()

    def refusal(self, call: AwsCall, now: float) -> Refusal | None:
        """What AWS answers instead of doing the call."""
        return self._tables.refusal(call, now)

    def answer(self, call: AwsCall, now: float, proceed: Callable[[], Answer]) -> Answer:
        """The answer as AWS would give it now."""
        return self._tables.shown(call, self._reads.answer(call, now, proceed), now)

    def forget(self) -> None:
        """The account is empty."""
        self._tables = TablePace(self._delays)
        self._reads = EventualReads(self._account_id, self._delays.stale_read_s)


class EventualReads:
    """The last writes to the tables of one account."""

    def __init__(self, account_id: str, stale_s: float):
        self._account_id = account_id
        self._stale_s = stale_s
        self._writes: deque[_Write] = deque()

    def answer(self, call: AwsCall, now: float, proceed: Callable[[], Answer]) -> Answer:
        """Does the call: reads may see the past, writes are remembered."""
        while self._writes and self._writes[0].at <= now - self._stale_s:
            self._writes.popleft()
        if call.operation in _READS:
            tables = {
                id(table)
                for name in tables_of(call)
                if self._is_stale(call, name) and (table := self._table(call.region, name)) is not None
            }
            with self._as_it_was(tables):
                return proceed()
        written = list(self._about_to_write(call, now))
        answer = proceed()
        if answer.status == 200:
            self._writes.extend(written)
        return answer

    def _is_stale(self, call: AwsCall, table_name: str) -> bool:
        """Whether a read of this table may see the past."""
        asked = call.parameters
        if call.operation == "BatchGetItem":
            requests = asked.get("RequestItems", {})
            asked = next((part for name, part in requests.items() if table_name_of(name) == table_name), {})
        if not asked.get("ConsistentRead"):
            return True
        index = asked.get("IndexName")
        table = self._table(call.region, table_name) if index else None
        return table is not None and any(known.name == index for known in table.global_indexes)

    @contextmanager
    def _as_it_was(self, tables: set[int]) -> Iterator[None]:
        undone = [write for write in self._writes if id(write.table) in tables]
        now_there = [(write, _exchange(write, write.before)) for write in reversed(undone)]
        try:
            yield
        finally:
            for write, item in reversed(now_there):
                _exchange(write, item)

    def _about_to_write(self, call: AwsCall, now: float) -> Iterator[_Write]:
        for table_name, key in _keys_of(call):
            table = self._table(call.region, table_name)
            found = _moto_key(table, key) if table is not None else None
            if found is not None:
                yield _Write(now, table, *found, _copied(_item_at(table, *found)))

    def _table(self, region: str, name: str) -> Any:
        backend = existing_backend("dynamodb", self._account_id, region)
        return backend.tables.get(table_name_of(name)) if backend is not None else None


def _keys_of(call: AwsCall) -> Iterator[tuple[str, dict[str, Any]]]:
    """Table name and key (or whole item) of each item that a call writes."""
    asked = call.parameters
    if call.operation in ("PutItem", "UpdateItem", "DeleteItem"):
        yield from _key_of(asked)
    elif call.operation == "BatchWriteItem":
        for name, requests in asked.get("RequestItems", {}).items():
            for request in requests:
                for part in request.values():
                    yield from _key_of({"TableName": name, **part})
    elif call.operation == "TransactWriteItems":
        for item in asked.get("TransactItems", ()):
            for kind, part in item.items():
                if kind != "ConditionCheck":
                    yield from _key_of(part)


def _key_of(part: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    key = part.get("Item") or part.get("Key")
    if isinstance(part.get("TableName"), str) and isinstance(key, dict):
        yield part["TableName"], key


def _moto_key(table: Any, key: dict[str, Any]) -> tuple[Any, Any] | None:
    """An item's place in moto's table; None for a key that the call will be refused for."""
    from moto.dynamodb.models.dynamo_type import DynamoType

    if table.hash_key_attr not in key or (table.range_key_attr and table.range_key_attr not in key):
        return None
    range_key = DynamoType(key[table.range_key_attr]) if table.range_key_attr else None
    return DynamoType(key[table.hash_key_attr]), range_key


def _item_at(table: Any, hash_key: Any, range_key: Any) -> Any:
    if hash_key not in table.items:
        return _ABSENT
    return table.items[hash_key] if range_key is None else table.items[hash_key].get(range_key, _ABSENT)


def _copied(item: Any) -> Any:
    """moto changes items in place."""
    return item if item is _ABSENT else copy.deepcopy(item)


def _exchange(write: _Write, item: Any) -> Any:
    """Puts an item (or its absence) in a write's place; returns what was there."""
    there = _item_at(write.table, write.hash_key, write.range_key)
    items, key = write.table.items, write.hash_key
    if write.range_key is not None:
        items, key = write.table.items[write.hash_key], write.range_key
    if item is _ABSENT:
        items.pop(key, None)
    else:
        items[key] = item
    return there

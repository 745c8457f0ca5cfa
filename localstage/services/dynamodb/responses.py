"""DynamoDB's answers: moto's, but for the keys of tables and for what reading consumes.

moto makes a table of any list of keys, so a design that AWS refuses would pass here and fail there.
AWS: DynamoDB API reference, CreateTable and KeySchemaElement: the first element is the partition key,
HASH, and the second, if there is one, the sort key, RANGE. The two sentences are the service's, by
pynamodb/PynamoDB#356 and, for the key of an index, awslabs/dynamodb-data-mapper-js#87.

moto counts a unit for each operation. AWS: DynamoDB developer guide, "DynamoDB read and write operations": a
Query or Scan consumes a unit for each 4 KB of all items that it has read, before filters and projections, and half
of that for an eventually consistent read; the size of an item is that of its names and values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from math import ceil
from typing import Any

from moto.core.responses import ActionResult
from moto.core.serialize import JSONSerializer
from moto.dynamodb.exceptions import MockValidationException
from moto.dynamodb.responses import DynamoHandler

_READ_UNIT_BYTES = 4_096
_FIRST = "Invalid KeySchema: The first KeySchemaElement is not a HASH key type"
_SECOND = "Invalid KeySchema: The second KeySchemaElement is not a RANGE key type"


class LocalDynamoHandler(DynamoHandler):
    """moto's DynamoDB, where a table and its indexes have a key that AWS takes, and reading consumes what it reads."""

    _reads: _MeasuredReads | None = None

    @property
    def dynamodb_backend(self) -> Any:
        return self._reads or super().dynamodb_backend

    def query(self) -> ActionResult:
        """moto's answer, with the units of what was read."""
        return self._with_read_units(super().query)

    def scan(self) -> ActionResult:
        """moto's answer, with the units of what was read."""
        return self._with_read_units(super().scan)

    def _with_read_units(self, read: Callable[[], ActionResult]) -> ActionResult:
        if self.body.get("ReturnConsumedCapacity", "NONE") == "NONE":
            return read()
        self._reads = _MeasuredReads(super().dynamodb_backend)
        result = read()
        units = read_units(self._reads.read_bytes, self.body.get("ConsistentRead", False))
        set_units(result.result["ConsumedCapacity"], units, self.body.get("IndexName"))
        return result

    def create_table(self) -> ActionResult:
        """A table. Raises ``MockValidationException``, which is AWS's ValidationException."""
        for schema in key_schemas(self.body):
            sentence = fault_of(schema)
            if sentence:
                raise MockValidationException(sentence)
        return super().create_table()


class ItemSerializer(JSONSerializer):
    """moto's JSON, but for an item's texts and numbers, which moto keeps as they are sent.

    moto looks for each under dozens of names that it could have in a Python object: four fifths of a Scan's time.
    """

    def _serialize_type_structure(self, serialized: Any, value: Any, shape: Any, key: str) -> None:
        if key and shape.name == "AttributeValue" and _is_text_or_number(value):
            self._default_serialize(serialized, value, shape, key)
        else:
            super()._serialize_type_structure(serialized, value, shape, key)


def _is_text_or_number(value: Any) -> bool:
    if type(value) is not dict or len(value) != 1:
        return False
    [(kind, content)] = value.items()
    return kind in ("S", "N") and type(content) is str


class _MeasuredReads:
    """moto's tables for one operation; ``read_bytes`` is then the size of the items that it has read."""

    def __init__(self, backend: Any):
        self._backend = backend
        self.read_bytes = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._backend, name)

    def query(self, *arguments: Any, **options: Any) -> Any:
        """moto's query, after one without filter and projection, whose items are counted."""
        whole = [*arguments[:7], None]  # the eighth is the projection
        self._count(self._backend.query(*whole, **{**options, "filter_expression": None}))
        return self._backend.query(*arguments, **options)

    def scan(self, *arguments: Any, **options: Any) -> Any:
        """The same of moto's scan."""
        whole = {**options, "filter_expression": None, "projection_expression": None}
        self._count(self._backend.scan(*arguments, **whole))
        return self._backend.scan(*arguments, **options)

    def _count(self, found: tuple[list[Any], int, Any]) -> None:
        self.read_bytes = sum(item.size() for item in found[0])


def read_units(read_bytes: int, consistent: bool) -> float:
    """The read units of one page; a page without items consumes as much as one of up to 4 KB."""
    return max(1, ceil(read_bytes / _READ_UNIT_BYTES)) * (1.0 if consistent else 0.5)


def set_units(consumed: dict[str, Any], units: float, index: str | None) -> None:
    """Put the units where moto has its own: the sum and, where it was asked for, those of the table and of the index."""
    consumed["CapacityUnits"] = units
    if "Table" in consumed:
        consumed["Table"] = {"CapacityUnits": 0.0 if index else units}
    for kind in ("LocalSecondaryIndexes", "GlobalSecondaryIndexes"):
        if kind in consumed:
            consumed[kind] = {name: {"CapacityUnits": units} for name in consumed[kind]}


def key_schemas(parameters: Mapping[str, Any]) -> Iterator[Sequence[Mapping[str, str]]]:
    """The keys in the parameters of CreateTable: the table's, then those of its indexes."""
    yield parameters.get("KeySchema") or ()
    for kind in ("LocalSecondaryIndexes", "GlobalSecondaryIndexes"):
        for index in parameters.get(kind) or ():
            yield index.get("KeySchema") or ()


def fault_of(schema: Sequence[Mapping[str, str]]) -> str:
    """Why AWS does not take a key, in its words; "" if it does, or if it is another fault, which moto names."""
    kinds = [element.get("KeyType") for element in schema]
    if not 1 <= len(kinds) <= 2 or not set(kinds) <= {"HASH", "RANGE"}:
        return ""
    if kinds[0] != "HASH":
        return _FIRST
    return _SECOND if kinds[1:] == ["HASH"] else ""

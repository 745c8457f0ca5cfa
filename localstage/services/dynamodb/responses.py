"""DynamoDB's answers: moto's, which refuses a key whose parts are in the wrong order or of the wrong kind.

moto makes a table of any list of keys, so a design that AWS refuses would pass here and fail there.
AWS: DynamoDB API reference, CreateTable and KeySchemaElement: the first element is the partition key,
HASH, and the second, if there is one, the sort key, RANGE. The two sentences are the service's, by
pynamodb/PynamoDB#356 and, for the key of an index, awslabs/dynamodb-data-mapper-js#87.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from moto.core.responses import ActionResult
from moto.dynamodb.exceptions import MockValidationException
from moto.dynamodb.responses import DynamoHandler

_FIRST = "Invalid KeySchema: The first KeySchemaElement is not a HASH key type"
_SECOND = "Invalid KeySchema: The second KeySchemaElement is not a RANGE key type"


class LocalDynamoHandler(DynamoHandler):
    """moto's DynamoDB, where a table and its indexes have a key that AWS takes."""

    def create_table(self) -> ActionResult:
        """A table. Raises ``MockValidationException``, which is AWS's ValidationException."""
        for schema in key_schemas(self.body):
            sentence = fault_of(schema)
            if sentence:
                raise MockValidationException(sentence)
        return super().create_table()


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

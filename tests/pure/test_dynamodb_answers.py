"""DynamoDB's answers, written quicker than moto writes them, and the same."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from moto.core.serialize import JSONSerializer, XFormedAttributePicker
from moto.core.utils import get_service_model

from localstage.services.dynamodb.responses import ItemSerializer

VALUES = [
    {"S": "text"},
    {"S": ""},
    {"S": "\u20ac \ud83d\ude00"},
    {"S": 7},
    {"N": "1.5"},
    {"N": 1},
    {"N": Decimal("1.50")},
    {"n": "1"},
    {"B": "aGVsbG8="},
    {"B": b"hello"},
    {"SS": ["a", "b"]},
    {"NS": ["1", "2"]},
    {"BS": ["aGVsbG8="]},
    {"BOOL": True},
    {"NULL": True},
    {"L": [{"S": "a"}, {"N": "1"}, {"L": []}, {"M": {"S": {"S": "S"}}}]},
    {"M": {"a": {"S": "a"}, "N": {"N": "1"}, "m": {"M": {}}}},
    {},
    {"S": "a", "N": "1"},
    {"S": None},
]


@pytest.mark.parametrize("value", VALUES, ids=repr)
@pytest.mark.parametrize("operation", ["Scan", "Query", "GetItem", "PutItem", "BatchGetItem", "TransactGetItems"])
def test_item_when_it_is_answered(operation: str, value: object):
    """Whatever is in an item, wherever the item is in the answer: byte for byte what moto writes."""
    item = {"id": value, "S": value, "other": {"S": "kept"}}
    result = {
        "Items": [item, item],
        "Item": item,
        "Attributes": item,
        "LastEvaluatedKey": item,
        "Responses": {"T": [item]} if operation == "BatchGetItem" else [{"Item": item}],
        "Count": 2,
        "ConsumedCapacity": None,
    }

    def written(serializer: type[JSONSerializer]) -> object:
        model = get_service_model("dynamodb").operation_model(operation)
        answer = serializer(model, value_picker=XFormedAttributePicker()).serialize(result)
        return answer["status_code"], answer["headers"], answer["body"]

    assert written(ItemSerializer) == written(JSONSerializer)
    assert "kept" in json.dumps(written(ItemSerializer))

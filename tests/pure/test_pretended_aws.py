"""The pretended DynamoDB of a trial: what an update expression does to a row, and what it is refused for."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from classroom.my_chat.pretended_aws import PREFIX, PretendedAws

ROW = {"connection_id": {"S": "ann"}, "source_ip": {"S": "192.0.2.1"}}


@pytest.fixture
def aws():
    pretended = PretendedAws()
    pretended.tables["ChatSessions"].append(dict(ROW))
    return pretended


def update(aws: PretendedAws, expression: str, key: str = "ann", **more) -> tuple[int, dict]:
    """An ``UpdateItem`` as botocore sends it: its status and its answer."""
    given = {
        "TableName": f"{PREFIX}ChatSessions",
        "Key": {"connection_id": {"S": key}},
        "UpdateExpression": expression,
        "ExpressionAttributeValues": {":a": {"S": "one"}, ":b": {"N": "2.5"}},
        **more,
    }
    request = SimpleNamespace(
        url="https://dynamodb.us-east-1.amazonaws.com/",
        headers={"X-Amz-Target": "DynamoDB_20120810.UpdateItem"},
        body=json.dumps(given).encode(),
    )
    status, _, body = aws.send(request)
    return status, json.loads(body)


def test_update_when_the_row_is_there(aws):
    """The named attributes are set, the others stay."""
    assert update(aws, "SET ended = :a, lasted = :b") == (200, {})
    assert aws.tables["ChatSessions"] == [{**ROW, "ended": {"S": "one"}, "lasted": {"N": "2.5"}}]


def test_update_when_there_is_no_row(aws):
    """A row is made of the key and the attributes."""
    assert update(aws, "set #e = :a", "bob", ExpressionAttributeNames={"#e": "ended"}) == (200, {})
    assert aws.tables["ChatSessions"][1] == {"connection_id": {"S": "bob"}, "ended": {"S": "one"}}


def test_update_when_an_attribute_is_to_be_kept(aws):
    """``if_not_exists`` keeps what is there and sets what is not."""
    assert update(aws, "SET source_ip = if_not_exists(source_ip, :a), ended = if_not_exists(ended, :a)")[0] == 200
    assert aws.tables["ChatSessions"] == [{**ROW, "ended": {"S": "one"}}]


@pytest.mark.parametrize(
    ("expression", "code", "words"),
    [
        ("ended = :a", "NotPretended", "does not begin with SET"),
        ("SET ended :a", "NotPretended", "this part of an UpdateExpression: ended :a"),
        ("SET duration = :a", "ValidationException", "Attribute name is a reserved keyword: duration"),
        ("SET connection_id = :a", "ValidationException", "Cannot update attribute connection_id"),
        ("SET ended = :c", "ValidationException", "is not defined; attribute value: :c"),
    ],
)
def test_update_when_it_is_refused(aws, expression, code, words):
    """A wrong expression is refused by name, and the row is as it was."""
    status, answer = update(aws, expression)
    assert (status, answer["__type"]) == (400, f"com.amazonaws#{code}") and words in answer["message"]
    assert aws.tables["ChatSessions"] == [ROW]


@pytest.mark.parametrize(
    "key",
    [
        {"connectionId": {"S": "ann"}},
        {"connection_id": {"N": "1"}},
        {"connection_id": {"S": "ann"}, "source_ip": {"S": "192.0.2.1"}},
        {},
    ],
)
def test_update_when_the_key_is_another(aws, key):
    """A key of another name, another type, or with more than the key, is refused in DynamoDB's words."""
    status, answer = update(aws, "SET ended = :a", Key=key)
    assert (status, answer["message"]) == (400, "The provided key element does not match the schema")
    assert aws.tables["ChatSessions"] == [ROW]

"""The handler code that the source write-ups print runs as printed.

The forms as published that ``cloudformation/variants/`` has of them are compared with
it in ``tests/pure/test_variants_as_published.py``.
"""

from __future__ import annotations

import json

import pytest

from tests.source_material import at_hand, printed_code
from tests.stage.target import Target, add_route, allow_api_gateway, create_function, deploy_api
from tests.stage.waiting import eventually

pytestmark = at_hand


@pytest.fixture
def table(target: Target):
    """Makes tables by name and key schema; removes them."""
    made = []
    dynamodb = target.client("dynamodb")

    def make(name: str, *keys: tuple[str, str, str]) -> None:
        dynamodb.create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": key, "KeyType": kind} for key, _, kind in keys],
            AttributeDefinitions=[{"AttributeName": key, "AttributeType": type_} for key, type_, _ in keys],
        )
        dynamodb.get_waiter("table_exists").wait(TableName=name)
        made.append(name)

    yield make
    for name in made:
        dynamodb.delete_table(TableName=name)


def rows(target: Target, table_name: str) -> list[dict]:
    return target.client("dynamodb").scan(TableName=table_name, ConsistentRead=True)["Items"]


def test_first_module_of_s0_when_a_message_is_sent(target: Target, table):
    """S0's module 1 stores the message and shows nothing."""
    table("ChatMessages", ("room_id", "S", "HASH"), ("timestamp", "N", "RANGE"))
    source = printed_code("000", 0)
    api = deploy_api(
        target,
        {"$connect": source, "$disconnect": source, "sendMessage": source, "echo": ECHO},
        two_way=("echo",),
        Timeout=20,
    )
    set_handler(target, api.function_arns["sendMessage"])
    socket = target.connect(api.url)
    socket.send(json.dumps({"action": "sendMessage", "sender": "Student", "message": "Hello AWS"}))
    row = wait_for_rows(target, "ChatMessages", 1)[0]
    socket.send('{"action": "echo"}')
    assert socket.recv() == "echo"
    socket.close()
    assert (row["sender"]["S"], row["message"]["S"], row["room_id"]["S"]) == ("Student", "Hello AWS", "global")


def test_second_module_of_s0_when_two_people_talk(target: Target, table):
    """S0's module 2 broadcasts to everyone, the sender included."""
    table("ChatMessages", ("room_id", "S", "HASH"), ("timestamp", "N", "RANGE"))
    table("ChatConnections", ("connection_id", "S", "HASH"))
    source = printed_code("000", 1)
    api = deploy_api(target, {"$connect": source, "$disconnect": source, "sendMessage": source}, Timeout=20)
    set_handler(target, api.function_arns["sendMessage"])
    ann, bob = target.connect(api.url), target.connect(api.url)
    ann.send(json.dumps({"action": "sendMessage", "sender": "Ann", "message": "Hello Bob"}))
    for socket in (ann, bob):
        assert json.loads(socket.recv()) == {"sender": "Ann", "message": "Hello Bob"}
    bob.close()
    wait_for_rows(target, "ChatConnections", 1)
    ann.close()
    wait_for_rows(target, "ChatConnections", 0)


def test_connect_of_s4_when_a_client_comes(target: Target, table):
    """S4's connect handler writes the connection to the table of its environment variable."""
    table("WebSocketConnections", ("connectionId", "S", "HASH"))
    source = printed_code("004", 0)
    api = deploy_api(target, {"echo": ECHO}, two_way=("echo",))
    arn = create_function(
        target, source, Timeout=20, Environment={"Variables": {"WEBSOCKET_TABLE": "WebSocketConnections"}}
    )
    set_handler(target, arn)
    allow_api_gateway(target, arn, api.api_id)
    add_route(target, api.api_id, "$connect", arn)
    target.client("apigatewayv2").create_deployment(ApiId=api.api_id, StageName="prod")
    socket = target.connect(api.url)
    assert len(rows(target, "WebSocketConnections")) == 1
    socket.close()


ECHO = "def handler(event, context):\n    return {'statusCode': 200, 'body': 'echo'}\n"


def set_handler(target: Target, arn: str) -> None:
    """The write-ups call their function lambda_handler."""
    lambda_ = target.client("lambda")
    lambda_.update_function_configuration(FunctionName=arn, Handler="handler.lambda_handler")
    lambda_.get_waiter("function_updated_v2").wait(FunctionName=arn)


def wait_for_rows(target: Target, table_name: str, count: int) -> list[dict]:
    """Waits until the table has so many rows."""
    return eventually(
        lambda: rows(target, table_name), lambda found: len(found) == count, f"{count} rows in {table_name}"
    )

"""Many events at once: all are served, by a bounded number of processes."""

from __future__ import annotations

import json
import threading
import urllib.request
from collections.abc import Iterator

import pytest

from localstage import LocalStage
from localstage.settings import Settings
from tests.stage.target import StageTarget, deploy_api, table_of_ids
from tests.stage.waiting import eventually

BROADCAST = """
import json, os
import boto3

table = boto3.resource("dynamodb").Table(os.environ["TABLE"])
clients = {}

def handler(event, context):
    context = event["requestContext"]
    endpoint = f"https://{context['domainName']}/{context['stage']}"
    if endpoint not in clients:
        clients[endpoint] = boto3.client("apigatewaymanagementapi", endpoint_url=endpoint)
    if context["routeKey"] == "$connect":
        table.put_item(Item={"id": context["connectionId"]})
    elif context["routeKey"] == "$disconnect":
        table.delete_item(Key={"id": context["connectionId"]})
    else:
        for row in table.scan()["Items"]:
            clients[endpoint].post_to_connection(ConnectionId=row["id"], Data=event["body"].encode())
    return {"statusCode": 200}
"""

WITHIN_S = 300
"""It bounds a failure, on a machine that is busy with other things, and measures nothing."""


@pytest.fixture
def table(stage: LocalStage) -> Iterator[str]:
    with table_of_ids(StageTarget(stage)) as name:
        yield name


@pytest.fixture
def chat(stage: LocalStage, table: str) -> str:
    """The address, by path, of a chat that broadcasts every message to all."""
    api = deploy_api(
        StageTarget(stage),
        dict.fromkeys(("$connect", "$disconnect", "$default"), BROADCAST),
        Environment={"Variables": {"TABLE": table}},
        Timeout=120,
    )
    return f"{stage.url.replace('http', 'ws')}/{api.api_id}/prod"


def environment_count(stage: LocalStage) -> int:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(stage.url + "/_localstage/status", timeout=90) as answer:
        return json.load(answer)["environments"]


def test_burst_when_ten_clients_send_200_messages(stage: LocalStage, chat: str):
    """Ten clients send 20 messages each at once; each gets all 200, and processes stay bounded."""
    sockets = [StageTarget(stage).connect(chat) for _ in range(10)]
    received: list[set[str]] = [set() for _ in sockets]
    wanted = {f"{client}/{number}" for client in range(10) for number in range(20)}

    def listen(index: int) -> None:
        while not wanted <= received[index]:
            received[index].add(sockets[index].recv())

    listeners = [threading.Thread(target=listen, args=(index,)) for index in range(10)]
    for listener in listeners:
        listener.start()
    for client, socket in enumerate(sockets):
        for number in range(20):
            socket.send(f"{client}/{number}")
    for listener in listeners:
        listener.join(WITHIN_S)
    # A message may wait for a process for long, on a busy machine; nobody is told that it timed out.
    assert received == [wanted] * 10
    assert environment_count(stage) <= Settings().max_environments + 1
    for socket in sockets:
        socket.close()


def test_burst_when_200_clients_leave(stage: LocalStage, chat: str, table: str):
    """200 clients connect and leave at once: every $disconnect is served and the table is empty again."""
    target = StageTarget(stage)
    dynamodb = target.client("dynamodb")

    def rows() -> int:
        pages = dynamodb.get_paginator("scan").paginate(TableName=table, Select="COUNT")
        return sum(page["Count"] for page in pages)

    sockets = [target.connect(chat) for _ in range(200)]
    assert rows() == 200
    for socket in sockets:
        socket.shutdown()
    eventually(rows, lambda count: count == 0, "all 200 rows to go", within_s=WITHIN_S)
    assert environment_count(stage) <= Settings().max_environments + 1

"""How fast a stage is and what it takes: ``python -m tests.benchmarks.stage``.

The handler is the plain one that the rivals were measured with: it stores the
message, scans the connections and posts to each in turn with boto3.
Prints medians and peaks; memory is the proportional set size of the stage and
its execution environments (Linux only).
"""

from __future__ import annotations

import json
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import websocket

from localstage import LocalStage
from localstage.state import NOTE_NAME, read_note
from tests.stage.target import StageTarget, create_function, deploy_api

HANDLER = """
import json, time, uuid
import boto3

dynamodb = boto3.resource("dynamodb")
messages, connections = dynamodb.Table("BenchMessages"), dynamodb.Table("BenchConnections")
clients = {}

def handler(event, context):
    context = event["requestContext"]
    endpoint = f"https://{context['domainName']}/{context['stage']}"
    if endpoint not in clients:
        clients[endpoint] = boto3.client("apigatewaymanagementapi", endpoint_url=endpoint)
    if context["routeKey"] == "$connect":
        connections.put_item(Item={"connection_id": context["connectionId"]})
    elif context["routeKey"] == "$disconnect":
        connections.delete_item(Key={"connection_id": context["connectionId"]})
    else:
        messages.put_item(Item={"id": str(uuid.uuid4()), "body": event["body"]})
        for row in connections.scan()["Items"]:
            clients[endpoint].post_to_connection(ConnectionId=row["connection_id"], Data=event["body"].encode())
    return {"statusCode": 200}
"""
ECHO = "def handler(event, context):\n    return {'statusCode': 200, 'body': event['body']}\n"


class Watch:
    """Samples processes and memory of a stage until it is told to stop."""

    def __init__(self, pid: int):
        self._pid = pid
        self.processes = 0
        self.megabytes = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._sample)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _sample(self) -> None:
        while not self._stop.wait(0.2):
            pids = [self._pid, *_children(self._pid)]
            self.processes = max(self.processes, len(pids) - 1)
            self.megabytes = max(self.megabytes, sum(_pss_mb(pid) for pid in pids))


def _children(pid: int) -> Iterator[int]:
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text().split():
            yield int(child)
            yield from _children(int(child))


def _pss_mb(pid: int) -> float:
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) / 1024
    except OSError:
        pass  # It ended while we looked.
    return 0.0


@contextmanager
def running_stage() -> Iterator[tuple[StageTarget, int]]:
    with LocalStage() as stage:
        target = StageTarget(stage)
        dynamodb = target.client("dynamodb")
        for name, key in (("BenchMessages", "id"), ("BenchConnections", "connection_id")):
            dynamodb.create_table(
                TableName=name,
                BillingMode="PAY_PER_REQUEST",
                KeySchema=[{"AttributeName": key, "KeyType": "HASH"}],
                AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"}],
            )
        bundle = Path(stage.changes().settings["AWS_CA_BUNDLE"])
        note = read_note(bundle.parent / NOTE_NAME)
        assert note is not None
        yield target, note.pid


def round_trips(target: StageTarget, count: int) -> list[float]:
    """Milliseconds from sending a message to its answer, one after the other, warm."""
    api = deploy_api(target, {"$default": ECHO}, two_way=("$default",))
    socket = target.connect(f"{target.stage.url.replace('http', 'ws')}/{api.api_id}/prod")
    times = []
    for number in range(count + 20):
        began = time.perf_counter()
        socket.send("hello")
        socket.recv()
        if number >= 20:
            times.append((time.perf_counter() - began) * 1000)
    socket.close()
    return times


def cold_starts(target: StageTarget, count: int) -> list[float]:
    """Milliseconds of the first invocation of each of so many functions that make two boto3 clients, one by one."""
    source = "import boto3\n" + HANDLER.partition("def handler")[0] + "def handler(event, context):\n    return {}\n"
    functions, times = target.client("lambda"), []
    for arn in [create_function(target, source) for _ in range(count)]:
        began = time.perf_counter()
        functions.invoke(FunctionName=arn, Payload=b"{}")
        times.append((time.perf_counter() - began) * 1000)
    return times


def burst(target: StageTarget, pid: int, clients: int, each: int) -> dict[str, float]:
    """All clients send all their messages at once; every client gets every message."""
    api = deploy_api(target, dict.fromkeys(("$connect", "$disconnect", "$default"), HANDLER), Timeout=60)
    url = f"{target.stage.url.replace('http', 'ws')}/{api.api_id}/prod"
    sockets = [target.connect(url) for _ in range(clients)]
    received = [0] * clients
    expected = clients * each

    def listen(index: int, socket: websocket.WebSocket) -> None:
        while received[index] < expected:
            if "error" in json.loads(socket.recv()):
                raise AssertionError("a message was not served")
            received[index] += 1

    listeners = [threading.Thread(target=listen, args=pair) for pair in enumerate(sockets)]
    began = time.perf_counter()
    with Watch(pid) as watch:
        for listener in listeners:
            listener.start()
        for socket in sockets:
            for number in range(each):
                socket.send(json.dumps({"number": number}))
        for listener in listeners:
            listener.join(120)
        seconds = time.perf_counter() - began
    for socket in sockets:
        socket.close()
    return {
        "deliveries": sum(received),
        "of": expected * clients,
        "seconds": round(seconds, 2),
        "processes": watch.processes,
        "megabytes": round(watch.megabytes),
    }


@click.command()
@click.option("--clients", default=10, show_default=True)
@click.option("--each", default=50, show_default=True, help="Messages a client sends.")
@click.option("--trips", default=500, show_default=True, help="Round trips measured.")
@click.option("--cold", default=20, show_default=True, help="Functions that are invoked for the first time.")
def main(clients: int, each: int, trips: int, cold: int) -> None:
    """Measures a fresh stage."""
    began = time.perf_counter()
    with running_stage() as (target, pid):
        click.echo(f"stage ready after {time.perf_counter() - began:.2f} s, {_pss_mb(pid):.0f} MB")
        times = cold_starts(target, cold)
        click.echo(f"cold start: the first {times[0]:.0f} ms, the others' median {statistics.median(times[1:]):.0f} ms")
        times = round_trips(target, trips)
        click.echo(
            f"round trip: median {statistics.median(times):.2f} ms, "
            f"95th percentile {statistics.quantiles(times, n=20)[-1]:.2f} ms, {len(times)} trips"
        )
        facts = burst(target, pid, clients, each)
        click.echo(
            "burst of {} x {}: {deliveries} of {of} deliveries in {seconds} s, "
            "{processes} processes, {megabytes} MB".format(clients, each, **facts)
        )


if __name__ == "__main__":
    main()

"""People who come, talk and go for as long as asked: memory must not grow with the time."""

from __future__ import annotations

import asyncio
import json
import time

from localstage import LocalStage
from tests.fire.clients import Client, memory_mb, pid_of, status_of
from tests.fire.rows import Row
from tests.stage.target import StageTarget, deploy_api, table_of_ids

HANDLER = """
import json, os
import boto3

table = boto3.resource("dynamodb").Table(os.environ["TABLE"])

def handler(event, context):
    about = event["requestContext"]
    print("serving", about["routeKey"], about["connectionId"])
    if about["routeKey"] == "$connect":
        table.put_item(Item={"id": about["connectionId"]})
    elif about["routeKey"] == "$disconnect":
        table.delete_item(Key={"id": about["connectionId"]})
    return {"statusCode": 200, "body": event.get("body", "")}
"""
PEOPLE = 12
WARM_UP = 0.5
"""Of the time: the newest lines of each log stream and the newest figures of CloudWatch fill up meanwhile."""
MOST_GROWTH_MB_PER_HOUR = 20.0


def visited_api(stage: LocalStage, table: str) -> str:
    """Deploys an API of which a function keeps the connections in this table and answers every message; its path."""
    api = deploy_api(
        StageTarget(stage),
        dict.fromkeys(("$connect", "$disconnect", "$default"), HANDLER),
        two_way=("$default",),
        Environment={"Variables": {"TABLE": table}},
        Timeout=60,
    )
    return f"/{api.api_id}/prod"


def soak(stage: LocalStage, minutes: float) -> Row:
    """Visits without end, with every fifth cut off."""
    with table_of_ids(StageTarget(stage)) as table:
        path = visited_api(stage, table)
        talks, samples = asyncio.run(_visit(stage, path, time.monotonic() + minutes * 60))
        rows = StageTarget(stage).client("dynamodb").scan(TableName=table, Select="COUNT")["Count"]
    settled = samples[int(len(samples) * WARM_UP) :]
    half = len(settled) // 2
    first, last = (sum(part) / len(part) for part in (settled[:half], settled[half:]))
    hours = minutes * (1 - WARM_UP) / 60 / 2
    growth = (last - first) / hours
    left = status_of(stage)["connections"]
    number = f"{talks:,} visits, all answered; {min(samples):.0f} to {max(samples):.0f} MB, {growth:+.0f} MB an hour; "
    held = growth < MOST_GROWTH_MB_PER_HOUR and not rows and not left
    return Row(
        "load", f"{minutes:g} minutes of coming and going", held, f"{number}{rows} rows and {left} connections left"
    )


async def _visit(stage: LocalStage, path: str, until: float) -> tuple[int, list[float]]:
    pid, samples, talks = pid_of(stage), [], 0

    async def person(number: int) -> None:
        nonlocal talks
        while time.monotonic() < until:
            client = await Client.connect_in_the_end(stage, path)
            for word in range(3):
                text = json.dumps({"action": "say", "word": word})
                client.say(text)
                assert await asyncio.wait_for(client.hear(), 60) == text
            talks += 1
            client.cut() if talks % 5 == 0 else client.writer.close()

    people = [asyncio.create_task(person(number)) for number in range(PEOPLE)]
    while time.monotonic() < until:
        samples.append(memory_mb(pid))
        await asyncio.sleep(1)
    await asyncio.gather(*people)
    for _ in range(600):
        if not status_of(stage)["connections"] and not status_of(stage)["environments"] > 100:
            break
        await asyncio.sleep(0.1)
    await asyncio.sleep(5)  # The last $disconnect takes its row away.
    return talks, samples

"""Many clients: idle, talking, in a burst, gone all at once; and many emulators."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from http.client import HTTPConnection
from pathlib import Path

from localstage import LocalStage
from tests.benchmarks.watch import pss_mb
from tests.fire.clients import Client, echo_api, median_and_most, memory_mb, others_ms, pid_of, status_of
from tests.fire.rows import Row
from tests.fire.soak import visited_api
from tests.stage.target import StageTarget, deploy_api, table_of_ids

IDLE, TALKING, WORDS = 10_000, 2_000, 5
ECHO = "def handler(event, context):\n    return {'statusCode': 200, 'body': event.get('body', '')}\n"
BURST_CLIENTS, BURST_MESSAGES = 10, 200
EMULATORS = 30
CHANGING = 500


def idle(stage: LocalStage) -> Row:
    """Connections that are open and say nothing, beside one that talks; then all are cut at once."""
    _allow_many_files()

    async def run() -> tuple[int, float, list[float], float]:
        path, pid = echo_api(stage), pid_of(stage)
        before_mb, enough = memory_mb(pid), asyncio.Semaphore(200)

        async def connect() -> Client:
            async with enough:
                return await Client.connect_in_the_end(stage, path)

        clients = await asyncio.gather(*(connect() for _ in range(IDLE)))
        opened = (await asyncio.to_thread(status_of, stage))["connections"]
        each_kb = (memory_mb(pid) - before_mb) * 1000 / opened
        ended = asyncio.Event()
        talker = asyncio.create_task(others_ms(stage, path, ended))
        await asyncio.sleep(3)
        ended.set()
        measured = await talker
        for client in clients:
            client.cut()
        began = time.perf_counter()
        while (await asyncio.to_thread(status_of, stage))["connections"]:
            await asyncio.sleep(0.1)
        return opened, each_kb, measured, time.perf_counter() - began

    opened, each_kb, measured, gone_s = asyncio.run(run())
    number = f"{opened:,} open, {each_kb:.1f} KB each; one that talks meanwhile: {median_and_most(measured)}; "
    return Row(
        "load", f"{IDLE:,} idle connections, cut at once", opened >= IDLE, f"{number}none left after {gone_s:.1f} s"
    )


def talking(stage: LocalStage) -> Row:
    """Clients that send and hear an answer, all at once, without a function."""
    _allow_many_files()

    async def run() -> tuple[int, float]:
        path, enough = echo_api(stage), asyncio.Semaphore(200)

        async def connect() -> Client:
            async with enough:
                return await Client.connect_in_the_end(stage, path)

        clients = await asyncio.gather(*(connect() for _ in range(TALKING)))

        async def talk(client: Client) -> int:
            for _ in range(WORDS):
                client.say("{}")
            return sum([await client.hear() == "here" for _ in range(WORDS)])

        began = time.perf_counter()
        heard = sum(await asyncio.gather(*map(talk, clients)))
        took_s = time.perf_counter() - began
        for client in clients:
            client.cut()
        return heard, took_s

    heard, took_s = asyncio.run(run())
    number = f"{heard:,} of {TALKING * WORDS:,} answered, {heard / took_s:,.0f} a second"
    return Row("load", f"{TALKING:,} connections talk at once (MOCK)", heard == TALKING * WORDS, number)


def burst(stage: LocalStage) -> Row:
    """More messages at once than processes: each is served once, and nobody is told that it timed out."""

    async def run() -> tuple[list[str], float]:
        api = await asyncio.to_thread(
            lambda: deploy_api(StageTarget(stage), {"$default": ECHO}, two_way=("$default",), Timeout=60)
        )
        clients = [await Client.connect(stage, f"/{api.api_id}/prod") for _ in range(BURST_CLIENTS)]
        began = time.perf_counter()
        for number, client in enumerate(clients):
            for message in range(BURST_MESSAGES):
                client.say(f"{number}/{message}")

        async def listen(client: Client) -> list[str]:
            return [await client.hear() for _ in range(BURST_MESSAGES)]

        heard = await asyncio.wait_for(asyncio.gather(*map(listen, clients)), 300)
        took_s = time.perf_counter() - began
        for client in clients:
            client.cut()
        return [text for texts in heard for text in texts], took_s

    heard, took_s = asyncio.run(run())
    sent = {f"{client}/{message}" for client in range(BURST_CLIENTS) for message in range(BURST_MESSAGES)}
    lost, doubled = len(sent - set(heard)), len(heard) - len(set(heard))
    number = f"{len(heard):,} answers in {took_s:.0f} s; {lost} lost, {doubled} doubled or refused"
    return Row("load", f"{len(sent):,} messages at once to a function", not lost and not doubled, number)


def burst_on_one_core(stage: LocalStage) -> Row:
    """The same where emulator, functions and clients have one processor between them."""
    ours = os.sched_getaffinity(0)
    for thread in Path(f"/proc/{pid_of(stage)}/task").iterdir():
        os.sched_setaffinity(int(thread.name), {min(ours)})  # What it starts has no more than it has.
    os.sched_setaffinity(0, {min(ours)})
    try:
        row = burst(stage)
    finally:
        os.sched_setaffinity(0, ours)
    return replace(row, tried=f"{row.tried}, on one core")


def changing(stage: LocalStage) -> Row:
    """A crowd that leaves while as many others come: a function writes down who is there."""
    _allow_many_files()

    async def run(path: str) -> tuple[int, float]:
        async def come() -> list[Client]:
            enough = asyncio.Semaphore(50)

            async def connect() -> Client:
                async with enough:
                    return await Client.connect_in_the_end(stage, path)

            return await asyncio.gather(*(connect() for _ in range(CHANGING)))

        first = await come()
        began = time.perf_counter()
        coming = asyncio.create_task(come())
        for client in first:
            client.cut()
            await asyncio.sleep(0)  # Somebody else's turn: they come in between.
        second = await coming
        while (there := await asyncio.to_thread(rows)) != CHANGING and time.perf_counter() - began < 120:
            await asyncio.sleep(0.2)
        took_s = time.perf_counter() - began
        for client in second:
            client.cut()
        return there, took_s

    with table_of_ids(StageTarget(stage)) as table:

        def rows() -> int:
            return StageTarget(stage).client("dynamodb").scan(TableName=table, Select="COUNT")["Count"]

        there, took_s = asyncio.run(run(visited_api(stage, table)))
    number = f"{there} rows for the {CHANGING} who are there after {took_s:.1f} s"
    return Row("load", f"{CHANGING} clients leave while {CHANGING} come", there == CHANGING, number)


def emulators(_: LocalStage) -> Row:
    """Emulators that start at the same time on one machine, each until it has answered a call of an AWS API."""

    def begin(one: LocalStage) -> float:
        began = time.perf_counter()
        with contextlib.closing(HTTPConnection(one.start().url.removeprefix("http://"), timeout=120)) as connection:
            headers = {"X-Amz-Target": "DynamoDB_20120810.ListTables", "Content-Type": "application/x-amz-json-1.0"}
            connection.request("POST", "/", "{}", headers)  # Unsigned: it is refused, when all is loaded.
            assert connection.getresponse().status == 400
        return time.perf_counter() - began

    several = [LocalStage() for _ in range(EMULATORS)]
    try:
        with ThreadPoolExecutor(EMULATORS) as pool:
            ready_s = list(pool.map(begin, several))
        own_mb = [pss_mb(pid_of(one)) for one in several]
    finally:
        for one in several:
            one.stop()
    number = f"each has answered a call after {min(ready_s):.1f} to {max(ready_s):.1f} s, {statistics.median(own_mb):.0f} MB each"
    return Row("load", f"{EMULATORS} emulators started at once", statistics.median(own_mb) < 80, number)


def _allow_many_files() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 65_536) if most > 0 else 65_536, most))

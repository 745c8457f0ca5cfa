"""The measurements, each a row of the table: what is done with a running subject, and the figure of one round.

A figure is in the row's unit. A round measures each subject once, one after the
other; what belongs to one subject alone is cleaned up before the next begins.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tests.benchmarks import chat
from tests.benchmarks.clients import Client, close_clients, open_client, open_clients
from tests.benchmarks.subjects import Subject
from tests.benchmarks.watch import cpu_s, memory_mb, tree

Figures = dict[str, float]
"""What one round found out: by the name of the figure, the row's main one is called "value"."""
_QUIET_S = 20.0
"""A message that has not come for so long is lost."""


@dataclass(frozen=True)
class Row:
    """One measurement. ``rounds`` bounds how often it is worth its time."""

    title: str
    unit: str
    measure: Callable[[Subject], Awaitable[Figures | None]] | None
    """None of a row that is measured elsewhere."""
    rounds: int = 99
    less_is_better: bool = True


def rows(fan_outs: list[int], idle: int) -> list[Row]:
    """All rows of running subjects, the short ones first."""
    return [
        Row("connect", "ms", connect),
        Row("there and back", "ms", there_and_back),
        Row("PutItem", "ms", put_item),
        *(Row(f"fan-out to {count:,}", "ms", _fan_out(count), _rounds_of(count)) for count in fan_outs),
        Row("ten clients, closed loop", "messages/s", closed_loop, less_is_better=False),
        Row("ten clients, burst of 500 messages", "s", burst, 2),
        *([Row(f"opening {idle:,} connections", "connections/s", _opening(idle), 1, False)] if idle else []),
        Row("500 clients come and leave", "MB", come_and_leave, 1),
        *(
            Row(f"own handler, fan-out to {count:,}", "ms", _own_fan_out(count), 3)
            for count in fan_outs
            if count <= 500
        ),
    ]


async def connect(subject: Subject) -> Figures:
    """The median of 40 handshakes, one after the other, each with its $connect."""
    clients = await open_clients(subject.url, 5, at_once=1)
    began_cpu, times = cpu_s(subject.roots), []
    for _ in range(40):
        began = time.perf_counter()
        clients.append(await open_client(subject.url))
        times.append((time.perf_counter() - began) * 1000)
    spent = cpu_s(subject.roots) - began_cpu
    await leave(subject, clients)
    return {"value": statistics.median(times), "cpu ms": spent * 1000 / len(times)}


async def there_and_back(subject: Subject) -> Figures:
    """The median of 80 messages of the only client, each sent when the one before has come back."""
    client = await open_client(subject.url)
    talker = Talker(client)
    for number in range(10):
        await talker.say(number)
    began_cpu, times = cpu_s(subject.roots), []
    for number in range(80):
        began = time.perf_counter()
        await talker.say(100 + number)
        times.append((time.perf_counter() - began) * 1000)
    spent = cpu_s(subject.roots) - began_cpu
    await leave(subject, [client])
    return {"value": statistics.median(times), "cpu ms": spent * 1000 / len(times)}


async def put_item(subject: Subject) -> Figures:
    """The median of 200 PutItem calls from boto3; the floor's are moto's own, without signature and policies."""
    dynamodb, item = subject.client("dynamodb"), {"connection_id": {"S": "measured"}}
    began_cpu, times = cpu_s(subject.roots), []
    for number in range(220):
        began = time.perf_counter()
        dynamodb.put_item(TableName=chat.TABLE, Item=item)
        if number >= 20:
            times.append((time.perf_counter() - began) * 1000)
    spent = cpu_s(subject.roots) - began_cpu
    dynamodb.delete_item(TableName=chat.TABLE, Key=item)
    return {"value": statistics.median(times), "cpu ms": spent * 1000 / 220}


def _fan_out(count: int) -> Callable[[Subject], Awaitable[Figures]]:
    async def measure(subject: Subject) -> Figures:
        """The time from one message to the last of ``count`` clients that get it, the median of some."""
        clients = await open_clients(subject.url, count, at_once=8)
        crowd = Crowd(clients)
        await crowd.hear(lambda: clients[0].send("0"), count)
        repeats = max(1, 500 // count)
        began_cpu, times, lost = cpu_s(subject.roots), [], 0
        for _ in range(repeats):
            began = time.perf_counter()
            lost += await crowd.hear(lambda: clients[0].send("0"), count)
            times.append((crowd.last_at - began) * 1000)
        spent = cpu_s(subject.roots) - began_cpu
        await leave(subject, clients)
        cpu = spent * 1000 / (repeats * count)
        return {"value": statistics.median(times), "cpu ms a post": cpu, "lost": lost}

    return measure


def _own_fan_out(count: int) -> Callable[[Subject], Awaitable[Figures | None]]:
    async def measure(subject: Subject) -> Figures | None:
        return await _fan_out(count)(subject) if subject.use_own_handler() else None

    return measure


async def closed_loop(subject: Subject) -> Figures:
    """Ten clients, each sends its next message when its last has come back; each message goes to all ten."""
    clients = await open_clients(subject.url, 10, at_once=4)
    talkers = [Talker(client) for client in clients]
    await asyncio.gather(*(talker.say(-1 - index) for index, talker in enumerate(talkers)))  # Environments start.
    each = 15

    async def talk(index: int) -> None:
        for number in range(each):
            await talkers[index].say(index * 1000 + number)

    began_cpu, began = cpu_s(subject.roots), time.perf_counter()
    await asyncio.gather(*(talk(index) for index in range(len(clients))))
    seconds, spent = time.perf_counter() - began, cpu_s(subject.roots) - began_cpu
    await leave(subject, clients)
    messages = each * len(clients)
    return {"value": messages / seconds, "cpu ms": spent * 1000 / messages}


async def burst(subject: Subject) -> Figures:
    """Ten clients send 50 messages each at once; the time until all 5,000 have come, and how many never came."""
    clients = await open_clients(subject.url, 10, at_once=4)
    crowd = Crowd(clients)

    def send_all() -> None:
        for client in clients:
            for number in range(50):
                client.send(json.dumps({"number": number}))

    began = time.perf_counter()
    lost = await crowd.hear(send_all, 5000)
    seconds = crowd.last_at - began
    facts = {"value": seconds, "lost": lost, "processes": len(tree(subject.roots)), "MB": memory_mb(subject.roots)}
    await leave(subject, clients)
    return facts


def _opening(count: int) -> Callable[[Subject], Awaitable[Figures | None]]:
    async def measure(subject: Subject) -> Figures | None:
        """How fast connections without a $connect are opened, and what they take while they are idle."""
        if not subject.quiet_url:
            return None
        before = memory_mb(subject.roots)
        began = time.perf_counter()
        clients = await open_clients(subject.quiet_url, count, at_once=50)
        seconds = time.perf_counter() - began
        during = memory_mb(subject.roots)
        still_open = sum(not client.closed.done() for client in clients)
        await close_clients(clients)
        return {
            "value": count / seconds,
            "KB each": (during - before) * 1024 / count,
            "open": still_open,
            "MB before": before,
            "MB during": during,
            "MB after": memory_mb(subject.roots),
        }

    return measure


async def come_and_leave(subject: Subject) -> Figures:
    """The memory before, while and after 500 clients are there, each with its $connect and $disconnect."""
    before = memory_mb(subject.roots)
    clients = await open_clients(subject.url, 500, at_once=8)
    during = memory_mb(subject.roots)
    await leave(subject, clients)
    after = memory_mb(subject.roots)
    return {"value": after, "MB before": before, "MB during": during, "processes": len(tree(subject.roots))}


async def leave(subject: Subject, clients: list[Client]) -> None:
    """Closes the clients, ten at a time, and waits until their $disconnect has run; then empties the table.

    All at once would have serverless-offline start a process for each of them.
    """
    deadline = time.monotonic() + 60
    for start in range(0, len(clients), 10):
        await close_clients(clients[start : start + 10])
        left = max(0, len(clients) - start - 10)
        while subject.rows() > left and time.monotonic() < deadline:
            await asyncio.sleep(0.02)
    subject.empty()


class Talker:
    """A client that waits for its own messages."""

    def __init__(self, client: Client):
        self._client = client
        self._waiting: dict[str, asyncio.Future[None]] = {}
        client.on_text = self._hear

    async def say(self, number: int) -> None:
        """Sends a message and returns when it has come back. Raises TimeoutError."""
        text = json.dumps({"number": number})
        heard = self._waiting[text] = asyncio.get_running_loop().create_future()
        self._client.send(text)
        await asyncio.wait_for(heard, 60)

    def _hear(self, text: str) -> None:
        waiting = self._waiting.pop(text, None)
        if waiting is not None:
            waiting.set_result(None)


class Crowd:
    """Clients that count together what they hear; ``last_at`` is when the last message came."""

    def __init__(self, clients: list[Client]):
        self.last_at = 0.0
        self._heard = 0
        self._expected = 0
        self._all: asyncio.Event = asyncio.Event()
        for client in clients:
            client.on_text = self._hear

    async def hear(self, speak: Callable[[], None], expected: int) -> int:
        """Returns when ``expected`` messages have come or none comes any more; how many are lacking then."""
        self._heard, self._expected, self.last_at = 0, expected, time.perf_counter()
        self._all.clear()
        speak()
        while not self._all.is_set():
            try:
                await asyncio.wait_for(self._all.wait(), 1)
            except TimeoutError:
                if time.perf_counter() - self.last_at > _QUIET_S:
                    break
        return expected - self._heard

    def _hear(self, text: str) -> None:
        if text.startswith('{"message"') or "connectionId" in text:
            return  # The gateway's error frame is no delivery.
        self._heard += 1
        self.last_at = time.perf_counter()
        if self._heard >= self._expected:
            self._all.set()


def _rounds_of(count: int) -> int:
    return 99 if count <= 100 else 3 if count <= 500 else 1

"""One client that takes more than its share, and what the others notice of it."""

from __future__ import annotations

import asyncio

from websockets.frames import Frame, Opcode

from localstage import LocalStage
from tests.fire.clients import Client, echo_api, median_and_most, memory_mb, others_ms, pid_of, status_of
from tests.fire.rows import Row

FLOOD_S = 8.0
AFTER_S = 4.0
MOST_WAIT_MS = 500.0
"""What is promised to the others: that they wait no longer, on a machine of two slow cores."""
MOST_GROWTH_MB = 40.0
SLOW_CLIENTS, SLOW_FRAME_BYTES = 2_000, 32 * 1024
MOST_OF_A_SLOW_CLIENT_MB = 0.1
"""Three times its frame."""


def tiny_messages(stage: LocalStage) -> Row:
    """Messages of two bytes, as fast as they go."""
    return _flood(stage, "one client sends tiny messages without end", Frame(Opcode.TEXT, b"{}"))


def empty_fragments(stage: LocalStage) -> Row:
    """A message that begins, and goes on with nothing."""
    first = Frame(Opcode.TEXT, b"", fin=False)
    return _flood(stage, "one client sends empty fragments without end", Frame(Opcode.CONT, b"", fin=False), first)


def empty_pongs(stage: LocalStage) -> Row:
    """Frames that ask for nothing."""
    return _flood(stage, "one client sends empty pongs without end", Frame(Opcode.PONG, b""))


def unread_pings(stage: LocalStage) -> Row:
    """Pings whose answers nobody reads."""
    return _flood(stage, "one client pings without end and never reads", Frame(Opcode.PING, b"x" * 100))


def slow_frames(stage: LocalStage) -> Row:
    """Clients that announce a frame, and then send one byte of it a second."""
    announced = Frame(Opcode.TEXT, b"x" * SLOW_FRAME_BYTES).serialize(mask=True)

    async def run() -> tuple[list[float], list[float], float, str, int]:
        path, pid = echo_api(stage), pid_of(stage)
        begun, ended = asyncio.Event(), asyncio.Event()
        calm = asyncio.create_task(others_ms(stage, path, begun))
        await asyncio.sleep(1)
        begun.set()
        before_ms, before_mb, enough = await calm, memory_mb(pid), asyncio.Semaphore(200)

        async def connect() -> Client:
            async with enough:
                return await Client.connect_in_the_end(stage, path)

        clients = await asyncio.gather(*(connect() for _ in range(SLOW_CLIENTS)))
        others = asyncio.create_task(others_ms(stage, path, ended))
        for client in clients:
            client.writer.write(announced[:-10])
        for second in range(8):
            await asyncio.sleep(1)
            for client in clients:
                client.writer.write(announced[second - 10 : second - 9])
        ended.set()
        during_ms, grown_mb = await others, memory_mb(pid) - before_mb
        still_open = (await asyncio.to_thread(status_of, stage))["connections"]
        clients[0].writer.write(announced[-2:])
        heard = await asyncio.wait_for(clients[0].hear(), 60)
        for client in clients:
            client.cut()
        return before_ms, during_ms, grown_mb, heard, still_open

    before_ms, during_ms, grown_mb, heard, still_open = asyncio.run(run())
    number = f"others {median_and_most(during_ms)} (before {median_and_most(before_ms)}); {grown_mb:+.0f} MB; "
    number += f"{still_open:,} still open, whole frames are answered" if heard == "here" else f"answered {heard!r}"
    held = heard == "here" and max(during_ms) < MOST_WAIT_MS and grown_mb < SLOW_CLIENTS * MOST_OF_A_SLOW_CLIENT_MB
    tried = f"{SLOW_CLIENTS:,} clients begin a frame of {SLOW_FRAME_BYTES // 1024} KB and send a byte of it a second"
    return Row("load", tried, held, number)


def _flood(stage: LocalStage, tried: str, frame: Frame, first: Frame | None = None) -> Row:
    async def run() -> tuple[list[float], list[float], int, float]:
        path, pid = echo_api(stage), pid_of(stage)
        begun, ended = asyncio.Event(), asyncio.Event()
        calm = asyncio.create_task(others_ms(stage, path, begun))
        await asyncio.sleep(1)
        begun.set()
        before_ms, before_mb = await calm, memory_mb(pid)
        others = asyncio.create_task(others_ms(stage, path, ended))
        flooder = await Client.connect_in_the_end(stage, path)
        if first is not None:
            flooder.send(first)
        sent = await _send_for(flooder, frame, FLOOD_S)
        await asyncio.sleep(AFTER_S)
        ended.set()
        during_ms, grown_mb = await others, memory_mb(pid) - before_mb
        flooder.cut()
        return before_ms, during_ms, sent, grown_mb

    before_ms, during_ms, sent, grown_mb = asyncio.run(run())
    number = f"{sent:,} frames in {FLOOD_S:.0f} s; others {median_and_most(during_ms)}"
    number += f" (before {median_and_most(before_ms)}); {grown_mb:+.0f} MB"
    return Row("load", tried, max(during_ms) < MOST_WAIT_MS and grown_mb < MOST_GROWTH_MB, number)


async def _send_for(client: Client, frame: Frame, seconds: float) -> int:
    """Sends one frame again and again, never more than the line takes; how often."""
    loop = asyncio.get_running_loop()
    until, batch, sent = loop.time() + seconds, frame.serialize(mask=True) * 500, 0
    while loop.time() < until:
        client.writer.write(batch)
        try:
            await asyncio.wait_for(client.writer.drain(), max(until - loop.time(), 0.01))
        except (TimeoutError, OSError):  # Held back, or cut.
            break
        sent += 500
        await asyncio.sleep(0)
    return sent

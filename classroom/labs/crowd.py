"""A crowd: many quiet connections to one chat, which note when they have heard something.

The chat is ``cloudformation/crowd/``, whose function tells everybody in one of
four ways; how it goes through the crowd is in the learner's ``ways.py``. The
crowd lives in an event loop of its own thread, and its clients do as little as
possible: what is measured is the other side, as far as one machine allows.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import threading
import time
from collections.abc import Coroutine
from concurrent.futures import Future
from itertools import count
from typing import Any

import boto3
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from classroom.account import packages, stack
from classroom.errors import OneSentence
from classroom.exercises.checks import eventually
from classroom.my_chat.chat import Version

FOLDER = stack.TEMPLATES / "crowd"
WAYS = ("sequential", "concurrent", "cheap", "sharded")
AT_ONCE = 8
"""Handshakes under way: a new account runs ten functions at a time, and API Gateway takes 500 connections a second."""
PATIENCE_S = 60.0


class CrowdFailed(OneSentence, RuntimeError):
    """Not everybody came, or not everybody heard."""


def package(ways: str) -> bytes:
    """The deployment package of the crowd's function with this text as its ``ways.py``."""
    files = {"crowd.py": (FOLDER / "crowd.py").read_text("utf-8"), "ways.py": ways}
    for name in ("management", "log"):
        files |= packages.sources_of(name)
    return packages.package_of(files)


def deploy(lesson: Any, exercise: str) -> dict[str, str]:
    """Create or update the stack ``crowd`` with the learner's ``ways.py``, or the course's; its outputs."""
    version: Version = lesson.my_chat.version(exercise)
    print(f"In use: {version}.")
    key = packages.upload(lesson.account, package(version.text))
    given = {"Prefix": lesson.name("crowd"), "CodeBucket": lesson.bucket, "CodeKey": key}
    return stack.deploy(lesson.account, lesson.name("crowd"), "crowd/crowd.yaml", given)


def fill_rooms(lesson: Any, people: int = 400, each: int = 20) -> Any:
    """Put rows of people who are not there into rooms of twenty, "room 0", "room 1" and so on; boto3's table."""
    table = boto3.resource("dynamodb").Table(lesson.name("crowd-Crowd"))
    with table.batch_writer() as batch:
        for number in range(people):
            row = {"room_id": f"room {number // each}", "connection_id": f"c{number}"}
            batch.put_item(Item={**row, "name": "Somebody with an ordinary name"})
    return table


def wait_until_logged(lesson: Any, people: int) -> str:
    """Wait until the log tells that so many people have left, or nearly: AWS does not promise a disconnect. The log group."""
    group = f"/aws/lambda/{lesson.name('crowd')}-crowd"
    wanted = {"logGroupName": group, "filterPattern": '"left"'}

    def nearly_all_left() -> bool:
        return len(lesson.account.pages("logs", "filter_log_events", "events", **wanted)) >= 0.95 * people

    eventually("those who left are in the log", nearly_all_left, timeout=60)
    return group


class Crowd:
    """People who only listen, all in one process. ``close`` when done; it is closed when the kernel ends."""

    def __init__(self, url: str):
        self._url = url
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        self._trust = ssl.create_default_context() if url.startswith("wss") else None
        self._sockets: list[ClientConnection] = []
        self._readers: list[asyncio.Task[None]] = []
        self._heard: dict[str, list[float]] = {}
        self._waiting: tuple[str, int, asyncio.Future[None]] | None = None
        self._numbers = count(1)
        self._frames, self._cpu_s = 0, 0.0

    def __len__(self) -> int:
        return len(self._sockets)

    def __repr__(self) -> str:
        return f"a crowd of {len(self)}"

    def grow(self, to: int) -> Crowd:
        """Let people come until there are so many. Raises ``CrowdFailed``."""
        self._run(self._grow(to))
        return self

    def tell(self, way: str) -> float:
        """Let one of them say something that is told in this way; seconds until the last has heard it.

        Raises ``CrowdFailed`` if somebody has not within a minute.
        """
        text = f"message {next(self._numbers)}, {way}"
        began = time.process_time()
        seconds = self._run(self._tell(way, text))
        self._cpu_s += time.process_time() - began
        self._frames += len(self)
        return seconds

    @property
    def listen_s(self) -> float:
        """Processor time that this process takes for each frame that somebody in the crowd hears, on average."""
        return self._cpu_s / self._frames if self._frames else 0.0

    def close(self) -> None:
        """Let everybody leave, in order; harmless when nobody is there."""
        self._run(self._close())

    async def _grow(self, to: int) -> None:
        left = iter(range(to - len(self._sockets)))

        async def come() -> None:
            for _ in left:
                socket = await connect(
                    self._url, ssl=self._trust, open_timeout=PATIENCE_S, ping_interval=None, compression=None
                )
                self._sockets.append(socket)
                self._readers.append(asyncio.create_task(self._listen(socket)))

        try:
            async with asyncio.TaskGroup() as coming:
                for _ in range(AT_ONCE):
                    coming.create_task(come())
        except* (OSError, WebSocketException) as failed:
            raise CrowdFailed(f"Only {len(self._sockets)} of {to} came: {failed.exceptions[0]}") from None

    async def _tell(self, way: str, text: str) -> float:
        self._heard[text], everybody = [], asyncio.get_running_loop().create_future()
        self._waiting = text, len(self._sockets), everybody
        began = time.monotonic()
        said = {"action": "sendMessage", "sender": "somebody", "message": text, "way": way}
        await self._sockets[0].send(json.dumps(said))
        try:
            async with asyncio.timeout(PATIENCE_S):
                await everybody
        except TimeoutError:
            heard = len(self._heard[text])
            raise CrowdFailed(
                f"{heard} of {len(self._sockets)} have heard it within {PATIENCE_S:.0f} s. "
                f"Look at: the log of the function crowd, and your ways.py."
            ) from None
        return max(self._heard.pop(text)) - began

    async def _listen(self, socket: ClientConnection) -> None:
        try:
            async for frame in socket:
                text = json.loads(frame).get("message")
                heard = self._heard.get(text)
                if heard is None:
                    continue
                heard.append(time.monotonic())
                if self._waiting and self._waiting[0] == text and len(heard) == self._waiting[1]:
                    self._waiting[2].set_result(None)
        except WebSocketException:
            pass

    async def _close(self) -> None:
        await asyncio.gather(*(socket.close() for socket in self._sockets), return_exceptions=True)
        await asyncio.gather(*self._readers)
        self._sockets.clear()
        self._readers.clear()

    def _run(self, work: Coroutine[Any, Any, Any]) -> Any:
        running: Future[Any] = asyncio.run_coroutine_threadsafe(work, self._loop)
        return running.result()

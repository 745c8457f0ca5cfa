"""A stage at AWS's pace whose time the test moves: ``python -m tests.stage.moved_stage``, driven by ``MovedStage``.

The process prints how it is reached as one line of JSON. Each line that it
reads is a number of seconds; it answers ``moved`` when all that was due in them
has happened. Nothing else moves its time, so a test waits for nothing and is
never too late.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from functools import cache
from pathlib import Path
from threading import Thread
from typing import Any

import boto3
import websocket
from botocore.config import Config

from localstage.emulator import Emulator
from localstage.environment import changes_for
from localstage.settings import Settings
from tests.late.sitecustomize import LATENESS
from tests.moved_clock import MovedClock
from tests.stage.target import REGION, StageTarget, ca_of, empty_account

ROOT = Path(__file__).resolve().parents[2]


class TimeOfDay(MovedClock):
    """The time of day is the machine's, by which calls are signed; everything that waits, waits for ``moving``."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000


class MovedStage:
    """The test's end: starts the process, moves its time, makes clients that retry as boto3 does by default."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.stage.moved_stage"],
            cwd=ROOT,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._process.stdout is not None
        self._settings: dict[str, str] = json.loads(self._process.stdout.readline())
        self.url = self._settings["LOCALSTAGE_URL"]
        self._session = boto3.Session(
            self._settings["AWS_ACCESS_KEY_ID"], self._settings["AWS_SECRET_ACCESS_KEY"], region_name=REGION
        )
        self._target = StageTarget(self)  # type: ignore[arg-type]
        self.client = cache(self._new_client)
        """A boto3 client by service, with boto3's default number of attempts or with another."""

    def changes(self, as_aws: bool = False) -> Any:
        """What StageTarget asks of a stage."""
        return type("Changes", (), {"settings": self._settings})

    def _new_client(self, service: str, attempts: int = 3) -> Any:
        config = Config(proxies={"https": self.url}, retries={"mode": "standard", "total_max_attempts": attempts})
        return self._session.client(service, config=config, verify=ca_of(self._settings))

    def connect(self, url: str) -> websocket.WebSocket:
        """Opens a WebSocket."""
        return self._target.connect(url)

    def empty(self) -> None:
        """Deletes everything in the account."""
        empty_account(self.url, self._session)

    def move(self, seconds: float) -> None:
        """Lets so much time pass; returns when all that was due has happened."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(f"{seconds}\n")
        self._process.stdin.flush()
        assert self._process.stdout.readline() == "moved\n"

    def stop(self) -> None:
        """Ends the process."""
        self._process.communicate(timeout=90)


async def _serve() -> None:
    clock, lines = TimeOfDay(), asyncio.Queue[str]()
    with tempfile.TemporaryDirectory(prefix="moved-stage-") as work_dir:
        stage = Emulator(Settings(port=0, like_aws=True), Path(work_dir), clock)
        reach = await stage.start()

        async def settle() -> None:
            """Two rounds of the event loop and the account thread: a step and what it asks for next."""
            for _ in range(2):
                await asyncio.sleep(0)
                await stage._account._thread.run(lambda: None)
                await asyncio.sleep(0)
                while LATENESS.waiting:  # Under --late a step may wait in real time.
                    await asyncio.sleep(0.01)

        print(json.dumps(dict(changes_for(reach, {}, as_aws=True).settings)), flush=True)
        Thread(target=_read, args=(asyncio.get_running_loop(), lines), daemon=True).start()
        while line := await lines.get():
            await settle()
            for _ in clock.moving(float(line)):
                await settle()
            print("moved", flush=True)
        await stage.stop()


def _read(loop: asyncio.AbstractEventLoop, lines: asyncio.Queue[str]) -> None:
    """Hands on the lines of standard input, and an empty one at its end."""
    for line in itertools.chain(iter(sys.stdin.readline, ""), [""]):
        loop.call_soon_threadsafe(lines.put_nowait, line)


if __name__ == "__main__":
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    asyncio.run(_serve())

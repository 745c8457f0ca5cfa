"""What the tests of localstage.functions share: a port with nothing but the Runtime API, and small functions.

The server is real, the processes are real; the log sink keeps what it gets.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import io
import json
import os
import tempfile
import zipfile
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from localstage.functions.definition import FunctionDefinition
from localstage.functions.invocation import InvocationResult
from localstage.functions.service import Functions
from localstage.port.certificates import Authority
from localstage.port.server import Handlers, Port
from localstage.settings import Settings


class KeptLog:
    """A log sink that keeps the messages by stream, in order of arrival."""

    def __init__(self) -> None:
        self.streams: dict[str, list[str]] = {}

    def put(self, definition: FunctionDefinition, log_stream: str, events: Sequence[tuple[int, str]]) -> None:
        self.streams.setdefault(f"{definition.log_group} {log_stream}", []).extend(message for _, message in events)

    @property
    def messages(self) -> list[str]:
        """All messages, stream after stream."""
        return [message for stream in self.streams.values() for message in stream]

    @property
    def text(self) -> str:
        return "".join(self.messages)


def zipped(files: dict[str, str | bytes]) -> bytes:
    """A deployment package with these files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def function(code: str, **facts: Any) -> FunctionDefinition:
    """A function whose module ``app`` has this code; its handler is ``app.handler``."""
    package = facts.pop("package", None) or zipped({"app.py": code})
    name = facts.pop("name", "probe")
    plain = FunctionDefinition(
        name=name,
        arn=f"arn:aws:lambda:us-east-1:123456789012:function:{name}",
        region="us-east-1",
        account_id="123456789012",
        role_arn="arn:aws:iam::123456789012:role/probe",
        handler="app.handler",
        runtime="python3.13",
        code_zip=package,
        code_sha256=base64.b64encode(hashlib.sha256(package).digest()).decode(),
    )
    return replace(plain, **facts)


@dataclass
class Workbench:
    """A running ``Functions`` with its port, log and directory."""

    functions: Functions
    log: KeptLog
    work_dir: Path
    variables: dict[str, str] = field(default_factory=dict)

    async def call(self, definition: FunctionDefinition, event: Any = None, **options: Any) -> InvocationResult:
        """Invokes with a JSON event; gives up after 120 s."""
        invocation = self.functions.invoke(definition, json.dumps(event).encode(), **options)
        return await asyncio.wait_for(invocation, 120)

    async def value(self, definition: FunctionDefinition, event: Any = None, **options: Any) -> Any:
        """What the handler returned; the invocation must succeed."""
        result = await self.call(definition, event, **options)
        assert result.function_error is None, result.payload
        return json.loads(result.payload)


@asynccontextmanager
async def workbench(**options: Any) -> AsyncIterator[Workbench]:
    """Opens the port, gives a workbench, and stops everything. ``options`` go to Settings and Functions."""
    own = {name: options.pop(name) for name in ("runtimes", "event_retry_delays_s", "clock") if name in options}
    log = KeptLog()
    bound: list[str] = []
    variables: dict[str, str] = {}
    with tempfile.TemporaryDirectory(prefix="functions-") as directory:
        work_dir = Path(directory)
        functions = Functions(
            settings=Settings(**options),
            runtime_api_address=lambda: bound[0],
            function_environment=lambda definition: variables,
            log_sink=log,
            work_dir=work_dir,
            **own,
        )

        port = Port(Authority(), Handlers(nobody, nobody, nobody, nobody, functions.handle_runtime_request, nobody))
        await port.start(0)
        bound.append(f"127.0.0.1:{port.number}")
        try:
            yield Workbench(functions, log, work_dir, variables)
        finally:
            await functions.stop()
            await port.stop()


async def nobody(*_: object) -> Any:
    """Who is not asked in these tests."""
    raise AssertionError("functions ask for the Runtime API alone")


def with_workbench(**options: Any) -> Callable[[Callable[[Workbench], Awaitable[None]]], Callable[[], None]]:
    """Makes a test of a coroutine function that takes a workbench."""

    def decorate(test: Callable[[Workbench], Awaitable[None]]) -> Callable[[], None]:
        async def inside() -> None:
            async with workbench(**options) as bench:
                await asyncio.wait_for(test(bench), 180)

        def run() -> None:
            asyncio.run(inside())

        run.__name__, run.__doc__, run.__module__ = test.__name__, test.__doc__, test.__module__
        return run

    return decorate


async def until(holds: Callable[[], bool], what: str, deadline_s: float = 90.0) -> None:
    """Returns when ``holds()`` is true; fails with ``what`` after the deadline."""
    end = asyncio.get_running_loop().time() + deadline_s
    while not holds():
        assert asyncio.get_running_loop().time() < end, f"waited {deadline_s} s for {what}"
        await asyncio.sleep(0.01)


def is_running(pid: int) -> bool:
    """Whether a process of this number runs; one that ended but was not yet reaped does not."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as stat:
            return stat.read().rpartition(")")[2].split()[0] not in ("Z", "X")
    except OSError:
        pass
    if os.path.isdir("/proc/self"):
        return False
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True

"""Raw clients, many at once on one event loop, and a stage that answers without any function."""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import time
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

from websockets.frames import Frame, Opcode

from localstage import LocalStage
from tests.stage.target import StageTarget

_KEY = "dGhlIHNhbXBsZSBub25jZQ=="


def echo_api(stage: LocalStage) -> str:
    """Deploys an API whose ``$default`` route answers every message "here" by a MOCK integration; its path."""
    gateway = StageTarget(stage).client("apigatewayv2")
    api = gateway.create_api(Name="fire", ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.action")
    integration = gateway.create_integration(
        ApiId=api["ApiId"], IntegrationType="MOCK", RequestTemplates={"200": '{"statusCode": 200}'}
    )["IntegrationId"]
    gateway.create_integration_response(
        ApiId=api["ApiId"],
        IntegrationId=integration,
        IntegrationResponseKey="$default",
        ResponseTemplates={"200": "here"},
    )
    route = gateway.create_route(
        ApiId=api["ApiId"],
        RouteKey="$default",
        Target=f"integrations/{integration}",
        RouteResponseSelectionExpression="$default",
    )["RouteId"]
    gateway.create_route_response(ApiId=api["ApiId"], RouteId=route, RouteResponseKey="$default")
    gateway.create_stage(
        ApiId=api["ApiId"], StageName="prod", DeploymentId=gateway.create_deployment(ApiId=api["ApiId"])["DeploymentId"]
    )
    return f"/{api['ApiId']}/prod"


class Refused(Exception):
    """The handshake's answer was no 101; the text is its status."""


class Client:
    """One WebSocket by hand: frames out as they are, whole frames in."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter):
        self.reader = reader
        self.writer = writer

    @classmethod
    async def connect(cls, stage: LocalStage, path: str) -> Client:
        """Opens a connection. Raises Refused."""
        port = urlsplit(stage.url).port
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        writer.write(f"{head}Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {_KEY}\r\n\r\n".encode())
        answer = await reader.readuntil(b"\r\n\r\n")
        status = answer.split(b" ", 2)[1].decode()
        if status != "101":
            writer.close()
            raise Refused(status)
        return cls(reader, writer)

    @classmethod
    async def connect_in_the_end(cls, stage: LocalStage, path: str) -> Client:
        """Opens a connection as a program does that tries again when it is told 429."""
        while True:
            try:
                return await cls.connect(stage, path)
            except Refused as refused:
                if str(refused) != "429":
                    raise
                await asyncio.sleep(1)

    def send(self, *frames: Frame) -> None:
        """Sends frames, masked."""
        self.writer.write(b"".join(frame.serialize(mask=True) for frame in frames))

    def say(self, text: str) -> None:
        """Sends one text message."""
        self.send(Frame(Opcode.TEXT, text.encode()))

    async def hear(self) -> str:
        """The next frame's payload, as text."""
        first = await self.reader.readexactly(2)
        size = first[1] & 0x7F
        if size == 126:
            size = int.from_bytes(await self.reader.readexactly(2), "big")
        elif size == 127:
            size = int.from_bytes(await self.reader.readexactly(8), "big")
        return (await self.reader.readexactly(size)).decode()

    async def round_trip_ms(self) -> float:
        """How long one message and its answer take."""
        began = time.perf_counter()
        self.say("{}")
        await self.hear()
        return (time.perf_counter() - began) * 1000

    def cut(self) -> None:
        """Ends the connection without a word."""
        self.writer.transport.abort()


async def others_ms(stage: LocalStage, path: str, until: asyncio.Event) -> list[float]:
    """The round trips of a client that behaves, one after the other, until it is told to end."""
    client = await Client.connect_in_the_end(stage, path)
    measured = []
    while not until.is_set():
        measured.append(await asyncio.wait_for(client.round_trip_ms(), 60))
        await asyncio.sleep(0.02)
    client.cut()
    return measured


def median_and_most(measured: list[float]) -> str:
    """Two figures of a list of milliseconds, as text."""
    return f"{statistics.median(measured):.0f} / {max(measured):.0f} ms"


def status_of(stage: LocalStage) -> dict[str, int]:
    """What the emulator says of itself."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(stage.url + "/_localstage/status", timeout=60) as answer:
        return json.load(answer)


def pid_of(stage: LocalStage) -> int:
    """The emulator's process."""
    return status_of(stage)["pid"]


def memory_mb(pid: int) -> float:
    """The memory that a process has resident, in MB (Linux)."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6

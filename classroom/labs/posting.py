"""Four ways to post to a connection, and the processor time that each takes of the function.

    python -m classroom.labs.posting WAY ENDPOINT_URL CONNECTION_ID POSTS WORKERS

posts so often to one connection, one post after the other or with some workers side by side,
and prints one line of JSON. It runs in a process of its own, as a function does, with the account's
environment: the time is this process's own (user and system), not API Gateway's.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import http.client
import importlib
import json
import os
import ssl
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

HANDLERS = Path(__file__).resolve().parents[2] / "handlers"
WARM = 20
"""Posts before the clock runs: connections are opened, signing keys are derived."""
TURN = 10
"""Posts between two looks at the clock; the quickest turn counts: whatever else a machine does can only slow one down."""
FULL_CPU_MB = 1_769
"""AWS: "At 1,769 MB, a function has the equivalent of one vCPU" (Lambda's guide, "Configure Lambda function memory")."""
DATA = json.dumps({"type": "message", "room": "global", "sender": "Student", "message": "Hello AWS " * 6}).encode()


class Signer:
    """Signature Version 4 for posts and nothing else: the key is derived once a day, the body hashed once a message."""

    def __init__(self, host: str, region: str, credentials: Any):
        self._host, self._region = host, region
        self._id, self._secret, self._token = credentials
        self._day, self._key = "", b""

    def head(self, path: str, body_hash: str, length: int) -> bytes:
        """The head of one signed POST; ``path`` is percent-encoded, as it is sent."""
        moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        scope = f"{moment[:8]}/{self._region}/execute-api/aws4_request"
        if moment[:8] != self._day:
            self._day, self._key = moment[:8], f"AWS4{self._secret}".encode()
            for part in scope.split("/"):
                self._key = hmac.digest(self._key, part.encode(), "sha256")
        headers = f"host:{self._host}\nx-amz-date:{moment}\n"
        names = "host;x-amz-date"
        if self._token:
            headers, names = f"{headers}x-amz-security-token:{self._token}\n", f"{names};x-amz-security-token"
        canonical = f"POST\n{quote(path, safe='/~')}\n\n{headers}\n{names}\n{body_hash}"
        text = f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        signature = hmac.digest(self._key, text.encode(), "sha256").hex()
        proof = f"AWS4-HMAC-SHA256 Credential={self._id}/{scope}, SignedHeaders={names}, Signature={signature}"
        sent = headers.replace("\n", "\r\n")
        return f"POST {path} HTTP/1.1\r\n{sent}authorization:{proof}\r\ncontent-length:{length}\r\n\r\n".encode()


def with_boto3(endpoint_url: str, connection_id: str, connections: int = 10) -> Callable[[int], Any]:
    """boto3's own call, as every published chat makes it; it keeps so many connections open, ten if nobody says otherwise."""
    import boto3
    from botocore.config import Config

    config = Config(max_pool_connections=connections)
    api = boto3.client("apigatewaymanagementapi", endpoint_url=endpoint_url, config=config)
    return lambda count: [api.post_to_connection(ConnectionId=connection_id, Data=DATA) for _ in range(count)]


def with_http_client(endpoint_url: str, connection_id: str) -> Callable[[int], Any]:
    """The course's ``handlers/management.py``: botocore's SigV4Auth, and http.client."""
    sys.path.insert(0, str(HANDLERS))
    api = importlib.import_module("management").ManagementApi(endpoint_url)

    def post(count: int) -> None:
        for _ in range(count):
            _expect(api.call("POST", connection_id, DATA)[0])

    return post


def with_own_signer(endpoint_url: str, connection_id: str) -> Callable[[int], Any]:
    """``Signer``, and http.client with the head written by hand."""
    signer, path = _signer_and_path(endpoint_url, connection_id)
    sys.path.insert(0, str(HANDLERS))
    connection = importlib.import_module("management").ManagementApi(endpoint_url).connect()
    connection.connect()

    def post(count: int) -> None:
        body_hash = hashlib.sha256(DATA).hexdigest()
        for _ in range(count):
            connection.sock.sendall(signer.head(path, body_hash, len(DATA)) + DATA)
            answer = http.client.HTTPResponse(connection.sock, method="POST")
            answer.begin()
            answer.read()
            _expect(answer.status)

    return post


def with_streams(endpoint_url: str, connection_id: str) -> Callable[[int], Any]:
    """``Signer`` on asyncio's streams; of the answer, the status and the length are read and nothing else."""
    signer, path = _signer_and_path(endpoint_url, connection_id)
    runner = asyncio.Runner()
    reader, writer = runner.run(_open(urlsplit(endpoint_url).hostname or ""))

    async def post(count: int) -> None:
        body_hash = hashlib.sha256(DATA).hexdigest()
        for _ in range(count):
            writer.write(signer.head(path, body_hash, len(DATA)) + DATA)
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            _, found, length = head.partition(b"content-length:")
            await reader.readexactly(int(length.split(b"\r\n")[0]) if found else 0)
            _expect(int(head[9:12]))

    return lambda count: runner.run(post(count))


WAYS: dict[str, Callable[[str, str], Callable[[int], Any]]] = {
    "boto3": with_boto3,
    "SigV4Auth, http.client": with_http_client,
    "own signer, http.client": with_own_signer,
    "own signer, asyncio": with_streams,
}

SIDE_BY_SIDE: dict[str, Callable[[str, str], Callable[[int], Any]]] = {
    "boto3": with_boto3,
    "boto3, 16 connections": partial(with_boto3, connections=16),
    "SigV4Auth, http.client": with_http_client,
}
"""The ways that several workers can share."""


@dataclass(frozen=True)
class Post:
    """One post, in milliseconds: processor time of the function, and from its beginning to its answer."""

    cpu_ms: float
    wall_ms: float


def measured(way: str, endpoint_url: str, connection_id: str, posts: int = 500, workers: int = 1) -> Post:
    """What one post takes, the quickest of turns of ten for each worker, measured in a process of its own.

    More than one worker is for ``SIDE_BY_SIDE``; the other ways have one connection.

    Raises:
        subprocess.CalledProcessError: a post was not answered with 200; its standard error says which.
    """
    numbers = (str(posts), str(workers))
    command = [sys.executable, "-m", "classroom.labs.posting", way, endpoint_url, connection_id, *numbers]
    done = subprocess.run(command, cwd=HANDLERS.parent, check=True, capture_output=True, text=True)
    found = json.loads(done.stdout)
    return Post(found["cpu_ms"], found["wall_ms"])


def way_to(panel: Any, url: str) -> tuple[str, str]:
    """The endpoint for posts to the chat at ``url``, and the connection id of a panel in it, which an error frame tells."""
    panel.send_frame({"action": "who am I?"})
    panel.wait_for_frame("Forbidden")
    return url.replace("wss://", "https://"), json.loads(panel.raw_frames()[-1])["connectionId"]


def posts_a_second(cpu_ms: float, memory_mb: int) -> float:
    """How many posts a second a function of this size has the processor time for, as far as one thread goes.

    Computed, not measured: Lambda gives a function ``memory / 1,769 MB`` of a virtual processor,
    and Python runs in one at a time, so more than one does not help a single process.
    """
    return min(memory_mb / FULL_CPU_MB, 1.0) * 1000 / cpu_ms


def _signer_and_path(endpoint_url: str, connection_id: str) -> tuple[Signer, str]:
    url = urlsplit(f"{endpoint_url}/@connections/{quote(connection_id, safe='')}")
    import boto3

    session = boto3.Session()
    credentials = session.get_credentials().get_frozen_credentials()
    return Signer(url.hostname or "", session.region_name, credentials[:3]), url.path


async def _open(host: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A TLS connection to the host, through the proxy of the environment if it has one."""
    trust = ssl.create_default_context(cafile=os.environ.get("AWS_CA_BUNDLE"))
    proxy = urlsplit(os.environ.get("HTTPS_PROXY", ""))
    if not proxy.hostname:
        return await asyncio.open_connection(host, 443, ssl=trust)
    reader, writer = await asyncio.open_connection(proxy.hostname, proxy.port)
    writer.write(f"CONNECT {host}:443 HTTP/1.1\r\nHost: {host}:443\r\n\r\n".encode())
    await reader.readuntil(b"\r\n\r\n")
    await writer.start_tls(trust, server_hostname=host)
    return reader, writer


def _expect(status: int) -> None:
    if status != 200:
        raise RuntimeError(f"A post was answered with {status} instead of 200.")


def main(way: str, endpoint_url: str, connection_id: str, posts: int, workers: int) -> None:
    """Measures one way and prints what it found."""
    post = {**WAYS, **SIDE_BY_SIDE}[way](endpoint_url, connection_id)
    post(WARM)
    with ThreadPoolExecutor(workers) as pool:
        turns = [_turn(post, pool, workers) for _ in range(max(2, posts // (TURN * workers)))]
    wall, cpu = (min(one) for one in zip(*turns, strict=True))
    each = 1000 / (TURN * workers)
    print(json.dumps({"way": way, "posts": posts, "cpu_ms": cpu * each, "wall_ms": wall * each}))


def _turn(post: Callable[[int], Any], pool: ThreadPoolExecutor, workers: int) -> tuple[float, float]:
    """Seconds, and seconds of processor time, of ten posts for each worker."""
    began, cpu_began = time.perf_counter(), time.process_time()
    if workers == 1:
        post(TURN)
    else:
        list(pool.map(post, [1] * TURN * workers))
    return time.perf_counter() - began, time.process_time() - cpu_began


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5]))

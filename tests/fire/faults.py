"""Functions that die in every way, emulators that are killed, templates and requests that are meant to hold."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from localstage import LocalStage
from tests.benchmarks.watch import cpu_s
from tests.fire.clients import echo_api, median_and_most, memory_mb, others_ms, pid_of
from tests.fire.rows import Row
from tests.stage.target import StageTarget, create_function

DEATHS = {
    "os._exit(0)": "os._exit(0)",
    "os._exit(255)": "os._exit(255)",
    "sys.exit": "sys.exit(3)",
    "SIGKILL": "os.kill(os.getpid(), 9)",
    "SIGSEGV": "os.kill(os.getpid(), 11)",
    "SIGTERM": "os.kill(os.getpid(), 15)",
    "SIGSTOP": "os.kill(os.getpid(), 19)",
    "a loop": "exec('while True: pass')",
    "recursion": "handler(event, context)",
    "memory": "resource.setrlimit(resource.RLIMIT_AS, (1, 1)); bytearray(10**9)",
    "no JSON": "return {1, 2}",
    "a lone surrogate": "return '\\ud800'",
    "7 MB": "return 'x' * 7_000_000",
    "output without end": "exec('while True: print(1)')",
    "closed descriptors": "os.closerange(0, 1024)",
}
DYING = """
import os, resource, sys
def handler(event, context):
    if event != "die":
        return "alive"
    DEATH
"""
PATTERN = {"Type": "String", "AllowedPattern": "(a|aa)+$", "Default": "a" * 60 + "!"}
TOPIC = {"T": {"Type": "AWS::SNS::Topic"}}
ALIASES = "Metadata:\n  a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"  {name}: &{name} [{', '.join([f'*{before}'] * 10)}]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
HOLDING = {
    "aliases of aliases": ALIASES + "Resources: {T: {Type: 'AWS::SNS::Topic', Properties: {DisplayName: *i}}}\n",
    "a pattern without end": json.dumps({"Parameters": {"P": PATTERN}, "Resources": TOPIC}),
    "open braces": json.dumps({"Resources": TOPIC, "Outputs": {"X": {"Value": {"Fn::Sub": "${" * 20_000}}}}),
    "deep nesting": "[" * 50_000,
    "asterisks": json.dumps(
        {"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Action": "sts:*", "Resource": "*a" * 200 + "*b"}}
    ),
}
HALF_BODIES, HALF_BODY_BYTES = 1_000, 250_000
MOST_OF_HALF_BODIES_MB = 100.0
MOST_PROCESSOR_S = 3.0
"""Of the emulator's, for one of them: how long that takes is the business of what else the machine does."""


def handlers(stage: LocalStage) -> Row:
    """Each way to end, and the invocation after it."""
    target = StageTarget(stage)
    lambda_ = target.client("lambda")
    failed, longest_s = [], 0.0
    for name, code in DEATHS.items():
        function = create_function(target, DYING.replace("DEATH", code), Timeout=2)
        lambda_.invoke(FunctionName=function, Payload=b'"die"')["Payload"].read()
        began = time.perf_counter()
        answer = lambda_.invoke(FunctionName=function, Payload=b'"live"')["Payload"].read()
        longest_s = max(longest_s, time.perf_counter() - began)
        lambda_.delete_function(FunctionName=function)
        if answer != b'"alive"':
            failed.append(name)
    number = f"the next invocation is served within {longest_s:.1f} s" + (f"; not after {failed}" if failed else "")
    return Row("fault", f"a handler ends in {len(DEATHS)} ways", not failed, number)


def killed(_: LocalStage) -> Row:
    """SIGKILL of an emulator, SIGHUP of the next one: what is left."""
    with tempfile.TemporaryDirectory() as folder:
        place = {**os.environ, "TMPDIR": f"{folder}/tmp", "LOCALSTAGE_STATE_DIR": f"{folder}/state"}
        Path(place["TMPDIR"]).mkdir()
        command = [sys.executable, "-m", "localstage", "serve", "--port", "0"]
        for number in (signal.SIGKILL, signal.SIGHUP):
            process = subprocess.Popen(command, env=place, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
            assert process.stdout is not None
            process.stdout.readline()
            process.send_signal(number)
            process.wait(60)
            process.stdout.close()
        left = [str(path.relative_to(folder)) for path in Path(folder).rglob("*") if path.name != "tmp"]
    number = "no folder, note or key is left" if not left else f"left: {left}"
    return Row("fault", "an emulator is killed (SIGKILL), the next one's terminal closed", not left, number)


def holding(stage: LocalStage) -> Row:
    """Small inputs that would keep the one thread of the account busy, and a call beside each."""
    target = StageTarget(stage)
    stacks, iam, sts = target.client("cloudformation"), target.client("iam"), target.client("sts")
    iam.create_user(UserName="held")
    stacks.list_stacks()  # What CloudFormation needs is loaded with the first call.
    longest_s, most_s, pids = 0.0, 0.0, [pid_of(stage)]
    for name, text in HOLDING.items():
        began, used_s = time.perf_counter(), cpu_s(pids)
        try:
            if name == "asterisks":
                iam.put_user_policy(UserName="held", PolicyName="p", PolicyDocument=text)
                arn = "arn:aws:sts::123456789012:" + "a" * 300
                iam.simulate_principal_policy(
                    PolicySourceArn="arn:aws:iam::123456789012:user/held",
                    ActionNames=["sts:GetCallerIdentity"],
                    ResourceArns=[arn],
                )
            else:
                stacks.create_stack(StackName=name.replace(" ", "-"), TemplateBody=text)
        except stacks.exceptions.ClientError:
            pass  # Refused, as it should be.
        sts.get_caller_identity()
        longest_s, most_s = max(longest_s, time.perf_counter() - began), max(most_s, cpu_s(pids) - used_s)
    number = f"each answered, and a call after it, within {longest_s:.1f} s, {most_s:.1f} s of them of processor time"
    tried = f"{len(HOLDING)} inputs of a few hundred bytes that hold a thread"
    return Row("input", tried, most_s < MOST_PROCESSOR_S, number)


def half_requests(stage: LocalStage) -> Row:
    """Clients that begin a request, or a TLS handshake, and never end it."""

    async def closed() -> float:
        port = urlsplit(stage.url).port
        readers = []
        for number in range(500):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            if number % 2:
                writer.write(b"GET / HTTP/1.1\r\nHost: ")
            readers.append(reader)
        began = time.perf_counter()
        await asyncio.wait_for(asyncio.gather(*(reader.read() for reader in readers), return_exceptions=True), 120)
        return time.perf_counter() - began

    took_s = asyncio.run(closed())
    return Row("input", "500 requests of which the head never ends", took_s < 60, f"all cut after {took_s:.0f} s")


def half_bodies(stage: LocalStage) -> Row:
    """Strangers who each send most of a body at the same moment, to either of the port's servers, and never its end."""

    async def stranger(number: int) -> str:
        """The status of the answer, "cut" without one."""
        reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(stage.url).port)
        odd = "TE: trailers\r\n" * (number % 2)  # aiohttp reads those.
        head = f"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\n{odd}Content-Length: {HALF_BODY_BYTES + 1}\r\n\r\n"
        writer.write(head.encode() + b"x" * HALF_BODY_BYTES)
        try:
            return (await asyncio.wait_for(reader.readuntil(b"\r\n"), 120)).split(b" ")[1].decode()
        except (OSError, asyncio.IncompleteReadError):
            return "cut"
        finally:
            writer.transport.abort()

    async def run() -> tuple[Counter[str], float, list[float]]:
        path, pid = echo_api(stage), pid_of(stage)
        before_mb, most_mb, ended = memory_mb(pid), 0.0, asyncio.Event()
        others = asyncio.create_task(others_ms(stage, path, ended))
        strangers = asyncio.gather(*(stranger(number) for number in range(HALF_BODIES)))
        while not strangers.done():
            most_mb = max(most_mb, memory_mb(pid))
            await asyncio.sleep(0.02)
        ended.set()
        return Counter(await strangers), most_mb - before_mb, await others

    answers, grown_mb, measured = asyncio.run(run())
    ended = ", ".join(f"{count} × {answer}" for answer, count in sorted(answers.items()))
    number = f"{grown_mb:+.0f} MB at most; {ended}; others {median_and_most(measured)}"
    tried = f"{HALF_BODIES:,} strangers send {HALF_BODY_BYTES // 1000} KB of a body at once, and not its end"
    return Row("input", tried, grown_mb < MOST_OF_HALF_BODIES_MB, number)


def unsigned_bodies(stage: LocalStage) -> Row:
    """Hundreds of megabytes from somebody without a key."""

    async def put(size: int) -> bytes:
        """Sends so much for an object; the status of the answer, or nothing."""
        port = urlsplit(stage.url).port
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        answer = asyncio.ensure_future(reader.readuntil(b"\r\n"))
        writer.write(f"PUT /bucket/key HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {size}\r\n\r\n".encode())
        with suppress(OSError, TimeoutError):  # It was answered unread, and cut.
            for sent in range(0, size, 1_000_000):
                writer.write(b"x" * min(size - sent, 1_000_000))
                await asyncio.wait_for(writer.drain(), 1)
        status = (await asyncio.wait_for(answer, 60)).split(b" ")[1]
        writer.close()
        return status

    async def run() -> tuple[list[bytes], float]:
        await put(1)  # With the first call comes what is loaded behind the open port: moto, and S3's model.
        before = memory_mb(pid_of(stage))
        answers = [await put(300_000_000) for _ in range(4)]
        return answers, memory_mb(pid_of(stage)) - before

    answers, grown_mb = asyncio.run(run())
    held = answers == [b"403"] * 4 and grown_mb < 20
    number = f"refused unread, {grown_mb:+.0f} MB" if answers == [b"403"] * 4 else f"answered {answers}"
    return Row("input", "four unsigned bodies of 300 MB", held, number)

"""Machines that are not as one would wish: a full disk, folders that nobody may write, odd names, an emulator that sleeps.

Places are made of mounts that only the trial's own processes see, which root can do (Linux).
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from localstage import LocalStage
from tests.fire.clients import Client, echo_api, pid_of, status_of
from tests.fire.rows import Row
from tests.process.ordinary_user import NOBODY, ROOT, twin_for_nobody

ASLEEP_S, SLEEPERS = 8.0, 200
FULL_DISK = """
import os, sys
from pathlib import Path
from botocore.exceptions import ClientError
from classroom.my_chat.folder import Folder, NotWritten
from localstage import LocalStage, NotStarted
from tests.stage.target import StageTarget, create_function

disk = Path(sys.argv[1])
mine, sentences = Folder(disk / "my_chat"), []

def fill():
    with open(disk / "filler", "wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            pass

def refused(what, *kinds):
    try:
        what()
    except kinds as error:
        sentences.append(str(error))
        assert str(error) and "\\n" not in str(error), error
    else:
        raise AssertionError(f"{what} had room")

with LocalStage() as stage:
    target, code = StageTarget(stage), "def handler(event, context): return 'served'"
    lambda_ = target.client("lambda")
    served = create_function(target, code)
    call = lambda name: lambda_.invoke(FunctionName=name)["Payload"].read()
    assert call(served) == b'"served"'
    mine.write("page.html", "first")
    fill()
    refused(lambda: mine.write("page.html", "second " * 10_000), NotWritten)
    assert mine.text("page.html") == "first"
    assert call(served) == b'"served"', "what runs goes on"
    other = create_function(target, code + " # " + "x" * 100_000)
    refused(lambda: call(other), ClientError)
    refused(lambda: LocalStage().start(), NotStarted, OSError)
    (disk / "filler").unlink()
    assert call(other) == b'"served"', "with room it goes on"
    mine.write("page.html", "second")
    assert mine.text("page.html") == "second"
left = [path.name for path in disk.iterdir() if path.name != "my_chat"]
assert not left and not [path for path in (disk / "my_chat").iterdir() if path.name.startswith(".page")], left
print(len(sentences))
"""
ODD = """
import json, os
from localstage import LocalStage
from tests.stage.target import StageTarget, deploy_api
import websocket, socket
try:
    socket.create_connection(("localhost", 9), timeout=5)
except OSError as error:
    assert socket.getaddrinfo("localhost", 80)[0][0] == socket.AF_INET6
with LocalStage() as stage:
    target = StageTarget(stage)
    echo = "def handler(e, c): return {'statusCode': 200, 'body': e['body']}"
    api = deploy_api(target, {"$default": echo}, two_way=("$default",))
    client = target.connect(api.url)
    client.send("h\\u00e9")
    print(ascii(client.recv()))
"""


def asleep(stage: LocalStage) -> Row:
    """The emulator is stopped, as when a laptop sleeps, and goes on, with clients connected and messages under way."""

    async def run() -> tuple[int, int, int]:
        path, pid = echo_api(stage), pid_of(stage)
        clients = [await Client.connect_in_the_end(stage, path) for _ in range(SLEEPERS)]
        os.kill(pid, signal.SIGSTOP)
        try:
            for client in clients:
                client.say("{}")
            await asyncio.sleep(ASLEEP_S)
        finally:
            os.kill(pid, signal.SIGCONT)
        heard = [await asyncio.wait_for(client.hear(), 60) for client in clients]
        for client in clients:
            client.say("{}")
        again = [await asyncio.wait_for(client.hear(), 60) for client in clients]
        open_then = (await asyncio.to_thread(status_of, stage))["connections"]
        for client in clients:
            client.cut()
        return heard.count("here"), again.count("here"), open_then

    heard, again, open_then = asyncio.run(run())
    number = f"{heard} answers to what was sent meanwhile, {again} afterwards, {open_then} of {SLEEPERS} still open"
    held = heard == again == open_then == SLEEPERS
    return Row("fault", f"the emulator sleeps for {ASLEEP_S:.0f} s (SIGSTOP)", held, number)


def full_disk(_: LocalStage) -> Row:
    """No room for files of the emulator's, a package, or the learner's own; then room again."""
    with tempfile.TemporaryDirectory() as folder:
        prepare = f"mount -t tmpfs -o size=64m none {folder}"
        place = {"TMPDIR": folder, "HOME": folder, "LOCALSTAGE_STATE_DIR": f"{folder}/state"}
        ended, told, complaint = _in_a_place(prepare, FULL_DISK, [folder], place)
    number = f"{told} refusals of one sentence each; what runs goes on, the own file stays, with room all goes on"
    return Row("fault", "the disk is full in the middle of a lesson", not ended, number if not ended else complaint)


def odd_places(_: LocalStage) -> Row:
    """An ordinary user whose HOME and /tmp may not be written, with ``localhost`` ::1 alone and Python's C locale."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        own, hosts = Path(folder, "fülder"), Path(folder, "hosts")
        own.mkdir(mode=0o700)
        os.chown(own, NOBODY, NOBODY)
        Path(folder).chmod(0o755)
        hosts.write_text("::1 localhost\n")
        prepare = (
            f"mount --bind {hosts} /etc/hosts && mount -t tmpfs -o ro none /tmp && mount -t tmpfs -o ro none /home"
        )
        place = {"TMPDIR": str(own), "HOME": "/home", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
        ended, told, complaint = _in_a_place(prepare, ODD, [], place, twin_for_nobody(Path(folder, "python")))
        left = list(own.iterdir())
    held = not ended and told == "'h\\xe9'" and not left
    number = "a function answers over a WebSocket; no file is left" if held else f"{told}{complaint}{left}"
    return Row("fault", "HOME and /tmp not writable, localhost is ::1, LC_ALL=C, a folder with umlauts", held, number)


def _in_a_place(
    prepare: str, code: str, arguments: list[str], variables: dict[str, str], nobodys_python: str = ""
) -> tuple[int, str, str]:
    """Runs a program where mounts have been made; how it ended, what it said last, and its last complaint."""
    as_user = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"] if nobodys_python else []
    command = [*as_user, nobodys_python or sys.executable, "-c", code, *arguments]
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", f'{prepare} && exec "$@"', "sh", *command],
        env={**os.environ, "PYTHONPATH": str(ROOT), **variables},
        cwd="/",
        text=True,
        capture_output=True,
        timeout=300,
    )
    return done.returncode, done.stdout.strip(), (done.stderr.strip().splitlines() or [""])[-1]

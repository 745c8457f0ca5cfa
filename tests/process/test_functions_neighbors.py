"""What a function, as an ordinary user runs it, can read of its neighbors and of the emulator; what other users can (Linux)."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.process.ordinary_user import IS_ROOT, NOBODY, as_ordinary_user

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="/proc and prctl are Linux's")

PROBE = '''
import os, pathlib, threading

def read(path):
    try:
        with open(path, "rb") as file:
            return file.read(1_000_000)
    except OSError as error:
        return type(error).__name__.encode()

def variables_of(pid, early):
    """What is read of a process in the end: one that has only just begun takes some milliseconds to close itself."""
    for _ in range(3000):
        found = read(f"/proc/{pid}/environ").decode(errors="replace")
        if "=" not in found:
            break
        early.append(found)
        threading.Event().wait(0.01)
    return found

def handler(event, context):
    own = {os.environ["AWS_SECRET_ACCESS_KEY"].encode(), os.environ["AWS_SESSION_TOKEN"].encode()}
    seen, early, memory = {}, [], []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        command = read(f"/proc/{pid}/cmdline")
        ours = b"localstage\\0serve" in command or b"/localstage/functions/" in command
        if ours and b"-c" not in command.split(b"\\0") and int(pid) != os.getpid():
            seen[pid] = variables_of(pid, early)
            try:
                open(f"/proc/{pid}/mem", "rb").close()
                memory.append(command.decode().replace("\\0", " "))
            except OSError:
                pass
    emulator = pathlib.Path(os.environ["AWS_CONFIG_FILE"]).parent
    return {
        "me": os.environ["AWS_SECRET_ACCESS_KEY"],
        "mine": os.environ["AWS_LAMBDA_RUNTIME_API"],
        "variables of others": seen,
        "variables of those who begin": early,
        "memory of others": memory,
        "of my start": read("/proc/self/environ").decode(errors="replace"),
        "files": {path.name: read(path).decode(errors="replace") for path in emulator.iterdir() if path.is_file()},
        "variables": dict(os.environ),
    }
'''
SCENE = """
import io, json, sys, zipfile
from localstage import LocalStage
with LocalStage() as stage:
    session = stage.session()
    role = session.client("iam").create_role(RoleName="narrow", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]}))
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("app.py", sys.argv[1])
    lambda_ = session.client("lambda")
    for number in range(3):
        lambda_.create_function(FunctionName=f"f{number}", Runtime="python3.13", Role=role["Role"]["Arn"],
            Handler="app.handler", Code={"ZipFile": package.getvalue()}, Timeout=60)
    found = [json.load(lambda_.invoke(FunctionName=f"f{number % 3}")["Payload"]) for number in range(6)]
    print(json.dumps({"answers": found, "administrator": stage.access.secret_access_key}))
"""


def test_function_when_it_looks_for_keys() -> None:
    """It finds no other function's keys nor Runtime API, and not the administrator's, in what it is told or beside it."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        scene = as_ordinary_user(Path(folder, "home"), ["-c", SCENE, PROBE])
        told, complaint = scene.communicate(timeout=300)
    assert scene.returncode == 0, complaint
    facts = json.loads(told)
    assert "me" in facts["answers"][0], facts["answers"][0]
    answers, administrator = facts["answers"], facts["administrator"]
    assert len({answer["me"] for answer in answers}) == 3, "each function has keys of its own"
    for answer in answers:
        others = {one["me"] for one in answers} | {one["mine"] for one in answers} | {administrator}
        others -= {answer["me"], answer["mine"]}
        told = json.dumps({key: found for key, found in answer.items() if key not in ("me", "mine")})
        assert [secret for secret in others if secret in told] == []
        refusals = set(answer["variables of others"].values())
        gone = {"", "FileNotFoundError", "ProcessLookupError"}  # Other tests' may end meanwhile.
        assert "PermissionError" in refusals <= {"PermissionError", *gone}
        assert answer["memory of others"] == []


WAITING = """
import sys
from localstage import LocalStage
with LocalStage() as stage:
    print(stage.url, flush=True)
    sys.stdin.read()
"""
ASKING = """
import sys, urllib.error, urllib.request
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
for path in ("status", "activity", "", "pages/"):
    try:
        print(opener.open(f"{sys.argv[1]}/_localstage/{path}", timeout=60).status)
    except urllib.error.HTTPError as refused:
        print(refused.code)
"""


@pytest.mark.skipif(not IS_ROOT, reason="only root can ask as several users")
def test_pages_when_another_user_asks() -> None:
    """What functions print and who is connected is shown to the emulator's own user and to root, not to others."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        with as_ordinary_user(Path(folder, "home"), ["-c", WAITING], stdin=subprocess.PIPE) as emulator:
            assert emulator.stdout is not None
            url = emulator.stdout.readline().strip()
            said = {
                user: subprocess.run(
                    ["/usr/bin/python3", "-c", ASKING, url], user=user, cwd="/", text=True, capture_output=True
                ).stdout.split()
                for user in (0, NOBODY, NOBODY - 1)
            }
            emulator.communicate()
    assert said[NOBODY - 1] == ["403"] * 4
    assert said[0] == said[NOBODY] == ["200", "200", "200", "404"]

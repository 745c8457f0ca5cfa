"""The localstage command: run, serve, env, status, stop, and what they leave behind."""

import os
import pty
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest

from tests.late import import_path

MODULE = [sys.executable, "-m", "localstage"]
WITHIN_S = 180

started: list[subprocess.Popen[str]] = []
"""What the test that runs now has started."""


@pytest.fixture
def place(tmp_path: Path) -> Iterator[dict[str, str]]:
    """An environment in which all files of a stage land below a directory of the test's own.

    What the test has started and not ended, because it failed before, is killed.
    """
    (tmp_path / "tmp").mkdir()
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "LOCALSTAGE"))}
    yield {
        **kept,
        "TMPDIR": str(tmp_path / "tmp"),
        "LOCALSTAGE_STATE_DIR": str(tmp_path / "state"),
        "PYTHONPATH": import_path(),
    }
    while started:
        process = started.pop()
        if process.poll() is None:
            process.kill()
            process.wait()


def localstage(place: dict[str, str], *arguments: str, **options) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*MODULE, *arguments],
        env=place,
        text=True,
        capture_output=True,
        timeout=WITHIN_S,
        stdin=subprocess.DEVNULL,
        **options,
    )


def left_behind(place: dict[str, str]) -> list[str]:
    """Files below the test's directory and processes that name it."""
    directory = str(Path(place["TMPDIR"]).parent)
    # Other than rglob, os.walk passes over a directory that goes while we look.
    found = [os.path.join(folder, name) for folder, folders, names in os.walk(directory) for name in folders + names]
    files = [path for path in found if os.path.basename(path) != "tmp"]
    processes = []
    for environ in Path("/proc").glob("[0-9]*/environ"):
        try:
            if directory.encode() in environ.read_bytes() and int(environ.parent.name) != os.getpid():
                processes.append((environ.parent / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue  # It ended while we looked, or is another user's.
    return files + processes


def start(place: dict[str, str], *arguments: str) -> tuple[subprocess.Popen[str], str]:
    """Starts a command that prints the stage's URL as (part of) its first line; returns both."""
    process = subprocess.Popen(
        [*MODULE, *arguments],
        env=place,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
    )
    started.append(process)
    line = process.stdout.readline()
    match = re.search(r"http://127\.0\.0\.1:\d+", line)
    assert match, f"no URL in {line!r}: {process.stderr.read() if process.poll() is not None else ''}"
    return process, match.group()


def finish(process: subprocess.Popen[str]) -> int:
    process.communicate(timeout=WITHIN_S)
    return process.returncode


def listens(url: str) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", int(url.rpartition(":")[2]))) == 0


def test_run_when_the_command_is_killed(place):
    """The exit status is what a shell says of it, and nothing is left."""
    code = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    done = localstage(place, "run", "--", sys.executable, "-c", code)
    assert (done.returncode, done.stderr) == (128 + signal.SIGKILL, "")
    assert left_behind(place) == []


def test_run_when_the_command_uses_aws(place):
    """An unmodified boto3 program reaches the stage, as AWS or by its endpoint; it succeeds, and so does the command."""
    program = (
        "import boto3, os; print(boto3.client('sts').get_caller_identity()['Account'], "
        "'AWS_ENDPOINT_URL' in os.environ)"
    )
    for options, has_endpoint in (((), True), (("--as-aws",), False)):
        done = localstage(place, "run", *options, "--", sys.executable, "-c", program)
        assert done.stdout.split() == ["123456789012", str(has_endpoint)], done.stderr
        assert (done.returncode, done.stderr) == (0, "")
    assert left_behind(place) == []


def test_run_when_the_command_fails_at_a_call(place):
    """After AWS's own error one line of ours names the call and the likely cause."""
    call = "import boto3; boto3.client('dynamodb').get_item(TableName='gone', Key={'id': {'S': 'x'}})"
    done = localstage(place, "run", "--", sys.executable, "-c", call)
    *_, aws, ours = done.stderr.splitlines()
    assert done.returncode == 1 and "ResourceNotFoundException" in aws
    assert ours.startswith(
        "localstage: refused last was dynamodb GetItem. Likely cause: There is no table of this name"
    )


def test_run_when_there_is_no_such_command(place):
    """A misspelt command is one sentence and exit status 127."""
    done = localstage(place, "run", "--", "no-such-command-here")
    assert (done.returncode, done.stderr) == (
        127,
        "localstage: there is no command 'no-such-command-here'; check the name after '--'.\n",
    )
    assert left_behind(place) == []


def test_run_when_the_command_leaves_a_child(place):
    """The exit status is the command's, and what it leaves running in its group is ended with the stage."""
    done = localstage(place, "run", "--", "sh", "-c", "sleep 300 & exit 3")
    assert (done.returncode, done.stderr) == (3, "")
    assert left_behind(place) == []


def test_run_when_told_to_end(place):
    """SIGTERM ends command and stage; no process, no port, no file is left."""
    program = "import os, signal; print(os.environ['LOCALSTAGE_URL'], flush=True); signal.pause()"
    process, url = start(place, "run", "--", sys.executable, "-c", program)
    assert listens(url)
    process.send_signal(signal.SIGTERM)
    assert finish(process) == 128 + signal.SIGTERM
    assert not listens(url)
    assert left_behind(place) == []


CHATTING = """
import os, signal, threading
from tests.stage.target import LiveTarget, deploy_api

target = LiveTarget()
source = "import threading\\ndef handler(event, context):\\n    threading.Event().wait(60)\\n    return {'statusCode': 200}\\n"
sockets = [target.connect(deploy_api(target, {"$default": source}, Timeout=90).url) for _ in range(2)]
for socket in sockets:
    socket.send("a message that is being served when the end comes")
print(os.environ["LOCALSTAGE_URL"], flush=True)
signal.pause()
"""


def test_run_when_told_to_end_in_the_middle_of_a_chat(place):
    """With open connections and functions at work, SIGTERM leaves no process, no port, no file either."""
    process, url = start(place, "run", "--as-aws", "--", sys.executable, "-c", CHATTING)
    deadline, never = time.monotonic() + 90, Event()
    while "execution environments: 2" not in (shown := localstage(place, "status").stdout):
        assert time.monotonic() < deadline, shown
        never.wait(0.1)
    process.send_signal(signal.SIGTERM)
    assert finish(process) == 128 + signal.SIGTERM
    assert not listens(url)
    assert left_behind(place) == []


def test_run_when_killed(place):
    """Even SIGKILL of the command's parent leaves no stage: it ends when nobody holds its input. A second one goes on."""
    lines = (
        "import os, time",
        "parent = os.getppid()",
        "print(os.environ['LOCALSTAGE_URL'], flush=True)",
        "os.close(1)",
    )
    program = "\n".join((*lines, "while os.getppid() == parent: time.sleep(0.05)"))
    process, url = start(place, "run", "--", sys.executable, "-c", program)
    other, others_url = start(place, "run", "--", sys.executable, "-c", program)
    process.kill()
    finish(process)
    deadline, never = time.monotonic() + 90, Event()
    while listens(url) and time.monotonic() < deadline:
        never.wait(0.05)
    assert not listens(url) and listens(others_url)
    assert localstage(place, "status").stdout.startswith(others_url)
    other.kill()
    finish(other)
    while left_behind(place) and time.monotonic() < deadline:
        never.wait(0.05)
    assert left_behind(place) == []


def test_serve_when_found_and_stopped(place):
    """A serving stage is found by status, env and stop, and its port is told on its first line."""
    process, url = start(place, "serve", "--port", "0")
    assert localstage(place, "status").stdout.startswith(f"{url} (pid {process.pid}, us-east-1); connections: 0")
    exports = localstage(place, "env").stdout
    assert f"export AWS_ENDPOINT_URL={url}\n" in exports
    assert "AWS_ENDPOINT_URL" not in localstage(place, "env", "--as-aws").stdout
    assert localstage(place, "stop").returncode == 0
    assert finish(process) == 0
    assert left_behind(place) == []


def test_serve_when_the_one_before_was_killed(place):
    """What a killed stage leaves, keys among it, goes when the next one starts; a closed terminal leaves nothing."""
    killed, _ = start(place, "serve", "--port", "0")
    killed.kill()
    finish(killed)
    assert any(name.endswith("ca-bundle.pem") for name in left_behind(place))
    process, url = start(place, "serve", "--port", "0")
    port = url.rpartition(":")[2]
    assert os.listdir(place["LOCALSTAGE_STATE_DIR"]) == [f"{port}.json"]
    assert len(os.listdir(place["TMPDIR"])) == 1
    process.send_signal(signal.SIGHUP)
    assert finish(process) == 0
    assert left_behind(place) == []


def test_serve_when_its_note_cannot_be_written(place, tmp_path: Path):
    """Where files cannot be written, one sentence names the place and how to choose another; nothing is left."""
    (tmp_path / "state").touch()
    done = localstage(place, "serve", "--port", "0")
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert done.stderr.startswith("localstage: its files cannot be written: ")
    assert "LOCALSTAGE_STATE_DIR" in done.stderr and str(tmp_path / "state") in done.stderr
    (tmp_path / "state").unlink()
    assert left_behind(place) == []


def test_env_when_the_shell_evaluates_it(place):
    """The exports make a program in that shell reach the stage."""
    process, _ = start(place, "serve", "--port", "0")
    program = "import boto3; print(boto3.client('sts').get_caller_identity()['Account'])"
    script = f'eval "$({sys.executable} -m localstage env)" && {sys.executable} -c "{program}"'
    done = subprocess.run(["sh", "-c", script], env=place, text=True, capture_output=True, timeout=WITHIN_S)
    process.terminate()
    finish(process)
    assert done.stdout == "123456789012\n", done.stderr


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("env",), "localstage: It is not running. Start it with: localstage serve\n"),
        (
            ("env", "--port", "4999"),
            "localstage: It is not running on port 4999. Start it with: localstage serve --port 4999\n",
        ),
    ],
)
def test_command_when_no_stage_runs(place, arguments, sentence):
    """Without a stage the sentence says how to start one; exit status 2."""
    done = localstage(place, *arguments)
    assert (done.returncode, done.stderr) == (2, sentence)


def test_serve_when_a_person_looks_on(place):
    """At a terminal the first line comes before everything is loaded; a program's standard error stays empty."""
    person, terminal = pty.openpty()
    process = subprocess.Popen(
        [*MODULE, "serve", "--port", "0"],
        env=place,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=terminal,
        text=True,
    )
    os.close(terminal)
    assert os.read(person, 100).decode().startswith("localstage is starting")
    assert process.stdout.readline().startswith("localstage ready")
    process.terminate()
    assert finish(process) == 0
    os.close(person)


@pytest.mark.parametrize("command", [("serve",), ("run",)])
def test_stage_when_the_port_is_busy(place, command):
    """A busy port is one sentence that says what to do; exit status 2; nothing is left."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        tail = ("--", "true") if command == ("run",) else ()
        done = localstage(place, *command, "--port", str(port), *tail)
    assert done.returncode == 2
    assert done.stderr == (
        f"localstage: Port {port} on 127.0.0.1 cannot be used (address already in use); "
        "choose another with --port, or 0 for any free one.\n"
    )
    assert left_behind(place) == []


@pytest.mark.parametrize(
    "arguments", [("serve", "--idle-timeout", "soon"), ("serve", "--port", "70000"), ("run",), ("dance",)]
)
def test_command_when_misused(place, arguments):
    """Wrong options and commands are exit status 2 with a sentence, without a traceback."""
    done = localstage(place, *arguments)
    assert done.returncode == 2
    assert "Error: " in done.stderr and "Traceback" not in done.stderr


def test_stage_when_the_system_allows_few_open_files(place):
    """A stage started where 128 open files are the default serves 300 clients at once."""
    few = [
        "-c",
        "import resource, sys; resource.setrlimit(resource.RLIMIT_NOFILE, (128, "
        "resource.getrlimit(resource.RLIMIT_NOFILE)[1])); sys.argv[0] = 'localstage'; "
        "from localstage.cli import main; main()",
    ]
    process = subprocess.Popen(
        [sys.executable, *few, "serve", "--port", "0"],
        env=place,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
    )
    port = int(re.search(r"127\.0\.0\.1:(\d+)", process.stdout.readline()).group(1))
    clients = [socket.create_connection(("127.0.0.1", port), timeout=90) for _ in range(300)]
    clients[-1].sendall(b"GET /_localstage/status HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    assert clients[-1].recv(12) == b"HTTP/1.1 200"
    for client in clients:
        client.close()
    process.send_signal(signal.SIGTERM)
    assert finish(process) == 0

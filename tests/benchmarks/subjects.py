"""What is measured: each subject starts a chat on this machine, says where it is, and ends without a trace.

Lives here: what all subjects share, localstage and the floor; peers.py has the
others. Every subject of a run has the same handler, in Python or in Node.js.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from types import FrameType
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from localstage import LocalStage
from localstage.state import ask
from tests.benchmarks import chat
from tests.benchmarks.watch import tree

REGION = "us-east-1"
_ROOT = Path(__file__).resolve().parents[2]
_READY_WITHIN_S = 90.0
_END_WITHIN_S = 5.0
_INTERRUPTIONS = (signal.SIGINT, signal.SIGTERM, *((signal.SIGHUP,) if hasattr(signal, "SIGHUP") else ()))
"""Ctrl-C, a polite kill, a terminal that is closed."""


class NotMeasured(Exception):
    """A subject cannot be measured; the text says in one sentence why."""


class Subject(ABC):
    """One emulator with the chat. ``start`` returns when it can be connected to; ``stop`` must be called in the end."""

    name = ""
    url = ""
    """Where the chat's WebSocket is."""
    quiet_url = ""
    """The same without ``$connect`` and ``$disconnect``; empty where there is none."""
    handler = chat.PYTHON
    variables: Mapping[str, str] = {}
    """What the handler's function has besides its own, where the subject takes stacks."""
    roots: Sequence[int] = ()
    """The process ids of what has been started."""

    @staticmethod  # noqa: B027 (most fetch nothing)
    def install() -> object:
        """Fetches what is not there yet, which no figure counts. Raises NotMeasured."""

    @abstractmethod
    def start(self) -> None:
        """Starts it and deploys the chat. Raises NotMeasured."""

    @abstractmethod
    def stop(self) -> None:
        """Ends it; returns when no process or file is left."""

    @abstractmethod
    def client(self, service: str) -> Any:
        """A boto3 client of it."""

    def use_own_handler(self) -> bool:
        """Puts the course's own delivery in the handler's place; False where that cannot be done."""
        return False

    def rows(self) -> int:
        """How many connections the table holds."""
        return int(self.client("dynamodb").scan(TableName=chat.TABLE, Select="COUNT")["Count"])

    def empty(self) -> None:
        """Removes the rows that are left, so that nobody is posted to who has gone."""
        dynamodb = self.client("dynamodb")
        for row in dynamodb.scan(TableName=chat.TABLE)["Items"]:
            dynamodb.delete_item(TableName=chat.TABLE, Key=row)

    def __enter__(self) -> Subject:
        try:
            self.start()
        except BaseException as error:
            self.__exit__()
            if isinstance(error, ClientError):
                raise NotMeasured(f"{self.name} refuses a call of the deployment: {error}") from error
            raise
        return self

    def __exit__(self, *_: object) -> None:
        with uninterrupted():
            self.stop()


class Localstage(Subject):
    """localstage with the stack of ``chat.template``. ``options`` are words of ``localstage serve``."""

    name = "localstage"

    def __init__(self, options: Sequence[str] = ()) -> None:
        self._stage = LocalStage(options=tuple(options)) if options else LocalStage()

    def start(self) -> None:
        self._stage.start()
        self.roots = [ask(self._stage.url, "status")["pid"]]
        outputs = deploy_stack(self, "https://{domainName}/{stage}")
        address = self._stage.url.replace("http", "ws", 1)
        self.url, self.quiet_url = (f"{address}/{outputs[name]}/prod" for name in ("Chat", "Quiet"))

    def stop(self) -> None:
        self._stage.stop()

    def client(self, service: str) -> Any:
        settings = self._stage.changes().settings
        return new_client(service, self._stage.url, settings["AWS_ACCESS_KEY_ID"], settings["AWS_SECRET_ACCESS_KEY"])

    def use_own_handler(self) -> bool:
        if self.handler is not chat.PYTHON:
            return False
        functions = self.client("lambda")
        functions.update_function_code(FunctionName="bench-chat", ZipFile=chat.own_package())
        functions.get_waiter("function_updated_v2").wait(FunctionName="bench-chat")
        return True


class LocalstageWithoutIam(Localstage):
    """The same without policies: what evaluating them costs. Signatures are checked in any case."""

    name = "localstage --no-iam"

    def __init__(self) -> None:
        super().__init__(["--no-iam"])


class Floor(Subject):
    """The gateway of floor.py; its table is in moto's own server, which checks nothing."""

    name = "floor"

    def __init__(self) -> None:
        self._processes = Processes()

    def start(self) -> None:
        self._table_url = start_table(self._processes)
        self._serve(self.handler.file)

    def use_own_handler(self) -> bool:
        self._serve(chat.HANDLERS / "own_on_the_floor.py", PYTHONPATH=f"{chat.DELIVERY}{os.pathsep}{chat.HANDLERS}")
        return True

    def _serve(self, handler: Path, **variables: str) -> None:
        port = free_port()
        variables |= handler_variables(self._table_url, f"http://127.0.0.1:{port}")
        self._processes.start([sys.executable, "-m", "tests.benchmarks.floor", str(port), str(handler)], variables)
        self._processes.wait_for(port)
        self.url = f"ws://127.0.0.1:{port}/"
        self.roots = self._processes.pids

    def stop(self) -> None:
        self._processes.stop()

    def client(self, service: str) -> Any:
        return new_client(service, self._table_url)


class Processes:
    """Started processes and a folder for them; ``stop`` ends them with all their children and removes the folder."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="bench-"))
        self._started: list[subprocess.Popen[bytes]] = []

    @property
    def pids(self) -> list[int]:
        return [process.pid for process in self._started]

    def start(self, command: Sequence[str], variables: Mapping[str, str], folder: Path = _ROOT) -> None:
        """Starts a command in a process group of its own; what it says goes to a file in the folder."""
        with open(self.folder / f"{len(self._started)}.log", "wb") as log, uninterrupted():
            process = subprocess.Popen(
                command,
                cwd=folder,
                env={**_plain_environment(), **variables},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            self._started.append(process)

    def wait_for(self, port: int, ready: Callable[[], bool] = lambda: True) -> None:
        """Returns when the last started process listens and ``ready``. Raises NotMeasured with what it said."""
        process, deadline = self._started[-1], time.monotonic() + _READY_WITHIN_S
        while process.poll() is None and time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                if ready():
                    return
            time.sleep(0.02)
        said = (self.folder / f"{len(self._started) - 1}.log").read_text(errors="replace").strip().splitlines()
        raise NotMeasured(f"{' '.join(map(str, process.args))} did not start: {said[-1] if said else 'no word'}")  # type: ignore[union-attr]

    def stop(self) -> None:
        for process in self._started:
            _, *children = tree([process.pid])  # Some may have left the group.
            for number in (signal.SIGTERM, signal.SIGKILL):
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, number)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(_END_WITHIN_S)
            for child in children:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(child, signal.SIGKILL)
        self._started.clear()
        shutil.rmtree(self.folder, ignore_errors=True)


def interrupt_once() -> None:
    """From now on the first interruption is a KeyboardInterrupt; those of an impatient hand are ignored."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        for one in _INTERRUPTIONS:
            signal.signal(one, signal.SIG_IGN)
        raise KeyboardInterrupt

    for number in _INTERRUPTIONS:
        signal.signal(number, interrupt)


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """What no interruption may cut short; it comes afterwards."""
    came: list[int] = []
    handlers = {number: signal.signal(number, lambda number, _: came.append(number)) for number in _INTERRUPTIONS}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        if came:
            signal.raise_signal(came[0])


def start_table(processes: Processes) -> str:
    """Starts moto's own server with the table; returns its URL."""
    port = free_port()
    processes.start([sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)], {})
    processes.wait_for(port)
    url = f"http://127.0.0.1:{port}"
    new_client("dynamodb", url).create_table(**chat.TABLE_DEFINITION)
    return url


def deploy_stack(subject: Subject, management_url: str, deployments: bool = True) -> dict[str, str]:
    """Creates the stack of ``chat.template``; returns its outputs. Raises NotMeasured."""
    stacks = subject.client("cloudformation")
    stacks.create_stack(
        StackName="bench",
        TemplateBody=chat.template(management_url, deployments, subject.handler, subject.variables),
        Capabilities=["CAPABILITY_NAMED_IAM"],
    )
    while True:
        stack = stacks.describe_stacks(StackName="bench")["Stacks"][0]
        if stack["StackStatus"] == "CREATE_COMPLETE":
            return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
        if stack["StackStatus"] != "CREATE_IN_PROGRESS":
            events = stacks.describe_stack_events(StackName="bench")["StackEvents"]
            reasons = [event.get("ResourceStatusReason", "") for event in events if "FAILED" in event["ResourceStatus"]]
            raise NotMeasured(f"{subject.name} does not create the stack: {reasons[-1] if reasons else 'no reason'}")
        time.sleep(0.05)


def handler_variables(table_url: str, management_url: str) -> dict[str, str]:
    """The variables of a handler that no Lambda gives an environment to."""
    return {
        "TABLE": chat.TABLE,
        "MANAGEMENT_URL": management_url,
        "AWS_ENDPOINT_URL_DYNAMODB": table_url,
        "AWS_ACCESS_KEY_ID": "benchmark",
        "AWS_SECRET_ACCESS_KEY": "benchmark",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
    }


def free_port() -> int:
    """A port on which nobody listens now."""
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(url: str) -> bool:
    """Whether a GET of this URL is answered 200, past any proxy."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with contextlib.suppress(OSError), opener.open(url, timeout=5) as answer:
        return answer.status == 200
    return False


@cache
def new_client(service: str, url: str, key: str = "benchmark", secret: str = "benchmark") -> Any:
    """A client of a service at an address; the same each time."""
    config = Config(retries={"total_max_attempts": 1}, proxies={}, read_timeout=120)
    return boto3.client(
        service,
        endpoint_url=url,
        region_name=REGION,
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        config=config,
    )


def _plain_environment() -> dict[str, str]:
    """This process's variables without what concerns AWS and proxies: everything here is on this machine."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("AWS_") and not name.lower().endswith("_proxy")
    }

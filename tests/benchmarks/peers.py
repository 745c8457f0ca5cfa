"""Other emulators of WebSocket APIs, installed in a cache folder of the user's and run with the same handler.

MiniStack comes from PyPI and gets the same stack as localstage. serverless-offline
comes from npm, with osls in Serverless's place; it has no tables and no stacks, so its
table is moto's own server, as the floor's is.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import boto3
import platformdirs

from tests.benchmarks import chat
from tests.benchmarks.subjects import (
    Localstage,
    NotMeasured,
    Processes,
    Subject,
    answers,
    deploy_stack,
    free_port,
    handler_variables,
    new_client,
    start_table,
)

_MINISTACK = "ministack==1.5.33"
_ITS_BOTO3 = "boto3==1.43.106"
"""The one of the botocore that this MiniStack is pinned to; its functions import it."""
_SERVERLESS = {"serverless-offline": "14.8.0", "osls": "4.3.1"}
_SDK = {"@aws-sdk/client-dynamodb": "3.1162.0", "@aws-sdk/client-apigatewaymanagementapi": "3.1162.0"}
"""What Lambda's runtime has and a handler in Node.js needs."""
_BIN = "Scripts" if sys.platform == "win32" else "bin"


class MiniStack(Subject):
    """MiniStack with the stack of ``chat.template``."""

    name = "MiniStack"

    def __init__(self) -> None:
        self._processes = Processes()
        self._address = ""

    @staticmethod
    def install() -> None:
        ministack_home()

    def start(self) -> None:
        home, port = ministack_home(), free_port()
        self._address = f"http://127.0.0.1:{port}"
        variables = {"GATEWAY_PORT": str(port), "MINISTACK_HOST": "127.0.0.1", "LAMBDA_EXECUTOR": "local"}
        self._processes.start([str(home / _BIN / "ministack")], variables, self._processes.folder)
        self._processes.wait_for(port, lambda: answers(f"{self._address}/_ministack/health"))
        self.roots = self._processes.pids
        path = "/_aws/execute-api"
        outputs = deploy_stack(self, f"{self._address}{path}/{{apiId}}/{{stage}}", deployments=False)
        address = self._address.replace("http", "ws", 1)
        self.url, self.quiet_url = (f"{address}{path}/{outputs[name]}/prod" for name in ("Chat", "Quiet"))

    def stop(self) -> None:
        self._processes.stop()

    def client(self, service: str) -> Any:
        return new_client(service, self._address)


class ServerlessOffline(Subject):
    """serverless-offline with the chat's routes."""

    name = "serverless-offline"

    def __init__(self) -> None:
        self._processes = Processes()
        self._table_url = ""

    @staticmethod
    def install() -> None:
        serverless_home()

    def start(self) -> None:
        home, folder = serverless_home(), self._processes.folder
        self._table_url = start_table(self._processes)
        ports = [free_port() for _ in range(3)]
        variables = handler_variables(self._table_url, f"http://127.0.0.1:{ports[0]}")
        shutil.copy(self.handler.file, folder / f"index{self.handler.file.suffix}")
        (folder / "node_modules").symlink_to(home / "node_modules")
        (folder / "package.json").write_text('{"private": true}')
        # serverless-offline starts the program named by the runtime up to the first full stop, from the PATH.
        programs = folder / "programs"
        programs.mkdir()
        (programs / "python3").symlink_to(sys.executable)
        (folder / "serverless.yml").write_text(json.dumps(_service(self.handler.runtime, variables, ports)))
        command = [str(home / "node_modules" / ".bin" / "osls"), "offline", "start"]
        site = str(Path(boto3.__file__).parent.parent)  # The link's Python does not know that it is an environment's.
        path = os.pathsep.join([str(programs), os.environ.get("PATH", "")])
        offline = {**variables, "PATH": path, "PYTHONPATH": site, "SLS_TELEMETRY_DISABLED": "1", "CI": "1"}
        self._processes.start(command, offline, folder)
        self._processes.wait_for(ports[0])
        self.url = f"ws://127.0.0.1:{ports[0]}/"
        self.roots = self._processes.pids

    def stop(self) -> None:
        self._processes.stop()

    def client(self, service: str) -> Any:
        return new_client(service, self._table_url)


class LocalstageInNode(Localstage):
    """localstage with the handler in Node.js, which finds the SDK beside serverless-offline."""

    handler = chat.NODE

    @staticmethod
    def install() -> None:
        serverless_home()

    def start(self) -> None:
        self.variables = {"NODE_PATH": str(serverless_home() / "node_modules")}
        super().start()


class ServerlessOfflineInNode(ServerlessOffline):
    """serverless-offline with the handler in Node.js, which it runs in a thread of its own process."""

    handler = chat.NODE


def ministack_home() -> Path:
    """The environment that has MiniStack and the boto3 that its handlers import; made the first time."""
    home = _cache() / _MINISTACK.replace("==", "-")
    return _installed(
        home,
        [sys.executable, "-m", "venv", str(home)],
        [str(home / _BIN / "python"), "-m", "pip", "install", "-q", _MINISTACK, _ITS_BOTO3],
    )


def serverless_home() -> Path:
    """The folder whose node_modules have serverless-offline and osls; made the first time."""
    if shutil.which("npm") is None:
        raise NotMeasured("serverless-offline needs Node.js: install it so that npm is on the PATH")
    home = _cache() / f"serverless-offline-{_SERVERLESS['serverless-offline']}-sdk-{_SDK['@aws-sdk/client-dynamodb']}"
    packages = [f"{name}@{version}" for name, version in (_SERVERLESS | _SDK).items()]
    # The only scripts of its packages would download Serverless itself and a bundler that Python does not need.
    options = ["--prefix", str(home), "--no-audit", "--no-fund", "--silent", "--legacy-peer-deps", "--ignore-scripts"]
    return _installed(home, ["npm", "install", *options, *packages])


def _installed(home: Path, *commands: Sequence[str]) -> Path:
    """A folder that the commands have filled. Raises NotMeasured with the reason."""
    sign = home / "installed"
    if not sign.exists():
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        print(f"installing into {home}", file=sys.stderr, flush=True)
        for command in commands:
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode:
                said = (done.stderr or done.stdout).strip().splitlines()
                raise NotMeasured(f"{command[0]} failed: {said[-1] if said else done.returncode}")
        sign.touch()
    return home


def _service(runtime: str, variables: dict[str, str], ports: list[int]) -> dict[str, Any]:
    """The description of the service; JSON is YAML."""
    routes = [{"websocket": {"route": route}} for route in ("$connect", "$disconnect", "$default")]
    return {
        "service": "bench",
        "frameworkVersion": "*",
        "provider": {
            "name": "aws",
            "runtime": runtime,
            "region": "us-east-1",
            "timeout": 120,
            "environment": variables,
        },
        "functions": {"chat": {"handler": "index.handler", "events": routes}},
        "plugins": ["serverless-offline"],
        "custom": {
            "serverless-offline": {
                "host": "127.0.0.1",
                "websocketPort": ports[0],
                "httpPort": ports[1],
                "lambdaPort": ports[2],
                "noPrependStageInUrl": True,
            }
        },
    }


def _cache() -> Path:
    return platformdirs.user_cache_path("localstage-benchmarks", appauthor=False)

"""What runs first in an execution environment: sets the stage's process up as Lambda's, then runs awslambdaric.

Started by path with three arguments: the handler, "native" or "python" for
the Runtime API client, and the directory of the layers. Runs inside the
environment, so it knows nothing of the rest of localstage.
"""

from __future__ import annotations

import _thread
import functools
import gc
import importlib.machinery
import importlib.util
import os
import signal
import sys
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

from endpoints import read_endpoints  # beside this file
from private import keep_private  # beside this file
from python_aws_hosts import lead_aws_hosts_through  # beside this file
from stragglers import end_stragglers  # beside this file

for _ours in ("endpoints", "private", "python_aws_hosts", "stragglers"):
    del sys.modules[_ours]  # The names are the function's.

# Guess (Packages at hand): FIDELITY has no list of what Lambda's Python runtime brings.
RUNTIME_PACKAGES = frozenset(
    {
        "awslambdaric",
        "runtime_client",
        "simplejson",
        "snapshot_restore_py",
        "boto3",
        "botocore",
        "s3transfer",
        "jmespath",
        "dateutil",
        "six",
        "urllib3",
        "tzdata",
    }
)
"""What a function may import without bringing it: Lambda's own runtime client, boto3, and what
the two need (tzdata: Lambda's system has the time zones itself)."""


_THRESHOLD = gc.get_threshold()
_OBJECTS_OF_AN_INIT = 200_000
"""Garbage is not looked for before so many objects during the init: importing boto3 leaves none, and a quarter of
a cold start's processor time would go into the search."""


class RuntimePackages:
    """Finds the packages of Lambda's runtime in this Python's site-packages, and no others.

    Everything else that is installed here stays out of reach, so that a
    function that forgot to bring a package fails here as it fails on Lambda.
    """

    def __init__(self, directories: Sequence[str]) -> None:
        self._directories = list(directories)

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if path is not None or name not in RUNTIME_PACKAGES:
            return None
        found = importlib.machinery.PathFinder.find_spec(name, self._directories, target)
        if name == "botocore" and found is not None and isinstance(found.loader, importlib.machinery.SourceFileLoader):
            found.loader = _Botocore(found.loader.name, found.loader.path)
        return found


class _Botocore(importlib.machinery.SourceFileLoader):
    """Loads botocore, which then reads its JSON files as plain dictionaries and not as OrderedDicts.

    Of its table of endpoints it reads what is asked for. A first client reads two megabytes of files:
    7.5 MB less in each process that makes one.
    """

    def exec_module(self, module: ModuleType) -> None:
        super().exec_module(module)
        import botocore.loaders as loaders

        loaders.OrderedDict = dict
        load_file = loaders.JSONFileLoader._load_file
        endpoints = os.path.join(loaders.Loader.BUILTIN_DATA_PATH, "endpoints.json")

        def _load_file(self: Any, full_path: str, open_method: Callable[..., Any]) -> Any:
            if full_path != endpoints or not os.path.isfile(full_path):
                return load_file(self, full_path, open_method)
            loaders.logger.debug("Loading JSON file: %s", full_path)
            return read_endpoints(full_path)

        loaders.JSONFileLoader._load_file = _load_file


def preload() -> None:
    """Imports, for copies (template.py), boto3 and what clients import when they are made; ``sys.path`` stays.

    What botocore has read of its own files is kept for the copies' sessions,
    which would read it anew: that is most of the time in which a client is made.
    """
    path = list(sys.path)
    restrict_imports()
    keep_private()
    import boto3
    import botocore.session

    botocore.session.create_loader = functools.cache(botocore.session.create_loader)
    session = boto3.Session("nobody", "nothing", region_name="us-east-1")
    session.resource("dynamodb")
    session.client("apigatewaymanagementapi")
    sys.path[:] = path
    sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, RuntimePackages)]


def main(handler: str, client: str, layers_root: str) -> None:
    """Serves invocations until the process is killed or its init fails."""
    keep_private()
    gc.set_threshold(_OBJECTS_OF_AN_INIT)
    stage_is_gone = end_with_the_stage(take_stdin())
    if client == "python" or importlib.util.find_spec("runtime_client") is None:
        from python_runtime_client import PythonRuntimeClient  # beside this file

        sys.modules["runtime_client"] = PythonRuntimeClient(os.environ["AWS_LAMBDA_RUNTIME_API"]).as_module()
    if "HTTPS_PROXY" in os.environ:
        lead_aws_hosts_through(os.environ["HTTPS_PROXY"])
    sys.argv[1:] = [handler]
    if os.environ.get("LC_CTYPE") == "C.UTF-8":  # set by Python itself where the locale en_US.UTF-8 is missing
        del os.environ["LC_CTYPE"]
    set_import_path(os.environ["LAMBDA_TASK_ROOT"], layers_root)

    import awslambdaric.bootstrap

    awslambdaric.bootstrap.create_log_sink = _log_sink
    try:
        awslambdaric.bootstrap.run(handler, _runtime_client(os.environ["AWS_LAMBDA_RUNTIME_API"]))
    except RuntimeError:
        # The Runtime API failed. If the stage is gone, the whole group is to end, not this process alone.
        stage_is_gone.acquire(timeout=1)
        raise


def take_stdin() -> int:
    """Moves stdin, the stage's pipe, to a descriptor that no child inherits; the handler reads an empty stdin."""
    lifeline = os.dup(0)
    empty = os.open(os.devnull, os.O_RDONLY)
    os.dup2(empty, 0)
    os.close(empty)
    return lifeline


def end_with_the_stage(lifeline: int) -> _thread.LockType:
    """Ends this process and its group when the other end of the pipe closes, however the stage ended.

    Returns a lock that is never released: who acquires it waits for that end.
    """

    runtime_api = os.environ["AWS_LAMBDA_RUNTIME_API"]

    def watch() -> None:
        try:
            while os.read(lifeline, 1):
                pass
        except OSError:
            return  # the handler closed every descriptor it found
        end_stragglers(runtime_api)
        if hasattr(os, "killpg") and os.getpgrp() == os.getpid():
            os.killpg(os.getpid(), signal.SIGKILL)
        os._exit(1)

    never = _thread.allocate_lock()
    never.acquire()
    _thread.start_new_thread(watch, ())
    return never


def set_import_path(task_root: str, layers_root: str) -> None:
    """Orders ``sys.path`` as on Lambda: the package, the layers, the runtime."""
    here = f"python{sys.version_info.major}.{sys.version_info.minor}"
    versions = dict.fromkeys((here, os.environ["AWS_EXECUTION_ENV"].removeprefix("AWS_Lambda_")))
    layers = [os.path.join(layers_root, "python", "lib", version, "site-packages") for version in versions]
    layers.append(os.path.join(layers_root, "python"))
    restrict_imports(task_root, *filter(os.path.isdir, layers))


def restrict_imports(*first: str) -> None:
    """Leaves what Lambda has of this Python's ``sys.path``, behind the directories that are named."""
    own = os.path.dirname(os.path.abspath(__file__))
    installed = [entry for entry in sys.path if os.path.basename(entry) in ("site-packages", "dist-packages")]
    rest = [entry for entry in sys.path if entry not in installed and os.path.abspath(entry) != own]
    sys.path[:] = [*first, *rest]
    sys.meta_path.append(RuntimePackages(installed))


def _runtime_client(address: str) -> Any:
    """awslambdaric's client, able to call an address that has a path.

    It waits for invocations in the main thread. On python3.12 and newer Lambda
    waits in a second one, so that a SIGTERM is handled meanwhile; no signal but
    SIGKILL is ever sent here, and a thread for each invocation costs 0.3 ms.
    """
    from awslambdaric.lambda_runtime_client import LambdaRuntimeClient, LambdaRuntimeClientError
    from awslambdaric.lambda_runtime_marshaller import to_json

    class StageRuntimeClient(LambdaRuntimeClient):
        def wait_next_invocation(self):
            if gc.get_threshold()[0] == _OBJECTS_OF_AN_INIT:
                gc.set_threshold(*_THRESHOLD)
            return super().wait_next_invocation()

        def call_rapid(self, http_method, endpoint, expected_http_code, payload=None, headers=None):
            import http.client

            host, slash, path = self.lambda_runtime_address.partition("/")
            connection = http.client.HTTPConnection(host)
            body = None if http_method == "GET" else to_json(payload)
            connection.request(http_method, slash + path + endpoint, body, headers or {})
            response = connection.getresponse()
            answer = response.read()
            connection.close()
            if response.status != expected_http_code:
                raise LambdaRuntimeClientError(endpoint, response.status, answer)

    return StageRuntimeClient(address)


def _log_sink() -> Any:
    """Writes to the stdout of the start, whatever the handler makes of ``sys.stdout``.

    On Lambda a logger's record is one log event although it may have many
    lines; here the line ends inside it are marked with a NUL (see environment_log.py).
    """
    from awslambdaric.bootstrap import StandardLogSink

    class StageLogSink(StandardLogSink):
        def __init__(self) -> None:
            super().__init__()
            self._stream = sys.stdout

        def log(self, msg, frame_type=None):
            self._stream.write(msg.removesuffix("\n").replace("\n", "\0\n") + "\n")

        def log_error(self, message_lines):
            self.log("\r".join(message_lines))

    return StageLogSink()


if __name__ == "__main__":
    main(*sys.argv[1:])

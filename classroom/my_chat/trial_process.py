"""The process in which a trial runs a learner's handler: one command a line on standard input, one answer a line.

Commands: {"files": {…}, "module": …} gives it the handler's files, which are
imported as if they stood in /var/task and are never written anywhere;
{"event": …} runs ``lambda_handler``; {"set": {…}} changes the pretended AWS.
Each answer tells what the handler returned, raised and printed, and what tables
and connections hold now; {"endless": seconds} is the last one, when the handler
computes for too long. What the handler prints never reaches the protocol.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.abc
import importlib.util
import io
import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Iterator
from types import SimpleNamespace
from typing import IO, Any

from botocore.awsrequest import AWSResponse
from botocore.httpsession import URLLib3Session

from classroom.my_chat.pretended_aws import PretendedAws, RawAnswer

_FOLDER = "/var/task"
_COMPUTES_FOR_S = 3.0
"""Seconds of processor time that a handler has for one event: what never ends is told from a machine that is busy."""


def preload() -> None:
    """Imports, for copies, boto3 and what clients import when they are made, and keeps what botocore reads for that."""
    import boto3
    import botocore.session

    botocore.session.create_loader = functools.cache(botocore.session.create_loader)
    boto3.Session("nobody", "nothing", region_name="us-east-1").resource("dynamodb")


def main() -> None:
    """Serve commands until standard input ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(nowhere, stream)  # for whatever writes past Python
    aws = PretendedAws()
    URLLib3Session.send = lambda session, request: _answered(aws, request)
    module_name, handler = "", None
    for line in sys.stdin:
        command = json.loads(line)
        if "files" in command:
            module_name = command["module"]
            sys.meta_path.insert(0, _Files(command["files"]))
        for name, value in command.get("set", {}).items():
            setattr(aws, name, value)
        if command.get("set", {}).get("clock_stands"):
            _stop_the_clock()
        outcome: dict[str, Any] = {}
        if "event" in command:
            aws.begin_event()
            printed = io.StringIO()
            with contextlib.redirect_stdout(printed), _no_endless_loop(answers):
                try:
                    handler = handler or importlib.import_module(module_name).lambda_handler
                    outcome["result"] = _as_json(handler(command["event"], SimpleNamespace(aws_request_id="trial")))
                except BaseException as error:
                    outcome["error"] = f"{type(error).__name__}: {error}"
                    outcome["line"] = _line_of(error)
            outcome["printed"] = printed.getvalue()
        outcome |= {"tables": aws.tables, "received": aws.received, "waited_for": aws.waited_for}
        outcome |= {"calls": aws.calls, "needs": aws.needs}
        answers.write(json.dumps(outcome) + "\n")
        answers.flush()


class _Files(importlib.abc.SourceLoader):
    """Finds the modules among the handler's files, by their names."""

    def __init__(self, files: dict[str, str]) -> None:
        self._files = files

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> Any:
        if f"{fullname}.py" in self._files:
            return importlib.util.spec_from_file_location(fullname, self.get_filename(fullname), loader=self)
        return None

    def get_filename(self, fullname: str) -> str:
        return f"{_FOLDER}/{fullname}.py"

    def get_data(self, path: Any) -> bytes:
        return self._files[os.path.basename(path)].encode()


@contextlib.contextmanager
def _no_endless_loop(answers: IO[str]) -> Iterator[None]:
    """Ends this process when what runs here has computed for too long."""

    def end(*_: object) -> None:
        answers.write(json.dumps({"endless": _COMPUTES_FOR_S}) + "\n")
        answers.flush()
        os._exit(1)

    if not hasattr(signal, "setitimer"):  # Windows: whoever waits for the answer waits less patiently than for ever
        yield
        return
    signal.signal(signal.SIGPROF, end)
    signal.setitimer(signal.ITIMER_PROF, _COMPUTES_FOR_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def _stop_the_clock() -> None:
    """Let the functions of ``time`` that tell the time of day tell the present one from now on."""
    now_ns = time.time_ns()
    time.time = lambda: now_ns / 1_000_000_000
    time.time_ns = lambda: now_ns


def _answered(aws: PretendedAws, request: Any) -> AWSResponse:
    status, headers, body = aws.send(request)
    return AWSResponse(request.url, status, headers, RawAnswer(body))


def _as_json(result: Any) -> Any:
    try:
        return json.loads(json.dumps(result))
    except (TypeError, ValueError):
        return {"not JSON": repr(result)}


def _line_of(error: BaseException) -> str:
    """The last line of the learner's own code that the error passed, such as "line 12: 1 / 0"."""
    own = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename.startswith(f"{_FOLDER}/")]
    return f"line {own[-1].lineno}: {own[-1].line}" if own else ""


if __name__ == "__main__":
    main()

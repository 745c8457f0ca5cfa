"""The process in which a trial runs a learner's handler: one command a line on standard input, one answer a line.

    python -m classroom.my_chat.trial_process FOLDER MODULE
    python -m classroom.my_chat.trial_process DESCRIPTOR

In the second form it becomes a copy of itself for each request that comes
through the descriptor, a socket (trial_start.py); it has imported boto3 then.

Commands: {"event": …} runs ``lambda_handler``; {"set": {…}} changes the
pretended AWS; each answer tells what the handler returned, raised and printed,
and what tables and connections hold now. What the handler prints never reaches
the protocol.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import os
import socket
import sys
import time
import traceback
from types import SimpleNamespace
from typing import Any

from botocore.awsrequest import AWSResponse
from botocore.httpsession import URLLib3Session

from classroom.my_chat.pretended_aws import PretendedAws, RawAnswer


def main(folder: str, module_name: str) -> None:
    """Serve commands until standard input ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever writes to standard output past Python goes to standard error
    aws = PretendedAws()
    URLLib3Session.send = lambda session, request: _answered(aws, request)
    sys.path.insert(0, folder)
    handler: Any = None
    for line in sys.stdin:
        command = json.loads(line)
        for name, value in command.get("set", {}).items():
            setattr(aws, name, value)
        if command.get("set", {}).get("clock_stands"):
            _stop_the_clock()
        outcome: dict[str, Any] = {}
        if "event" in command:
            aws.begin_event()
            printed = io.StringIO()
            with contextlib.redirect_stdout(printed):
                try:
                    handler = handler or importlib.import_module(module_name).lambda_handler
                    outcome["result"] = _as_json(handler(command["event"], SimpleNamespace(aws_request_id="trial")))
                except BaseException as error:
                    outcome["error"] = f"{type(error).__name__}: {error}"
                    outcome["line"] = _line_of(error, folder)
            outcome["printed"] = printed.getvalue()
        outcome |= {"tables": aws.tables, "received": aws.received, "waited_for": aws.waited_for}
        outcome |= {"calls": aws.calls, "needs": aws.needs}
        answers.write(json.dumps(outcome) + "\n")
        answers.flush()


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


def _line_of(error: BaseException, folder: str) -> str:
    """The last line of the learner's own code that the error passed, such as "line 12: 1 / 0"."""
    own = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename.startswith(folder)]
    return f"line {own[-1].lineno}: {own[-1].line}" if own else ""


def copies(requests: socket.socket) -> list[str]:
    """Makes a copy for each request, answers with its pidfd, and returns, in the copies alone, what ``main`` is given."""
    import boto3

    boto3.Session("nobody", "nothing", region_name="us-east-1").resource("dynamodb")
    while True:
        request, descriptors, _, _ = socket.recv_fds(requests, 1_000_000, 2)
        if not request:
            sys.exit()
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        pid = os.fork()
        if pid:
            pidfd = os.pidfd_open(pid)
            socket.send_fds(requests, [b"copied"], [pidfd])
            for descriptor in (pidfd, *descriptors):
                os.close(descriptor)
            continue
        requests.close()
        folder, module_name, environment = json.loads(request)
        for number, descriptor in enumerate(descriptors):
            os.dup2(descriptor, number)
            os.close(descriptor)
        os.environ.clear()
        os.environ.update(environment)
        return [folder, module_name]


if __name__ == "__main__":
    words = sys.argv[1:]
    main(*(words if len(words) == 2 else copies(socket.socket(fileno=int(words[0])))))

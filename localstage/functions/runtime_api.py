"""Lambda's Runtime API: the requests of an execution environment's runtime as calls of the environment.

AWS: FIDELITY section 9, Runtime API. Knows HTTP; does not know the pool.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable

from localstage.functions.environment import Assigned, Environment
from localstage.functions.lifecycle import IllegalStep
from localstage.port.exchange import Answer, Reply, Request

_VERSION = "2018-06-01/runtime/"
_JSON = ("Content-Type", "application/json")
_ACCEPTED = Answer(202, [_JSON], b'{"status":"OK"}\n')


def answer(environment: Environment | None, tail: str, request: Request) -> Reply | Awaitable[Reply]:
    """Answers one request. ``tail`` is the path after the environment's id, without a leading slash."""
    parts = tail.removeprefix(_VERSION).split("/")
    if environment is None or not tail.startswith(_VERSION):
        return _refusal(404, "NotFound", "There is no such execution environment or path.")
    match request.method, parts:
        case "GET", ["invocation", "next"]:
            return _next(environment)
        case "POST", ["invocation", request_id, "response" | "error" as kind]:
            return _posted(environment, request_id, kind == "error", request)
        case "POST", ["init", "error"]:
            return _failed_init(environment, request)
    return _refusal(404, "NotFound", f"The Runtime API has no {request.method} {tail}.")


def _next(environment: Environment) -> Reply | Awaitable[Reply]:
    """A future, which costs no task: most of a runtime's time is spent with waiting here."""
    answered: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()

    def give(assigned: Assigned | None) -> None:
        answered.set_result(_given(assigned))

    try:
        environment.next(give)
    except IllegalStep as error:
        return _illegal(error)
    return answered


def _given(assigned: Assigned | None) -> Answer:
    if assigned is None:
        return _refusal(410, "Gone", "The execution environment has ended.")
    invocation = assigned.invocation
    headers = [
        _JSON,
        ("Lambda-Runtime-Aws-Request-Id", invocation.request_id),
        ("Lambda-Runtime-Deadline-Ms", str(assigned.deadline_ms)),
        ("Lambda-Runtime-Invoked-Function-Arn", invocation.function_arn),
        ("Lambda-Runtime-Trace-Id", invocation.trace_id),
    ]
    if invocation.client_context:
        # A header has no line breaks; in JSON they are only spacing.
        headers.append(("Lambda-Runtime-Client-Context", " ".join(invocation.client_context.splitlines())))
    return Answer(200, headers, invocation.payload)


async def _posted(environment: Environment, request_id: str, is_error: bool, request: Request) -> Answer:
    payload = await request.read()
    try:
        fits = await environment.answer(request_id, payload, is_error=is_error, max_memory_mb=_max_memory_mb(request))
    except IllegalStep as error:
        return _illegal(error)
    return _ACCEPTED if fits else _refusal(413, "RequestEntityTooLarge", "The response is too large.")


async def _failed_init(environment: Environment, request: Request) -> Answer:
    payload = await request.read()
    try:
        environment.post_init_error(payload)
    except IllegalStep as error:
        return _illegal(error)
    return _ACCEPTED


def _max_memory_mb(request: Request) -> int | None:
    """Our own header: the pure Python client measures what this process cannot see everywhere."""
    value = request.headers.get("localstage-max-memory-mb", "")
    return int(value) if value.isdecimal() else None


def _illegal(error: IllegalStep) -> Answer:
    return _refusal(403, "InvalidStateTransition", str(error))


def _refusal(status: int, error_type: str, message: str) -> Answer:
    return Answer(status, [_JSON], json.dumps({"errorMessage": message, "errorType": error_type}).encode())

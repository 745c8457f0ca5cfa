"""Lambda's Runtime API: the requests of an execution environment's runtime as calls of the environment.

AWS: FIDELITY section 9, Runtime API. Knows HTTP; does not know the pool.
"""

from __future__ import annotations

import json

from aiohttp import web

from localstage.functions.environment import Environment
from localstage.functions.lifecycle import IllegalStep

_VERSION = "2018-06-01/runtime/"


async def answer(environment: Environment | None, tail: str, request: web.BaseRequest) -> web.Response:
    """Answers one request. ``tail`` is the path after the environment's id, without a leading slash."""
    parts = tail.removeprefix(_VERSION).split("/")
    if environment is None or not tail.startswith(_VERSION):
        return _refusal(404, "NotFound", "There is no such execution environment or path.")
    try:
        match request.method, parts:
            case "GET", ["invocation", "next"]:
                return await _next(environment)
            case "POST", ["invocation", request_id, "response" | "error" as kind]:
                fits = await environment.answer(
                    request_id,
                    await request.content.read(),
                    is_error=kind == "error",
                    max_memory_mb=_max_memory_mb(request),
                )
                if not fits:
                    return _refusal(413, "RequestEntityTooLarge", "The response is too large.")
                return _accepted()
            case "POST", ["init", "error"]:
                environment.post_init_error(await request.content.read())
                return _accepted()
    except IllegalStep as error:
        return _refusal(403, "InvalidStateTransition", str(error))
    return _refusal(404, "NotFound", f"The Runtime API has no {request.method} {tail}.")


async def _next(environment: Environment) -> web.Response:
    assigned = await environment.next()
    if assigned is None:
        return _refusal(410, "Gone", "The execution environment has ended.")
    invocation = assigned.invocation
    headers = {
        "Content-Type": "application/json",
        "Lambda-Runtime-Aws-Request-Id": invocation.request_id,
        "Lambda-Runtime-Deadline-Ms": str(assigned.deadline_ms),
        "Lambda-Runtime-Invoked-Function-Arn": invocation.function_arn,
        "Lambda-Runtime-Trace-Id": invocation.trace_id,
    }
    if invocation.client_context:
        # A header has no line breaks; in JSON they are only spacing.
        headers["Lambda-Runtime-Client-Context"] = " ".join(invocation.client_context.splitlines())
    return web.Response(body=invocation.payload, headers=headers)


def _max_memory_mb(request: web.BaseRequest) -> int | None:
    """Our own header: the pure Python client measures what this process cannot see everywhere."""
    value = request.headers.get("Localstage-Max-Memory-Mb", "")
    return int(value) if value.isdecimal() else None


def _accepted() -> web.Response:
    return web.Response(status=202, body=b'{"status":"OK"}\n', content_type="application/json")


def _refusal(status: int, error_type: str, message: str) -> web.Response:
    return web.Response(
        status=status,
        content_type="application/json",
        body=json.dumps({"errorMessage": message, "errorType": error_type}).encode(),
    )

"""Lambda's Invoke API and what moto does not check at CreateFunction.

Invocations do not go through moto: a function that runs will call the account
itself, so a synchronous invocation must not hold the account thread.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Protocol
from urllib.parse import parse_qs, unquote

from aiohttp import web

from localstage.core.strict_json import read_json
from localstage.door.moto_server import read_body
from localstage.functions.definition import FunctionDefinition
from localstage.functions.invocation import InvocationRefused
from localstage.services.awslambda.function_directory import FunctionDirectory

if TYPE_CHECKING:
    from localstage.functions.invocation import InvocationResult

_INVOCATIONS = re.compile(r"^/\d{4}-\d{2}-\d{2}/functions/([^/]+)/invocations/?$")
_SYNCHRONOUS_LIMIT_BYTES = 6 * 1024 * 1024
_SCOPE_REGION = re.compile(r"Credential=[^/]+/\d{8}/([a-z0-9-]+)/lambda/")


class Invoker(Protocol):
    """The part of Functions that this needs."""

    async def invoke(
        self, definition: FunctionDefinition, payload: bytes, *, client_context: str | None = None
    ) -> InvocationResult:
        """Runs one invocation to its end."""

    async def invoke_event(self, definition_of: Callable[[], FunctionDefinition | None], payload: bytes) -> None:
        """Accepts an asynchronous invocation."""

    async def retire(self, function_arn: str) -> None:
        """Ends the environments of a function that is deleted."""


class LambdaApi:
    """Answers Invoke; passes every other request of Lambda on to moto."""

    def __init__(
        self,
        directory: FunctionDirectory,
        invoker: Invoker,
        moto: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]],
    ):
        self._directory = directory
        self._invoker = invoker
        self._moto = moto

    async def retire(self, function_arn: str) -> None:
        """Ends the environments of a function that is deleted."""
        await self._invoker.retire(function_arn)

    @staticmethod
    def is_invocation(request: web.BaseRequest) -> bool:
        """Whether a request is Lambda's Invoke."""
        return request.method == "POST" and _INVOCATIONS.match(request.raw_path.partition("?")[0]) is not None

    async def invoke(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answers one Invoke call: RequestResponse, Event or DryRun."""
        path, _, query = request.raw_path.partition("?")
        match = _INVOCATIONS.match(path)
        name = unquote(match.group(1)) if match else ""
        qualifier = parse_qs(query).get("Qualifier", [None])[0]
        scope = _SCOPE_REGION.search(request.headers.get("Authorization", ""))
        region = scope.group(1) if scope else None
        payload = await read_body(request) or b"{}"
        definition = self._directory.function(name, qualifier, region)
        if definition is None:
            return _error(404, "ResourceNotFoundException", f"Function not found: {name}")
        try:
            read_json(payload)
        except ValueError as error:
            return _error(400, "InvalidRequestContentException", f"Could not parse request body into json: {error}")
        if len(payload) > _SYNCHRONOUS_LIMIT_BYTES:
            return _error(
                413,
                "RequestTooLargeException",
                f"Request must be smaller than {_SYNCHRONOUS_LIMIT_BYTES} bytes for the InvokeFunction operation",
            )
        kind = request.headers.get("X-Amz-Invocation-Type", "RequestResponse")
        try:
            client_context = _client_context(request.headers.get("X-Amz-Client-Context", ""))
        except ValueError:
            # AWS: the text as in github.com/boto/boto3 issue 2153.
            return _error(
                400, "InvalidRequestContentException", "Client context must be a valid Base64-encoded JSON object."
            )
        if kind == "DryRun":
            return web.Response(status=204)
        try:
            if kind == "Event":
                await self._invoker.invoke_event(lambda: self._directory.function(name, qualifier, region), payload)
                return web.Response(status=202)
            result = await self._invoker.invoke(definition, payload, client_context=client_context)
        except InvocationRefused as refusal:
            return _error(refusal.status, refusal.code, str(refusal))
        return _result(result, definition, request.headers.get("X-Amz-Log-Type") == "Tail")


def _client_context(header: str) -> str | None:
    """The JSON object in the header, None without one. Raises ValueError."""
    if not header:
        return None
    text = base64.b64decode(header, validate=True).decode()
    if not isinstance(read_json(text), dict):
        raise ValueError("the client context is no JSON object")
    return text


def _result(result: InvocationResult, definition: FunctionDefinition, with_log: bool) -> web.Response:
    headers = {"X-Amz-Executed-Version": definition.version, "x-amzn-RequestId": result.request_id}
    if result.function_error:
        headers["X-Amz-Function-Error"] = result.function_error
    if with_log:
        headers["X-Amz-Log-Result"] = base64.b64encode(result.log_tail.encode("utf-8")).decode("ascii")
    return web.Response(status=200, body=result.payload, headers=headers, content_type="application/json")


def _error(status: int, error_type: str, message: str) -> web.Response:
    return web.Response(
        status=status,
        headers={"x-amzn-ErrorType": error_type},
        content_type="application/json",
        body=json.dumps({"Type": "User", "Message": message, "message": message}).encode(),
    )

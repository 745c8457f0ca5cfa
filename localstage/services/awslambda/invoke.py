"""Lambda's Invoke API.

Invocations do not go through moto: a function that runs will call the account
itself, so a synchronous invocation must not hold the account thread.
"""

from __future__ import annotations

import base64

from localstage.core.strict_json import read_json
from localstage.door.call import Answer, AwsCall
from localstage.door.refusal import Refusal
from localstage.functions.definition import FunctionDefinition
from localstage.functions.invocation import InvocationRefused, InvocationResult
from localstage.functions.service import Functions
from localstage.services.awslambda.directory import FunctionDirectory

_SYNCHRONOUS_LIMIT_BYTES = 6 * 1024 * 1024


class Invocations:
    """Answers Invoke: RequestResponse, Event or DryRun."""

    def __init__(self, directory: FunctionDirectory, functions: Functions):
        self._directory = directory
        self._functions = functions

    async def answer(self, call: AwsCall) -> Answer:
        """Answers one Invoke call. Raises Refusal."""
        try:
            return await self._answer(call)
        except InvocationRefused as refused:
            raise Refusal(refused.code, str(refused), refused.status) from refused

    async def _answer(self, call: AwsCall) -> Answer:
        def definition_now() -> FunctionDefinition | None:
            return self._directory.function(call.text("FunctionName"), call.text("Qualifier"), call.region)

        payload = call.body or b"{}"
        definition = definition_now()
        if definition is None:
            arn = self._directory.arn_of(call.text("FunctionName"), call.text("Qualifier"), call.region)
            raise Refusal("ResourceNotFoundException", f"Function not found: {arn}", 404)
        try:
            read_json(payload)
        except ValueError as error:
            raise Refusal(
                "InvalidRequestContentException", f"Could not parse request body into json: {error}"
            ) from error
        if len(payload) > _SYNCHRONOUS_LIMIT_BYTES:
            raise Refusal(
                "RequestTooLargeException",
                f"Request must be smaller than {_SYNCHRONOUS_LIMIT_BYTES} bytes for the InvokeFunction operation",
                413,
            )
        try:
            client_context = _client_context(call.text("ClientContext"))
        except ValueError:
            # AWS: the text as in github.com/boto/boto3 issue 2153.
            raise Refusal(
                "InvalidRequestContentException", "Client context must be a valid Base64-encoded JSON object."
            ) from None
        match call.text("InvocationType"):
            case "DryRun":
                return Answer(204, [])
            case "Event":
                await self._functions.invoke_event(definition_now, payload)
                return Answer(202, [])
        result = await self._functions.invoke(definition, payload, client_context=client_context)
        return _answer_with(result, definition, call.text("LogType") == "Tail")


def _client_context(header: str) -> str | None:
    """The JSON object in the header, None without one. Raises ValueError."""
    if not header:
        return None
    text = base64.b64decode(header, validate=True).decode()
    if not isinstance(read_json(text), dict):
        raise ValueError("the client context is no JSON object")
    return text


def _answer_with(result: InvocationResult, definition: FunctionDefinition, with_log: bool) -> Answer:
    headers = [
        ("Content-Type", "application/json"),
        ("X-Amz-Executed-Version", definition.version),
        ("x-amzn-RequestId", result.request_id),
    ]
    if result.function_error:
        headers.append(("X-Amz-Function-Error", result.function_error))
    if with_log:
        headers.append(("X-Amz-Log-Result", base64.b64encode(result.log_tail.encode("utf-8")).decode("ascii")))
    return Answer(200, headers, result.payload)

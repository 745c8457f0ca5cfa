"""How CloudFormation and the functions that provide custom resources speak: events out, answers in.

An event goes to the function as an invocation of type Event. Its answer is a PUT to a pre-signed URL of S3, in a bucket
that is CloudFormation's: no bucket of the account, so the door asks this module instead of moto. What is under way
lives on the event loop; the account thread opens it and reads what has become of it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from hashlib import md5
from typing import Any
from urllib.parse import quote, unquote

from localstage.clock import Clock, Timer
from localstage.door.call import Answer, AwsCall
from localstage.door.signatures.verification import KnownKey
from localstage.functions.definition import FunctionDefinition
from localstage.functions.invocation import InvocationRefused, StageStopping
from localstage.functions.service import Functions
from localstage.services.awslambda.directory import FunctionDirectory

_BUCKETS = "cloudformation-custom-resource-response-"
"""AWS: what the names of CloudFormation's buckets begin with; the region without its dashes follows."""
_LONGEST_S = 2 * 3600


class Exchange:
    """One event, from when it is opened on the account thread until somebody has answered it or nobody will."""

    def __init__(self, key: str, function_arn: str, event: dict[str, Any], timeout_s: float, providers: Providers):
        self.key, self.function_arn, self.event, self.timeout_s = key, function_arn, event, timeout_s
        self.answer: bytes | None = None
        self.failure = ""
        self.delivered = False
        self.timer: Timer | None = None
        self._over: Callable[[], None] | None = None
        self._providers = providers

    def wait(self, over: Callable[[], None]) -> None:
        """Sends the event; ``over`` is called on the event loop when this is over."""
        self._over = over
        self._providers.on_loop(lambda: self._providers.begin(self))

    def drop(self) -> None:
        """Nobody waits for the answer any more."""
        self._over = None
        self._providers.on_loop(lambda: self._providers.end(self))

    def conclude(self, answer: bytes | None = None, failure: str = "") -> None:
        """It is over. On the event loop."""
        self._providers.end(self)
        over, self._over = self._over, None
        if over is not None:
            self.answer, self.failure = answer, failure
            over()


class Providers:
    """The events that functions have been sent. ``functions`` and ``begin_on`` must be set before the first."""

    functions: Functions | None = None

    def __init__(self, directory: FunctionDirectory, signer: KnownKey, clock: Clock, patient: bool):
        """``signer`` signs the URLs. Who is ``patient`` waits like AWS also for a function that has failed."""
        self._directory = directory
        self._signer = signer
        self._clock = clock
        self._patient = patient
        self._waiting: dict[str, Exchange] = {}
        self._invocations: set[asyncio.Task[None]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None

    def begin_on(self, loop: asyncio.AbstractEventLoop) -> None:
        """Names the event loop."""
        self._loop = loop

    def on_loop(self, do: Callable[[], None]) -> None:
        """Has something done on the event loop. Any thread may ask."""
        assert self._loop is not None
        self._loop.call_soon_threadsafe(do)

    def send(self, function_arn: str, event: dict[str, Any], timeout_s: float) -> Exchange:
        """Opens an exchange; its event, completed with the ResponseURL, is sent when somebody waits. Any thread."""
        key = f"{event['StackId']}|{event['LogicalResourceId']}|{event['RequestId']}"
        region = function_arn.split(":")[3]
        url = _presigned(key, region, self._signer)
        return Exchange(key, function_arn, {**event, "ResponseURL": url}, timeout_s, self)

    def begin(self, exchange: Exchange) -> None:
        """Sends the event to the function. On the event loop."""
        self._waiting[exchange.key] = exchange
        exchange.timer = self._clock.call_later(exchange.timeout_s, exchange.conclude)
        task = asyncio.get_running_loop().create_task(self._invoke(exchange))
        self._invocations.add(task)
        task.add_done_callback(self._invocations.discard)

    def end(self, exchange: Exchange) -> None:
        """The exchange is not waited for. On the event loop."""
        self._waiting.pop(exchange.key, None)
        if exchange.timer is not None:
            exchange.timer.cancel()

    def stop(self) -> None:
        """Nothing is waited for any more. On the event loop."""
        for exchange in list(self._waiting.values()):
            self.end(exchange)
        for task in self._invocations:
            task.cancel()

    def takes(self, call: AwsCall) -> bool:
        """Whether a call of S3 is the answer to an event."""
        return call.method == "PUT" and call.headers.get("host", "").startswith(_BUCKETS)

    async def take(self, call: AwsCall) -> Answer:
        """Takes a function's answer; of two the first counts."""
        exchange = self._waiting.get(unquote(call.raw_path.lstrip("/")))
        if exchange is not None:
            exchange.conclude(call.body)
        return Answer(200, [("ETag", f'"{md5(call.body, usedforsecurity=False).hexdigest()}"')])

    async def _invoke(self, exchange: Exchange) -> None:
        def definition_now() -> FunctionDefinition | None:
            return self._directory.function(exchange.function_arn)

        assert self.functions is not None, "who runs functions must be named before the first event"
        try:
            definition = definition_now()
            if definition is None:
                exchange.conclude(failure=f"Function not found: {exchange.function_arn}")
                return
            payload = json.dumps(exchange.event).encode()
            exchange.delivered = True
            if self._patient:
                await self.functions.invoke_event(definition_now, payload)
                return
            # Guess (Custom resources): AWS tries such an invocation twice more and then waits for the time to be over.
            result = await self.functions.invoke(definition, payload)
            if result.function_error:
                said = result.payload.decode(errors="replace")
                exchange.conclude(failure=f"The function {definition.name} failed before it answered: {said}")
        except StageStopping:
            return
        except InvocationRefused as refused:
            exchange.conclude(failure=f"The function could not be invoked: {refused}")


def _presigned(key: str, region: str, signer: KnownKey) -> str:
    """A URL to which whoever has it may PUT the answer, for as long as an operation can take."""
    from botocore.auth import S3SigV4QueryAuth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    bucket = f"{_BUCKETS}{region.replace('-', '')}"
    request = AWSRequest("PUT", f"https://{bucket}.s3.{region}.amazonaws.com/{quote(key, safe='')}")
    credentials = Credentials(signer.access_key_id, signer.secret_access_key)
    S3SigV4QueryAuth(credentials, "s3", region, expires=_LONGEST_S).add_auth(request)
    return str(request.url)

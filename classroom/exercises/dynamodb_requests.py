"""What a learner's code asks of DynamoDB while a check runs it: which calls, how many rows they read, and no more than enough.

The calls go to the account's own DynamoDB, through the notebook's client; the
client's events tell of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from classroom.exercises.checks import CheckFailed


class TooManyRequests(BaseException):
    """The code asks again and again. Not an ``Exception``: a learner's ``except`` must not catch it."""


class WentOn(BaseException):
    """The code took no notice of a refusal; the text names its next call. Not an ``Exception`` either."""


@dataclass
class Requests:
    """The names of the calls so far, in order; how many rows DynamoDB read for them; and the puts without a condition."""

    calls: list[str] = field(default_factory=list)
    rows_read: int = 0
    plain_puts: int = 0


@contextmanager
def requests_of(
    client: Any, *, at_most: int = 40, look: str, before_first_put: Callable[[], None] | None = None
) -> Iterator[Requests]:
    """Listen to a client inside the block. ``before_first_put`` is called when the code's first put is about to leave.

    Raises ``CheckFailed`` with ``look`` when the code makes more than ``at_most`` calls.
    """
    seen = Requests()
    interfering = False

    def leaves(params: dict[str, Any], model: Any, **kwargs: Any) -> None:
        nonlocal interfering
        if interfering:
            return
        seen.calls.append(model.name)
        if len(seen.calls) > at_most:
            raise TooManyRequests
        seen.plain_puts += model.name == "PutItem" and "ConditionExpression" not in params
        if before_first_put and model.name == "PutItem" and seen.calls.count("PutItem") == 1:
            interfering = True
            try:
                before_first_put()
            finally:
                interfering = False

    def answered(parsed: dict[str, Any], **kwargs: Any) -> None:
        seen.rows_read += parsed.get("ScannedCount", 0)

    events = client.meta.events
    events.register("provide-client-params.dynamodb", leaves)
    events.register("after-call.dynamodb", answered)
    try:
        yield seen
    except TooManyRequests:
        raise CheckFailed(
            f"it comes to an end. It asked DynamoDB {at_most} times and was stopped. Look at: {look}."
        ) from None
    finally:
        events.unregister("provide-client-params.dynamodb", leaves)
        events.unregister("after-call.dynamodb", answered)


@contextmanager
def refusing(client: Any, operation: str, code: str, message: str) -> Iterator[list[str]]:
    """Inside the block, a call of an operation is answered with this error, and does not leave; gives those calls.

    Code that asks DynamoDB something else afterwards is stopped by ``WentOn``.
    """
    refused: list[str] = []
    answer = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {}}

    def refuse(model: Any, **kwargs: Any) -> tuple[Any, dict[str, Any]] | None:
        if refused:
            raise WentOn(model.name)
        if model.name != operation:
            return None
        refused.append(model.name)
        return SimpleNamespace(status_code=400), answer

    client.meta.events.register("before-call.dynamodb", refuse)
    try:
        yield refused
    finally:
        client.meta.events.unregister("before-call.dynamodb", refuse)

"""What invokes a function with a queue's messages: when it looks, what it deletes, and when it tries again."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from localstage.functions.invocation import InvocationResult, Measurements, StageStopping, TooManyRequests
from localstage.services.awslambda.event_sources import Batch, EventSource, EventSources, Queues, failed_ids
from tests.moved_clock import MovedClock

SOURCE = EventSource("u", "arn:q", "arn:f", 2, 0, False, 2, 30)
Answer = Callable[[list[str]], Any]


class Account:
    """A queue of messages that are named by their bodies, a function, and the thread that both live on."""

    def __init__(self) -> None:
        self.clock = MovedClock()
        self.waiting: list[str] = []
        self.hidden: list[str] = []
        self.invoked: list[list[str]] = []
        self.looks = 0
        self.more_in_s: float | None = None
        self.answer: Answer = lambda bodies: None
        self.exists = True
        queues = Queues(self._take, self._delete)
        self.sources = EventSources(self, queues, self, self.clock)  # type: ignore[arg-type]
        self.sources.functions = self  # type: ignore[assignment]

    def function(self, arn: str) -> Any:
        """The directory's part."""
        return arn if self.exists else None

    async def run(self, work: Callable[[], Any]) -> Any:
        """The account thread's part."""
        await asyncio.sleep(0)
        return work()

    async def invoke(self, definition: Any, payload: bytes) -> InvocationResult:
        """The functions' part."""
        bodies = [record["body"] for record in json.loads(payload)["Records"]]
        self.invoked.append(bodies)
        await asyncio.sleep(0)
        answer = self.answer(bodies)
        if isinstance(answer, Exception):
            raise answer
        error = "Unhandled" if answer == "fails" else None
        return InvocationResult("r", json.dumps(answer).encode(), error, "", Measurements(1.0))

    def _take(self, arn: str, size: int, wait_for_more: bool) -> Batch:
        self.looks += 1
        if self.waiting and wait_for_more and len(self.waiting) < size:
            return Batch(gathering=True, more_in_s=self.more_in_s)
        taken, self.waiting = self.waiting[:size], self.waiting[size:]
        self.hidden += taken
        return Batch(
            tuple({"messageId": name, "receiptHandle": f"h-{name}", "body": name} for name in taken),
            more_in_s=self.more_in_s,
        )

    def _delete(self, arn: str, handles: list[str]) -> None:
        self.hidden = [name for name in self.hidden if f"h-{name}" not in handles]


async def settle() -> None:
    """Lets happen what needs no time."""
    for _ in range(60):
        await asyncio.sleep(0)


def test_messages_when_the_function_succeeds():
    """Messages come in batches of the size that is set, and are deleted when the function has returned."""

    async def scenario() -> None:
        account = Account()
        account.waiting = ["a", "b", "c"]
        account.sources.take({"u": SOURCE})
        await settle()
        assert sorted(account.invoked) == [["a", "b"], ["c"]]
        assert (account.waiting, account.hidden) == ([], [])
        looks = account.looks
        await settle()
        assert account.looks == looks, "nobody asks a queue in which nothing happens"
        account.waiting = ["d"]
        account.sources.wake()
        await settle()
        assert account.invoked[-1] == ["d"]

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("reports", "answer", "left"),
    [
        (False, "fails", ["a", "b"]),
        (True, "fails", ["a", "b"]),
        (False, {"batchItemFailures": [{"itemIdentifier": "b"}]}, []),
        (True, {"batchItemFailures": [{"itemIdentifier": "b"}]}, ["b"]),
        (True, {"batchItemFailures": []}, []),
    ],
)
def test_messages_when_a_batch_fails(reports: bool, answer: Any, left: list[str]):
    """What failed stays hidden in the queue; a part of a batch can fail where the mapping says so."""

    async def scenario() -> None:
        account = Account()
        account.waiting, account.answer = ["a", "b"], lambda bodies: answer
        account.sources.take({"u": replace(SOURCE, reports_failures=reports)})
        await settle()
        assert account.hidden == left
        assert account.invoked == [["a", "b"]]

    asyncio.run(scenario())


def test_messages_when_they_are_seen_again():
    """A hidden message is looked for when its visibility time-out is over, and not before."""

    async def scenario() -> None:
        account = Account()
        account.waiting, account.answer, account.more_in_s = ["a"], lambda bodies: "fails", 30.0
        account.sources.take({"u": SOURCE})
        await settle()
        account.waiting, account.hidden, account.answer = account.hidden, [], lambda bodies: None
        account.clock.move(29)
        await settle()
        assert len(account.invoked) == 1
        account.more_in_s = None
        account.clock.move(1)
        await settle()
        assert (account.invoked, account.hidden) == ([["a"], ["a"]], [])

    asyncio.run(scenario())


def test_messages_when_there_is_a_window():
    """A window gathers messages until it is over, or until a batch is full."""

    async def scenario() -> None:
        account = Account()
        account.waiting = ["a"]
        account.sources.take({"u": replace(SOURCE, window_s=10)})
        await settle()
        account.clock.move(9)
        await settle()
        assert account.invoked == []
        account.clock.move(1)
        await settle()
        assert account.invoked == [["a"]]
        account.waiting = ["b", "c"]
        account.sources.wake()
        await settle()
        assert account.invoked == [["a"], ["b", "c"]]

    asyncio.run(scenario())


def test_batches_when_many_messages_wait():
    """No more batches are worked on at once than the mapping has."""

    async def scenario() -> None:
        account = Account()
        at_once, most = 0, 0
        go_on = asyncio.Event()

        async def invoke(definition: Any, payload: bytes) -> InvocationResult:
            nonlocal at_once, most
            at_once += 1
            most = max(most, at_once)
            await go_on.wait()
            at_once -= 1
            return InvocationResult("r", b"null", None, "", Measurements(1.0))

        account.invoke = invoke  # type: ignore[method-assign]
        account.waiting = [str(number) for number in range(20)]
        account.sources.take({"u": SOURCE})
        await settle()
        assert (most, len(account.waiting)) == (2, 16)
        go_on.set()
        await settle()
        assert (most, account.waiting, account.hidden) == (2, [], [])

    asyncio.run(scenario())


def test_messages_when_the_function_is_throttled():
    """A refused invocation is tried again until its messages are seen in the queue again."""

    async def scenario() -> None:
        account = Account()
        account.waiting, account.answer = ["a"], lambda bodies: TooManyRequests()
        account.sources.take({"u": replace(SOURCE, visibility_timeout_s=3)})
        await settle()
        for _ in range(5):
            account.clock.move(1)
            await settle()
        assert (len(account.invoked), account.hidden) == (3, ["a"])
        account.waiting, account.hidden, account.answer = ["a"], [], lambda bodies: None
        account.sources.wake()
        await settle()
        assert account.hidden == []

    asyncio.run(scenario())


@pytest.mark.parametrize("end", ["removed", "disabled", "stopping", "stopped"])
def test_messages_when_a_mapping_ends(end: str):
    """Nothing is taken from the queue of a mapping that is gone or disabled, nor while localstage ends."""

    async def scenario() -> None:
        account = Account()
        account.waiting, account.more_in_s = ["a"], 5.0
        if end == "stopping":
            account.answer = lambda bodies: StageStopping()
        account.sources.take({"u": SOURCE})
        await settle()
        if end == "stopped":
            account.sources.stop()
        elif end != "stopping":
            account.sources.take({})
        account.waiting = ["b"]
        account.sources.wake()
        account.clock.move(10)
        await settle()
        assert (account.invoked, account.waiting) == ([["a"]], ["b"])

    asyncio.run(scenario())


def test_messages_when_the_function_is_gone():
    """Without its function a mapping leaves messages in the queue."""

    async def scenario() -> None:
        account = Account()
        account.waiting, account.exists = ["a"], False
        account.sources.take({"u": SOURCE})
        await settle()
        assert (account.invoked, account.hidden) == ([], ["a"])

    asyncio.run(scenario())


def test_messages_when_a_mapping_changes():
    """A changed mapping counts from the next batch on."""

    async def scenario() -> None:
        account = Account()
        account.sources.take({"u": SOURCE})
        await settle()
        account.waiting = ["a", "b", "c"]
        account.sources.take({"u": replace(SOURCE, batch_size=3)})
        await settle()
        assert account.invoked == [["a", "b", "c"]]

    asyncio.run(scenario())


@pytest.mark.fidelity("9.15")
@pytest.mark.parametrize(
    ("payload", "failed"),
    [
        (b"null", ""),
        (b"{}", ""),
        (b'{"batchItemFailures": null}', ""),
        (b'{"batchItemFailures": []}', ""),
        (b'{"batchItemFailures": [{"itemIdentifier": "a"}]}', "a"),
        (b'{"batchItemFailures": [{"itemIdentifier": "a"}, {"itemIdentifier": "b"}]}', "ab"),
        (b"{", "ab"),
        (b'{"batchItemFailures": "a"}', "ab"),
        (b'{"batchItemFailures": [{"itemIdentifier": ""}]}', "ab"),
        (b'{"batchItemFailures": [{"itemIdentifier": null}]}', "ab"),
        (b'{"batchItemFailures": [{"itemId": "a"}]}', "ab"),
        (b'{"batchItemFailures": ["a"]}', "ab"),
        (b'{"batchItemFailures": [{"itemIdentifier": "c"}]}', "ab"),
    ],
)
def test_failures_when_a_function_reports_them(payload: bytes, failed: str):
    """Nothing reported is a success; a report that cannot be read is a failure of the whole batch."""
    assert failed_ids(payload, {"a", "b"}) == set(failed)

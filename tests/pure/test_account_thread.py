"""The account's thread: one piece of work after the other, and none that holds the others for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from threading import Event
from typing import Any

import pytest

from localstage.door.account_thread import AccountBusy, AccountThread, CallTookTooLong

NEVER_S = 60.0


@pytest.fixture
def held() -> Iterator[Event]:
    """What holds the thread where nothing interrupts it, as a function of C would; released in the end."""
    held = Event()
    yield held
    held.set()


def on_a_thread(
    scenario: Callable[[AccountThread], Awaitable[Any]], limit_s: float = 0.02, grace_s: float = NEVER_S
) -> Any:
    async def run() -> Any:
        thread = AccountThread(limit_s, grace_s, look_every_s=0.01)
        try:
            return await scenario(thread)
        finally:
            thread.stop()

    return asyncio.run(run())


def without_end() -> None:
    """Work that never ends by itself, in Python."""
    while True:
        pass


def test_work_when_it_is_done_in_turn():
    """Work is done in the order in which it was asked for, and each one gets its own result or its own error."""
    done: list[int] = []

    async def scenario(thread: AccountThread) -> list[Any]:
        def work(number: int) -> int:
            done.append(number)
            return number // (number - 3)

        asked = (thread.run(lambda number=number: work(number)) for number in range(5))
        return await asyncio.gather(*asked, return_exceptions=True)

    results = on_a_thread(scenario, NEVER_S)
    assert done == [0, 1, 2, 3, 4]
    assert [type(result) for result in results] == [int, int, int, ZeroDivisionError, int]


def test_call_when_it_does_not_end():
    """A call without an end is interrupted and named in its answer; what waits for it is done then."""

    async def scenario(thread: AccountThread) -> tuple[Any, str]:
        endless = asyncio.ensure_future(thread.run(without_end, lambda: "cloudformation:CreateStack"))
        after = await thread.run(lambda: "served", limit_s=NEVER_S)
        with pytest.raises(CallTookTooLong) as refused:
            await endless
        return refused.value, after

    refused, after = on_a_thread(scenario)
    assert (refused.code, refused.status, after) == ("CallTookTooLong", 400, "served")
    assert "interrupted cloudformation:CreateStack after 0.02 seconds" in refused.message


def test_call_when_it_comes_to_an_end_of_its_own():
    """Interrupted work that makes something of it, such as a roll-back, gives its own result."""

    def roll_back() -> str:
        try:
            without_end()
        except Exception:
            return "rolled back"

    assert on_a_thread(lambda thread: thread.run(roll_back)) == "rolled back"


def test_call_when_it_cannot_be_interrupted(held: Event):
    """Whoever waits for work that nothing ends is answered, in words that name it, and their own is not done later."""
    done: list[str] = []

    async def scenario(thread: AccountThread) -> list[Any]:
        asked = (thread.run(held.wait, lambda: "s3:PutObject"), thread.run(lambda: done.append("late")))
        answers = await asyncio.gather(*asked, return_exceptions=True)
        held.set()
        while thread._current is not None:
            await asyncio.sleep(0.001)
        answers.append(await thread.run(lambda: "served", limit_s=NEVER_S))
        return answers

    first, second, after = on_a_thread(scenario, grace_s=0.05)
    assert (type(first), type(second), after, done) == (CallTookTooLong, AccountBusy, "served", [])
    assert "s3:PutObject" in first.message and "s3:PutObject" in second.message


def test_work_when_it_ends_just_as_it_is_interrupted():
    """An interruption hits the work that it is meant for alone, however close to its end it comes."""

    async def scenario(thread: AccountThread) -> list[Any]:
        results = []
        for _ in range(2_000):
            asked = asyncio.ensure_future(thread.run(lambda: "served"))
            await asyncio.sleep(0)
            thread._interrupt()
            results += await asyncio.gather(asked, return_exceptions=True)
        return [*results, await thread.run(lambda: "last")]

    *results, last = on_a_thread(scenario, NEVER_S)
    assert last == "last"
    assert (
        {"served"}
        <= {result if isinstance(result, str) else type(result) for result in results}
        <= {"served", CallTookTooLong}
    )


def test_stop_when_the_thread_is_held(held: Event, monkeypatch: pytest.MonkeyPatch):
    """The end waits neither for work that nothing interrupts nor for what waits behind it, which is dropped."""
    monkeypatch.setattr("localstage.door.account_thread._STOP_WITHIN_S", 0.01)

    async def scenario() -> Any:
        thread = AccountThread()
        asked = [asyncio.ensure_future(thread.run(work)) for work in (held.wait, without_end)]
        await asyncio.sleep(0)
        thread.stop()
        return await asyncio.gather(*asked, return_exceptions=True)

    answers = asyncio.run(scenario())
    assert [type(answer) for answer in answers] == [asyncio.CancelledError] * 2


def test_stop_when_the_thread_is_at_endless_work(monkeypatch: pytest.MonkeyPatch):
    """The end interrupts work that never ends; the thread is gone afterwards."""
    monkeypatch.setattr("localstage.door.account_thread._STOP_WITHIN_S", 0.2)

    async def scenario() -> bool:
        thread = AccountThread()
        begun = Event()
        asked = asyncio.ensure_future(thread.run(lambda: (begun.set(), without_end())))
        await asyncio.to_thread(begun.wait)
        thread.stop()
        await asyncio.gather(asked, return_exceptions=True)
        assert thread._thread is not None
        thread._thread.join(NEVER_S)
        return thread._thread.is_alive()

    assert not asyncio.run(scenario())

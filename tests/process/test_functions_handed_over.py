"""Functions go from the account thread to the event loop as values: each change is there before its answer is."""

from __future__ import annotations

import asyncio
import base64
import io
import zipfile
from collections.abc import Iterator, Mapping

import pytest

from localstage.door.account_thread import AccountThread
from localstage.services.awslambda.directory import FunctionDirectory, PublishedFunction
from localstage.services.awslambda.reader import FunctionPublisher

ACCOUNT, REGION = "111122223333", "us-east-1"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/hammered"
FUNCTIONS, CHANGES = 8, 16


@pytest.fixture
def thread() -> Iterator[AccountThread]:
    """The account's thread, with the role that functions need."""
    from moto.awslambda.models import lambda_backends
    from moto.iam.models import iam_backends

    iam = iam_backends[ACCOUNT]["aws"]
    iam.create_role("hammered", "{}", "/", None, "", [], "3600")
    thread = AccountThread()
    yield thread
    thread.stop()
    lambda_backends[ACCOUNT][REGION].reset()
    iam.reset()


def package() -> str:
    """An empty deployment package as the API carries it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("app.py", "")
    return base64.b64encode(buffer.getvalue()).decode()


class Account:
    """The two ends of the hand-over, and moto's Lambda behind them."""

    def __init__(self, thread: AccountThread) -> None:
        self._thread = thread
        self._loop = asyncio.get_running_loop()
        self.directory = FunctionDirectory(ACCOUNT, REGION, self._loop.time)
        self._publisher = FunctionPublisher(ACCOUNT, self._hand_over)

    def _hand_over(self, changes: Mapping[str, PublishedFunction | None], paced: bool) -> None:
        self._loop.call_soon_threadsafe(self.directory.take, changes, paced)

    async def call(self, operation: str, *arguments: object) -> None:
        """Does one call; returns when it is answered."""

        def work() -> None:
            from moto.awslambda.models import lambda_backends

            getattr(lambda_backends[ACCOUNT][REGION], operation)(*arguments)
            self._publisher.publish()

        await self._thread.run(work)


def test_directory_when_many_change_functions_and_many_look(thread: AccountThread):
    """Whoever looks after an answer sees what was changed; whoever looks meanwhile sees one state or the other."""

    async def change(account: Account, number: int) -> None:
        name, directory = f"f{number}", account.directory
        spec = {"FunctionName": name, "Runtime": "python3.13", "Role": ROLE, "Handler": "app.handler"}
        await account.call("create_function", {**spec, "Code": {"ZipFile": package()}, "Timeout": 1})
        for change in range(2, CHANGES):
            await account.call("update_function_configuration", name, None, {"Timeout": change})
            assert directory.function(name).timeout_s == change
            if change % 5 == 0:
                version = str(change // 5)
                await account.call("publish_version", name)
                assert directory.function(f"{name}:{version}").timeout_s == change
                await account.call("delete_alias", "live", name)
                assert directory.function(f"{name}:live") is None
                await account.call("create_alias", "live", name, version, "", None)
                assert directory.function(f"{name}:live").version == version
        await account.call("put_function_concurrency", name, 7)
        assert directory.function(name).reserved_concurrency == 7
        await account.call("delete_function", name)
        assert directory.function(name) is None

    async def look(account: Account) -> int:
        looks = 0
        while True:
            for number in range(FUNCTIONS):
                found = account.directory.function(f"f{number}")
                assert found is None or 1 <= found.timeout_s < CHANGES
                looks += 1
            await asyncio.sleep(0)

    async def hammer() -> None:
        account = Account(thread)
        looking = asyncio.ensure_future(look(account))
        await asyncio.gather(*(change(account, number) for number in range(FUNCTIONS)))
        assert not looking.done()
        looking.cancel()

    asyncio.run(hammer())


def test_directory_when_the_account_is_emptied(thread: AccountThread):
    """What is gone with the account is gone here too, and whoever runs functions is told of each."""

    async def empty() -> None:
        account, deleted = Account(thread), []
        account.directory.deleted = deleted.append
        spec = {"Runtime": "python3.13", "Role": ROLE, "Handler": "app.handler", "Code": {"ZipFile": package()}}
        for name in ("a", "b"):
            await account.call("create_function", {**spec, "FunctionName": name})
        await account.call("reset")
        assert sorted(arn.rpartition(":")[2] for arn in deleted) == ["a", "b"]
        assert account.directory.function("a") is None

    asyncio.run(empty())

"""The stack engine without an account: stacks of topics that exist in a dictionary only."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from localstage.door.delays import Delays
from localstage.stacks.driver import PacedDriver
from localstage.stacks.models import StackEngineBackend
from localstage.stacks.registry import Registry
from localstage.stacks.request import StackRequest
from localstage.stacks.resource_type import ResourceType
from localstage.stacks.stack import Stack


class NoApis:
    """The APIs of an account in which nothing may be called."""

    account_id, region = "123456789012", "us-east-1"

    def acting(self, access_key_id: str, role_arn: str | None) -> NoApis:
        return self

    def client(self, service: str) -> Any:
        raise AssertionError(f"nothing calls {service} here")


class Topic(ResourceType):
    """Topics, by their physical ids. One whose display name is "refused" cannot be made or changed."""

    name = "AWS::SNS::Topic"

    def __init__(self) -> None:
        self.existing: dict[str, dict[str, Any]] = {}

    def create(self, context: Any, properties: dict[str, Any]) -> str:
        self._check(properties)
        physical_id = f"{context.logical_id}-{len(self.existing)}"
        self.existing[physical_id] = properties
        return physical_id

    def update(self, context: Any, physical_id: str, old: dict[str, Any], new: dict[str, Any]) -> None:
        self._check(new)
        self.existing[physical_id] = new

    def delete(self, context: Any, physical_id: str, properties: dict[str, Any]) -> None:
        self.existing.pop(physical_id, None)

    def attributes(self, context: Any, physical_id: str, properties: dict[str, Any]) -> dict[str, Any]:
        return {"TopicName": physical_id}

    def _check(self, properties: dict[str, Any]) -> None:
        if properties.get("DisplayName") == "refused":
            raise ValueError("refused")


class PacedAtOnce:
    """The driver of AWS's pace, whose pauses end as soon as the operation has begun."""

    def __init__(self) -> None:
        self._due: list[Callable[[], None]] = []
        self._driver = PacedDriver(self, self, Delays())  # type: ignore[arg-type]

    def after(self, delay_s: float, callback: Callable[[], None]) -> None:
        """The agenda's part."""
        self._due.append(callback)

    async def run(self, step: Callable[[], None]) -> None:
        """The account thread's part."""
        step()

    def drive(self, work_id: str, steps: Any, ended: Callable[[], None]) -> None:
        """Begins the operation, then lets all its pauses pass."""

        async def until_the_end() -> None:
            self._driver.drive(work_id, steps, ended)
            while self._due or len(asyncio.all_tasks()) > 1:
                if self._due:
                    self._due.pop(0)()
                await asyncio.sleep(0)

        asyncio.run(until_the_end())


class Engine:
    """An account's stacks of topics."""

    def __init__(self, driver: Any = None):
        self.topics = Topic()
        self.backend = StackEngineBackend("us-east-1", "123456789012")
        self.backend.apis = NoApis()  # type: ignore[assignment]
        self.backend.registry = Registry("us-east-1", (self.topics,), lambda name, properties: None)
        if driver is not None:
            self.backend.driver = driver

    def create(self, template: str, **settings: Any) -> Stack:
        """Creates the stack ``s``."""
        return self.backend.create_stack(StackRequest("s", template, **settings))

    def update(self, template: str, **settings: Any) -> Stack:
        """Updates the stack ``s``."""
        return self.backend.update_stack(StackRequest("s", template, **settings))

    def delete(self) -> None:
        """Deletes the stack ``s``."""
        self.backend.delete_stack("s")

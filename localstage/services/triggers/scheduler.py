"""EventBridge Scheduler without functions as targets of schedules."""

from __future__ import annotations

from typing import Any

from moto.scheduler.exceptions import ValidationException
from moto.scheduler.models import EventBridgeSchedulerBackend

from localstage.services.triggers.sentences import names_a_function, refusal


class Backend(EventBridgeSchedulerBackend):
    """moto's, with that refusal."""

    __module__ = EventBridgeSchedulerBackend.__module__  # moto finds a service's URLs beside its backend's module.

    def create_schedule(self, *, name: str, target: dict[str, Any], **schedule: Any) -> Any:
        _check(name, target)
        return super().create_schedule(name=name, target=target, **schedule)

    def update_schedule(self, *, name: str, target: dict[str, Any], **schedule: Any) -> Any:
        _check(name, target)
        return super().update_schedule(name=name, target=target, **schedule)


def _check(name: str, target: dict[str, Any]) -> None:
    if names_a_function(target.get("Arn")):
        raise ValidationException(refusal("schedules", f"the schedule {name}", target["Arn"]))

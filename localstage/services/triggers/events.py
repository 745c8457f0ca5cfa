"""EventBridge without functions as targets of rules."""

from __future__ import annotations

from typing import Any

from moto.events.exceptions import ValidationException
from moto.events.models import EventsBackend

from localstage.services.triggers.sentences import names_a_function, refusal


class Backend(EventsBackend):
    """moto's, with that refusal."""

    __module__ = EventsBackend.__module__  # moto finds a service's URLs beside its backend's module.

    def put_targets(self, name: str, event_bus_arn: str | None, targets: list[dict[str, Any]]) -> None:
        for target in targets:
            if names_a_function(target.get("Arn")):
                raise ValidationException(refusal("rules", f"the rule {name}", target["Arn"]))
        super().put_targets(name, event_bus_arn, targets)

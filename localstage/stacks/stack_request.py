"""What a request to create or update a stack says, whichever way it is made."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass
class StackRequest:
    """What a request to create or update a stack says, whichever way it is made."""

    name: str
    template: str | None
    """The text; None for the previous template."""
    parameters: list[dict[str, Any]] = field(default_factory=list)
    tags: dict[str, str] | None = None
    capabilities: list[str] = field(default_factory=list)
    notification_arns: list[str] | None = None
    role_arn: str | None = None
    token: str | None = None
    access_key_id: str = ""
    """Who asks; "" for a stack that may do everything."""
    disable_rollback: bool = False
    retain_except_on_create: bool = False
    """Whether a roll-back deletes new resources whose deletion policy is Retain."""
    on_failure: str = "ROLLBACK"
    timeout_in_minutes: int | None = None
    policy_body: str | None = None
    termination_protection: bool = False

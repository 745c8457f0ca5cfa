"""Lambda's control plane at AWS's pace: Pending, InProgress, and roles that cannot be assumed yet.

AWS: Lambda developer guide, Lambda function states; IAM user guide, changes
that I make are not always immediately visible. Function names are resolved by
who calls: this file has region and name.
"""

from __future__ import annotations

from typing import Any

from localstage.door.call import Answer, AwsCall
from localstage.door.delays import Delays, PendingUntil
from localstage.door.refusal import Refusal

_Function = tuple[str, str]
"""Region and function name."""

UPDATES = ("UpdateFunctionCode", "UpdateFunctionConfiguration")
# AWS: Lambda function states lists what fails meanwhile; of these, tags are not paced here.
_NOT_MEANWHILE = (*UPDATES, "PublishVersion")
_REASON = "The function is being created."


class RolePace:
    """Which roles Lambda cannot assume yet."""

    def __init__(self, delays: Delays):
        self._delays = delays
        self._new: PendingUntil[str] = PendingUntil()

    def changed(self, role_name: str, now: float) -> None:
        """The role was made, or who may assume it was changed."""
        self._new.begin(role_name, now + self._delays.role_s)

    def forget(self) -> None:
        """The account is empty."""
        self._new = PendingUntil()

    def refusal(self, role_arn: str, now: float) -> Refusal | None:
        """What Lambda says of a function with this role; None once the role can be assumed."""
        if not self._new.has(role_arn.rpartition("/")[2], now):
            return None
        return Refusal(
            "InvalidParameterValueException", "The role defined for the function cannot be assumed by Lambda."
        )


class FunctionPace:
    """What callers see of the functions of one account."""

    def __init__(self, delays: Delays, roles: RolePace):
        self._delays = delays
        self._roles = roles
        self._pending: PendingUntil[_Function] = PendingUntil()
        self._updating: PendingUntil[_Function] = PendingUntil()

    def pending(self, region: str, name: str, now: float) -> Refusal | None:
        """Why the function cannot be invoked yet; None once it is Active."""
        if not self._pending.has((region, name), now):
            return None
        return Refusal(
            "ResourceConflictException",
            "The operation cannot be performed at this time. The function is currently in the following state: Pending",
            409,
        )

    def refusal(self, call: AwsCall, name: str, arn: str, now: float) -> Refusal | None:
        """What Lambda answers instead of doing the call; ``arn`` is the function's, unqualified."""
        if call.operation in _NOT_MEANWHILE:
            pending = self.pending(call.region, name, now)
            if pending is not None:
                return pending
            if self._updating.has((call.region, name), now):
                return Refusal(
                    "ResourceConflictException",
                    f"The operation cannot be performed at this time. An update is in progress for resource: {arn}",
                    409,
                )
        role = call.parameters.get("Role")
        if role and call.operation in ("CreateFunction", "UpdateFunctionConfiguration"):
            return self._roles.refusal(str(role), now)
        return None

    def shown(self, call: AwsCall, name: str, answer: Answer, now: float) -> Answer:
        """The answer as AWS would give it now. Takes note of what the call has begun."""
        if answer.status not in (200, 201, 204):
            return answer
        function = (call.region, name)
        if call.operation == "CreateFunction":
            self._updating.forget(function)
            self._pending.begin(function, now + self._delays.function_s)
        elif call.operation in UPDATES:
            self._updating.begin(function, now + self._delays.function_s)
        elif call.operation == "DeleteFunction":
            self._pending.forget(function)
            self._updating.forget(function)
        document = answer.document()
        configuration = document.get("Configuration", document)
        if "FunctionArn" not in configuration:
            return answer
        if not (self._pending.has(function, now) or self._updating.has(function, now)):
            return answer
        self._mark(configuration, function, now)
        return answer.with_document(document)

    def _mark(self, configuration: dict[str, Any], function: _Function, now: float) -> None:
        if self._pending.has(function, now):
            configuration.update(State="Pending", StateReason=_REASON, StateReasonCode="Creating")
            configuration.pop("LastUpdateStatus", None)
        elif configuration.get("Version", "$LATEST") == "$LATEST":
            configuration.update(
                LastUpdateStatus="InProgress", LastUpdateStatusReason=_REASON, LastUpdateStatusReasonCode="Creating"
            )

"""Lambda's control plane at AWS's pace: Pending, InProgress, and roles that cannot be assumed yet.

AWS: Lambda developer guide, Lambda function states; IAM user guide, changes
that I make are not always immediately visible. When others see a function is
the directory's business.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from localstage.door.call import Answer, AwsCall
from localstage.door.delays import Delays, PendingUntil
from localstage.door.refusal import Refusal
from localstage.services.awslambda.directory import FunctionPending, split_name

_Function = tuple[str, str]
"""Region and function name."""

_UPDATES = ("UpdateFunctionCode", "UpdateFunctionConfiguration")
# AWS: Lambda function states lists what fails meanwhile; of these, tags are not paced here.
_NOT_MEANWHILE = (*_UPDATES, "PublishVersion")
_REASON = "The function is being created."
ROLE_NOT_ASSUMABLE = "The role defined for the function cannot be assumed by Lambda."


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
        return Refusal("InvalidParameterValueException", ROLE_NOT_ASSUMABLE)


class LambdaPace:
    """What callers of the control plane see of functions; the room's ``ServicePace``."""

    def __init__(
        self,
        account_id: str,
        region: str,
        seen_later: Callable[[], AbstractContextManager[None]],
        roles: RolePace,
        delays: Delays,
    ):
        """``seen_later`` makes others see later what a call changes inside it."""
        self._account_id = account_id
        self._region = region
        self._seen_later = seen_later
        self._roles = roles
        self._delays = delays
        self.forget()

    def forget(self) -> None:
        """The account is empty."""
        self._pending: PendingUntil[_Function] = PendingUntil()
        self._updating: PendingUntil[_Function] = PendingUntil()

    def refusal(self, call: AwsCall, now: float) -> Refusal | None:
        """What Lambda answers instead of doing the call."""
        region, name = function = self._function_named(call)
        if call.operation in _NOT_MEANWHILE:
            if self._pending.has(function, now):
                return Refusal(FunctionPending.code, str(FunctionPending()), FunctionPending.status)
            if self._updating.has(function, now):
                arn = f"arn:aws:lambda:{region}:{self._account_id}:function:{name}"
                return Refusal(
                    "ResourceConflictException",
                    f"The operation cannot be performed at this time. An update is in progress for resource: {arn}",
                    409,
                )
        role = call.parameters.get("Role")
        if role and call.operation in ("CreateFunction", "UpdateFunctionConfiguration"):
            return self._roles.refusal(str(role), now)
        return None

    def answer(self, call: AwsCall, now: float, proceed: Callable[[], Answer]) -> Answer:
        """The answer as AWS would give it now. Takes note of what the call has begun."""
        with self._seen_later():
            answer = proceed()
        if answer.status not in (200, 201, 204):
            return answer
        function = self._function_named(call)
        if call.operation == "CreateFunction":
            self._updating.forget(function)
            self._pending.begin(function, now + self._delays.function_s)
        elif call.operation in _UPDATES:
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

    def _function_named(self, call: AwsCall) -> _Function:
        region, name, _ = split_name(call.text("FunctionName"), call.region or self._region)
        return region, name

    def _mark(self, configuration: dict[str, Any], function: _Function, now: float) -> None:
        if self._pending.has(function, now):
            configuration.update(State="Pending", StateReason=_REASON, StateReasonCode="Creating")
            configuration.pop("LastUpdateStatus", None)
        elif configuration.get("Version", "$LATEST") == "$LATEST":
            configuration.update(
                LastUpdateStatus="InProgress", LastUpdateStatusReason=_REASON, LastUpdateStatusReasonCode="Creating"
            )

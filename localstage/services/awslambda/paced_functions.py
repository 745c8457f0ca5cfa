"""Functions as they are seen at AWS's pace: the old code while an update lasts, permissions that take effect late.

What the gateway and Invoke ask of the account goes through here. Written on
the account thread, read on the event loop: what is replaced is replaced whole.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from localstage.door.call import Answer, AwsCall
from localstage.door.delays import Delayed, Delays
from localstage.door.refusal import Refusal
from localstage.functions.definition import FunctionDefinition
from localstage.functions.invocation import InvocationRefused
from localstage.services.awslambda.function_directory import FunctionDirectory, lets_api_gateway_invoke, split_name
from localstage.services.awslambda.pace import UPDATES, FunctionPace, RolePace

if TYPE_CHECKING:
    from localstage.functions.invocation import InvocationResult
    from localstage.services.awslambda.invoke import Invoker

_PERMISSION_CHANGES = ("AddPermission", "RemovePermission")
_Function = tuple[str, str]
_Statements = tuple[Any, ...]


class FunctionPending(InvocationRefused):
    """The function is not Active yet. AWS: Lambda developer guide, Lambda function states."""

    status = 409
    code = "ResourceConflictException"


class PacedFunctions(FunctionDirectory):
    """The account's functions, as others see them now."""

    def __init__(self, account_id: str, default_region: str, now: Callable[[], float]):
        super().__init__(account_id, default_region)
        self._now = now
        self._old_definitions: dict[_Function, tuple[float, FunctionDefinition]] = {}
        self._permissions: dict[_Function, Delayed[_Statements]] = {}

    def function(
        self, name_or_arn: str, qualifier: str | None = None, region: str | None = None
    ) -> FunctionDefinition | None:
        """The definition that runs now: the one before the update while an update is in progress."""
        current = super().function(name_or_arn, qualifier, region)
        named_region, name, named = split_name(name_or_arn, region or self._default_region)
        until, old = self._old_definitions.get((named_region, name), (0.0, None))
        if current is None or old is None or self._now() >= until or (qualifier or named) not in (None, "$LATEST"):
            return current
        return replace(old, invoked_arn=current.invoked_arn)

    def may_invoke(self, function_arn: str, source_arn: str) -> bool:
        """Whether the policy that is in effect now lets API Gateway invoke the function."""
        region, name, _ = split_name(function_arn, self._default_region)
        late = self._permissions.get((region, name))
        if late is None or late.settled(self._now()):
            return super().may_invoke(function_arn, source_arn)
        return lets_api_gateway_invoke(late.seen(self._now()), function_arn, source_arn)

    def keep_definition(self, region: str, name: str, old: FunctionDefinition, until: float) -> None:
        """The function has been updated; until then the old definition runs."""
        self._old_definitions[region, name] = (until, old)

    def statements(self, region: str, name: str) -> _Statements:
        """The function's policy as it has been set."""
        found = self._find(name, None, region)
        return tuple(found.policy.statements) if found is not None else ()

    def permission_changed(self, region: str, name: str, before: _Statements, due: float) -> None:
        """The function's policy was ``before``; it is what it is now from ``due`` on."""
        late = self._permissions.get((region, name))
        if late is None or late.settled(self._now()):
            late = self._permissions[region, name] = Delayed(before)
        late.change(self.statements(region, name), due)

    def forget(self) -> None:
        """The account is empty."""
        self._old_definitions.clear()
        self._permissions.clear()


class LambdaPace:
    """Lambda's ``ServicePace``: functions that are Pending, updates in progress, permissions that count later."""

    def __init__(self, account_id: str, region: str, functions: PacedFunctions, roles: RolePace, delays: Delays):
        self._account_id = account_id
        self._region = region
        self._functions = functions
        self._roles = roles
        self._delays = delays
        self._states = FunctionPace(delays, roles)

    def pending(self, region: str, name: str, now: float) -> Refusal | None:
        """Why the function cannot be invoked yet; None once it is Active."""
        return self._states.pending(region, name, now)

    def refusal(self, call: AwsCall, now: float) -> Refusal | None:
        """What Lambda answers instead of doing the call."""
        region, name = self._function_named(call)
        return self._states.refusal(call, name, f"arn:aws:lambda:{region}:{self._account_id}:function:{name}", now)

    def answer(self, call: AwsCall, now: float, proceed: Callable[[], Answer]) -> Answer:
        """The answer as AWS would give it now."""
        region, name = self._function_named(call)
        before = self._functions.function(name, None, region) if call.operation in UPDATES else None
        statements = self._functions.statements(region, name) if call.operation in _PERMISSION_CHANGES else ()
        answer = proceed()
        if answer.status in (200, 201, 204):
            if before is not None:
                self._functions.keep_definition(region, name, before, now + self._delays.function_s)
            elif call.operation in _PERMISSION_CHANGES:
                self._functions.permission_changed(region, name, statements, now + self._delays.policy_s)
        return self._states.shown(call, name, answer, now)

    def forget(self) -> None:
        """The account is empty."""
        self._states = FunctionPace(self._delays, self._roles)
        self._functions.forget()

    def _function_named(self, call: AwsCall) -> tuple[str, str]:
        region, name, _ = split_name(call.text("FunctionName"), call.region or self._region)
        return region, name


class PacedInvoker:
    """Runs functions, save those that are still Pending."""

    def __init__(self, inner: Invoker, pending: Callable[[str, str], Refusal | None]):
        self._inner = inner
        self._pending = pending

    async def invoke(
        self, definition: FunctionDefinition, payload: bytes, *, client_context: str | None = None
    ) -> InvocationResult:
        """Runs one invocation to its end. Raises FunctionPending."""
        self._check(definition)
        return await self._inner.invoke(definition, payload, client_context=client_context)

    async def invoke_event(self, definition_of: Callable[[], FunctionDefinition | None], payload: bytes) -> None:
        """Accepts an asynchronous invocation. Raises FunctionPending."""
        definition = definition_of()
        if definition is not None:
            self._check(definition)
        await self._inner.invoke_event(definition_of, payload)

    async def retire(self, function_arn: str) -> None:
        """Ends the environments of a function that is deleted."""
        await self._inner.retire(function_arn)

    def _check(self, definition: FunctionDefinition) -> None:
        refusal = self._pending(definition.region, definition.name)
        if refusal is not None:
            raise FunctionPending(refusal.message)

"""What the gateway and Invoke know of functions: values, handed over by the account thread when they change.

``FunctionDirectory`` is their one owner, on the event loop. A change is on its
way to it before the call that made it is answered, so whoever calls after the
answer finds the function as it is then. At AWS's pace what a call changes is
seen later; what a stack changes is not, since a stack waits for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from localstage.door.delays import Delayed, Delays
from localstage.functions.definition import FunctionDefinition
from localstage.functions.invocation import InvocationRefused
from localstage.policy.decision import service_is_allowed
from localstage.policy.document import Need, Policy


@dataclass(frozen=True)
class PublishedFunction:
    """One function with its versions and aliases, as it has been set."""

    definitions: Mapping[str, FunctionDefinition]
    """What each qualifier means; "" is the function without one."""
    policy: Policy | None
    """The resource policy of the function and all its qualifiers; each statement names the one that it is about."""


class FunctionPending(InvocationRefused):
    """The function is not Active yet. AWS: Lambda developer guide, Lambda function states."""

    status = 409
    code = "ResourceConflictException"

    def __init__(self) -> None:
        super().__init__(
            "The operation cannot be performed at this time. The function is currently in the following state: Pending"
        )


@dataclass
class _Seen:
    function: PublishedFunction
    policy: Delayed[Policy | None]
    active_from: float = 0.0
    old: FunctionDefinition | None = None
    old_until: float = 0.0
    """Until then the old code runs: an update is in progress."""
    decided_by: Policy | None = None
    decisions: dict[tuple[str, str], bool] = field(default_factory=dict)
    """What that policy has let services do: by function and source, which are as few as there are routes and pools."""


@dataclass
class FunctionDirectory:
    """Looks functions up by name or ARN in one account; ``now`` gives the seconds of one monotonic clock."""

    account_id: str
    default_region: str
    now: Callable[[], float]
    delays: Delays | None = None
    """How much later others see what a call changes; None: at once."""
    policies_count: bool = True
    """False where policies are not evaluated (``--no-iam``)."""
    deleted: Callable[[str], None] = lambda arn: None
    """Is told the ARN of each function that is gone."""
    _functions: dict[str, _Seen] = field(default_factory=dict)

    def arn_of(self, name_or_arn: str, qualifier: str = "", region: str = "") -> str:
        """The ARN, with the qualifier if there is one, of a function that need not exist."""
        region, name, qualifier = split_name(name_or_arn, region or self.default_region, qualifier)
        return f"arn:aws:lambda:{region}:{self.account_id}:function:{name}{':' if qualifier else ''}{qualifier}"

    def function(self, name_or_arn: str, qualifier: str = "", region: str = "") -> FunctionDefinition | None:
        """The definition that a name or (qualified or partial) ARN means now, or None. Raises FunctionPending."""
        region, name, qualifier = split_name(name_or_arn, region or self.default_region, qualifier)
        seen = self._functions.get(self.arn_of(name, region=region))
        definition = seen.function.definitions.get(qualifier) if seen is not None else None
        if seen is None or definition is None:
            return None
        now = self.now()
        if now < seen.active_from:
            raise FunctionPending
        if seen.old is not None and now < seen.old_until and definition.version == "$LATEST":
            return replace(seen.old, invoked_arn=definition.invoked_arn)
        return definition

    def may_invoke(self, function_arn: str, source_arn: str, service: str = "apigateway.amazonaws.com") -> bool:
        """Whether the function's resource policy lets a service invoke what the ARN names.

        ``source_arn`` names for what: of API Gateway the route, ``arn:aws:execute-api:…:{api}/{stage}/{routeKey}``.
        AWS: FIDELITY section 10; Lambda developer guide, "Using Lambda aliases in event sources and
        permissions policies": what allows the function does not allow its alias, and the other way
        round. The function's account is taken for the source's.
        """
        if not self.policies_count:
            return True
        # Guess (An integration whose URI): an integration that names ``$LATEST`` is a qualified one, which the
        # function's own permission does not cover, and none can be added for it
        # (github.com/alexcasalboni/aws-lambda-power-tuning issue 272).
        region, name, _ = split_name(function_arn, self.default_region)
        seen = self._functions.get(self.arn_of(name, region=region))
        policy = seen.policy.seen(self.now()) if seen is not None else None
        if seen is None or policy is None:
            return False
        if seen.decided_by is not policy:
            seen.decided_by, seen.decisions = policy, {}
        allowed = seen.decisions.get((function_arn, source_arn))
        if allowed is None:  # Nothing else matters here, such as the time: it holds as long as the policy.
            allowed = seen.decisions[function_arn, source_arn] = service_is_allowed(
                service,
                Need("lambda:InvokeFunction", function_arn, {}),
                source_arn.split(":")[4],
                {"aws:SourceArn": source_arn},
                resource_policy=policy,
            )
        return allowed

    def take(self, changes: Mapping[str, PublishedFunction | None], paced: bool = False) -> None:
        """The functions with these ARNs have changed, or (None) are gone; ``paced`` if a call has done it."""
        for arn, function in changes.items():
            if function is None:
                del self._functions[arn]
                self.deleted(arn)
            elif paced and self.delays is not None:
                self._take_late(arn, function, self.delays)
            else:
                self._functions[arn] = _Seen(function, Delayed(function.policy))

    def _take_late(self, arn: str, function: PublishedFunction, delays: Delays) -> None:
        now, seen = self.now(), self._functions.get(arn)
        if seen is None:
            self._functions[arn] = _Seen(function, Delayed(function.policy), active_from=now + delays.function_s)
            return
        before = seen.function
        seen.function = function
        if before.definitions[""].revision != function.definitions[""].revision:
            seen.old, seen.old_until = before.definitions[""], now + delays.function_s
        if before.policy != function.policy:
            seen.policy.forget_past(now)
            seen.policy.change(function.policy, now + delays.policy_s)


def split_name(name_or_arn: str, default_region: str, qualifier: str = "") -> tuple[str, str, str]:
    """Region, name and qualifier of ``name``, ``name:qualifier``, ``{account}:function:name`` or an ARN.

    ``qualifier`` is what the caller named beside it; one in the name counts before that. "" is none.
    """
    if name_or_arn.startswith("arn:"):
        parts = name_or_arn.split(":")
        return parts[3] or default_region, parts[6], parts[7] if len(parts) > 7 else qualifier
    _, found, rest = name_or_arn.partition(":function:")
    name, _, named = (rest if found else name_or_arn).partition(":")
    return default_region, name, named or qualifier

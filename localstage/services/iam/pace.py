"""IAM at AWS's pace: policies that take effect some time after they were changed, roles that cannot be assumed yet.

AWS: IAM user guide, changes that I make are not always immediately visible.
Changes that CloudFormation makes do not come through here, since a stack waits
until its roles can be used. Written on the account thread, read on the event
loop: what is replaced is replaced whole.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from localstage.door.call import Answer, AwsCall
from localstage.door.delays import Delayed, Delays
from localstage.door.identities import GrantedPolicies, Identities, Identity
from localstage.door.refusal import Refusal
from localstage.door.signatures.verification import KnownKey
from localstage.policy.decision import Grants
from localstage.services.awslambda.pace import RolePace

_ROLE_CHANGES = ("CreateRole", "UpdateAssumeRolePolicy")


class LatePolicies:
    """The policies of users and roles as they count now."""

    def __init__(self, identities: Identities, now: Callable[[], float]):
        self._identities = identities
        self._now = now
        self._granted = GrantedPolicies(identities)
        self._delayed: dict[str, Delayed[Identity]] = {}

    def grants_of(self, key: KnownKey) -> Grants:
        """The policies that count for a caller."""
        grants, delayed = self._granted.grants_of(key), self._delayed.get(key.entity_arn)
        if delayed is None or delayed.settled(self._now()):
            return grants
        seen = delayed.seen(self._now())
        return replace(grants, identity=seen.policies, boundary=seen.boundary)

    def changed(self, before: Mapping[str, Identity], due: float) -> None:
        """The identities were ``before``; what their policies have become since counts from ``due`` on."""
        for arn, identity in self._identities.all().items():
            old = before.get(arn)
            if old is None or (old.policies, old.boundary) == (identity.policies, identity.boundary):
                continue
            delayed = self._delayed.get(arn)
            if delayed is None or delayed.settled(self._now()):
                delayed = Delayed(old)
            delayed.change(identity, due)
            self._delayed[arn] = delayed

    def forget(self) -> None:
        """The account is empty."""
        self._delayed = {}


class IamPace:
    """IAM's ``ServicePace``: what is changed counts later, and Lambda cannot assume a new role yet."""

    def __init__(self, identities: Identities, policies: LatePolicies, roles: RolePace, delays: Delays):
        self._identities = identities
        self._policies = policies
        self._roles = roles
        self._delays = delays

    def refusal(self, call: AwsCall, now: float) -> Refusal | None:
        """Nothing is refused."""
        return None

    def answer(self, call: AwsCall, now: float, proceed: Callable[[], Answer]) -> Answer:
        """The answer, with note taken of what it has changed."""
        before = self._identities.all()
        answer = proceed()
        if answer.status == 200 and not call.only_reads:
            self._policies.changed(before, now + self._delays.policy_s)
            if call.operation in _ROLE_CHANGES:
                self._roles.changed(call.text("RoleName"), now)
        return answer

    def forget(self) -> None:
        """The account is empty."""
        self._policies.forget()
        self._roles.forget()

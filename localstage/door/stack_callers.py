"""For whom CloudFormation acts: the caller of a stack's operation, or the role that the stack was given.

AWS: CloudFormation user guide, "Control access with IAM", "AWS CloudFormation
service role". Each call that a stack makes is evaluated as that principal's;
its denial is the resource's failure. Knows no template.
"""

from __future__ import annotations

import secrets
from dataclasses import replace

from localstage.door.callers import RoleNotAssumable
from localstage.door.denials import AccessDenied
from localstage.door.keys import KnownKeys
from localstage.door.permissions import Permissions, principal_of
from localstage.door.signatures.answers import Answer, answer_to
from localstage.door.signatures.claim import read_claim
from localstage.door.signatures.request import SignableRequest
from localstage.door.signatures.verification import KnownKey
from localstage.policy.document import Need
from localstage.policy.sentences import denial

_SERVICE = "cloudformation.amazonaws.com"
_ON_BEHALF = {
    "aws:ViaAWSService": "true",
    "aws:CalledVia": (_SERVICE,),
    "aws:CalledViaFirst": _SERVICE,
    "aws:CalledViaLast": _SERVICE,
}


class StackCaller:
    """One principal, as CloudFormation acts for it."""

    def __init__(self, key: KnownKey, permissions: Permissions, on_behalf: bool):
        self._key = key
        self._permissions = permissions
        self._keys = _ON_BEHALF if on_behalf else {}

    @property
    def access_key_id(self) -> str:
        """The key that nested calls carry, so that a stack's stack acts for the same principal."""
        return self._key.access_key_id

    def refusal(self, request: SignableRequest) -> Answer | None:
        """The service's answer to a call that the principal may not make, or None."""
        claim = read_claim(request)
        decision = self._permissions.refusal_of_call(self._key, request, claim.service, claim.region, None, self._keys)
        if decision is None:
            return None
        refused = AccessDenied(principal_of(self._key), decision, claim.service)
        return answer_to(refused, request, claim.service, secrets.token_hex(16))

    def denial(self, action: str) -> str | None:
        """Why the principal may not do what no call stands for, or None."""
        decision = self._permissions.refusal(self._key, [Need(action, "*", {})], self._keys)
        return denial(principal_of(self._key), decision) if decision is not None else None


class StackCallers:
    """Finds the principal of an operation."""

    def __init__(self, keys: KnownKeys, permissions: Permissions):
        self._keys = keys
        self._permissions = permissions

    def of(self, access_key_id: str, role_arn: str | None) -> StackCaller:
        """The principal for whom a stack with this role acts, when the owner of this key asks.

        Raises RoleNotAssumable.
        """
        if role_arn:
            if not self._permissions.may_assume(_SERVICE, role_arn):
                raise RoleNotAssumable(role_arn)
            return StackCaller(self._keys.of_service(role_arn, "AWSCloudFormation"), self._permissions, False)
        key = self._keys.find(access_key_id)
        if key is None:
            raise LookupError(f"no known key has signed this call of CloudFormation: {access_key_id}")
        # A session's end is no end of the operation that it began.
        return StackCaller(replace(key, expires_at=None), self._permissions, True)

"""May this caller do that? The account's answer, for calls, connections, handshakes, logs and stacks.

Puts the pure evaluator (``localstage.policy``) on what is known of the account.
With ``enforced`` False everything is allowed (``--no-iam``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Protocol

from localstage.door.call import AwsCall
from localstage.door.identities import GrantedPolicies, Identities, KnownKeys, PoliciesOf
from localstage.door.refusal import CallRefused, Refusal
from localstage.door.signatures.verification import KnownKey
from localstage.policy.context import Keys, Principal, RequestContext, Value, keys_of_request
from localstage.policy.decision import Decision, Decisions, service_is_allowed
from localstage.policy.document import Need, Policy
from localstage.policy.sentences import denial, masked_denial

_WITH_RESOURCE_POLICIES = frozenset({"lambda", "sqs", "sns", "s3", "sts"})
"""Services whose resources may deny something to everybody (of STS: the roles)."""


class AccessDenied(CallRefused):
    """A known caller asks for what no policy grants, or what one denies.

    AWS: each service's "Common errors" name the code; issue threads of boto3 and
    Terraform show SNS's and SQS's.
    """

    json_code = "AccessDeniedException"
    query_code = s3_code = "AccessDenied"
    ec2_code, ec2_status = "UnauthorizedOperation", 403

    def __init__(self, principal: Principal, decision: Decision, service: str):
        sentence = denial(principal, decision)
        super().__init__(sentence)
        self.ec2_message = "You are not authorized to perform this operation. " + sentence
        if service == "sns":
            self.query_code = "AuthorizationError"

    def in_protocol(self, protocol: str) -> Refusal:
        said = super().in_protocol(protocol)
        said.query_code = "AccessDenied"
        return said


class ResourceFacts(Protocol):
    """What is known of resources. Asked on the account thread."""

    def tags_of(self, arn: str) -> Mapping[str, str]:
        """The tags of a resource."""

    def policy_of(self, need: Need) -> Policy | None:
        """The policy of the resource that a need names, where its service has such policies."""


class Permissions:
    """Decides for one account.

    ``needs_of`` says what a call needs, ``policies`` which policies count. Whatever
    is about a resource of the account must be asked on the account thread;
    ``denial_of_execute_api`` and ``may_assume`` may be asked on any.
    """

    def __init__(
        self,
        account_id: str,
        now_ms: Callable[[], int],
        identities: Identities,
        facts: ResourceFacts,
        needs_of: Callable[[AwsCall], Iterable[Need]],
        *,
        enforced: bool = True,
        policies: PoliciesOf | None = None,
    ):
        self._account_id = account_id
        self._now_ms = now_ms
        self._identities = identities
        self._needs_of = needs_of
        self._enforced = enforced
        self._policies = policies or GrantedPolicies(identities)
        self._decisions = Decisions()
        self.facts = facts

    def check(self, call: AwsCall, more: Mapping[str, Value] | None = None) -> None:
        """Every need of a signed call must be granted. ``more`` are further condition keys. Raises AccessDenied."""
        key = call.signer
        assert key is not None, "only signed calls have somebody who may or may not make them"
        if not self._enforced or (_is_administrator(key) and call.service not in _WITH_RESOURCE_POLICIES):
            return  # An administrator's call of the other services is allowed in any case.
        call.facts = self.facts
        keys = {
            "aws:RequestedRegion": call.region or "us-east-1",
            **keys_of_request(
                self._now_ms(),
                source_ip=call.source_ip,
                user_agent=call.headers.get("user-agent"),
                referer=call.headers.get("referer"),
            ),
            **_keys_of_tags(call),
            **(more or {}),
        }
        decision = self.refusal(key, self._needs_of(call), keys)
        if decision is not None:
            raise AccessDenied(principal_of(key), decision, call.service)

    def refusal(self, key: KnownKey, needs: Iterable[Need], keys: Keys | None = None) -> Decision | None:
        """The first need that is not granted, or None if all are."""
        if not self._enforced:
            return None
        grants, principal = self._policies.grants_of(key), principal_of(key)
        context = RequestContext(lambda: keys_of_request(self._now_ms()), lambda: self._keys_of_caller(key), keys or {})
        for need in needs:
            assumes = need.action == "sts:AssumeRole"
            trust = self._trust_of(need.resource) if assumes else None
            policy = None if assumes else self.facts.policy_of(need)
            about = context.about(lambda: self.facts.tags_of(need.resource))  # noqa: B023 - asked at once
            decision = self._decisions.decide(principal, need, about, grants, policy, trust)
            if not decision.allowed:
                return decision
            if assumes and trust is None:
                return Decision(need, False)  # AWS does not tell whether a role exists.
        return None

    def denial_of_execute_api(self, key: KnownKey, action: str, arn: str, source_ip: str | None) -> str | None:
        """Why a caller may not connect or manage connections, in API Gateway's words; None if the caller may."""
        decision = self.refusal(
            key, [Need(action, arn, {})], lambda: keys_of_request(self._now_ms(), source_ip=source_ip)
        )
        return masked_denial(principal_of(key), decision) if decision is not None else None

    def may_assume(self, service: str, role_arn: str) -> bool:
        """Whether a service may assume a role: the role exists and its trust policy names the service."""
        if not self._enforced:
            return True
        trust = self._trust_of(role_arn)
        need = Need("sts:AssumeRole", role_arn, {})
        return trust is not None and service_is_allowed(service, need, self._account_id, trust=trust)

    def _trust_of(self, role_arn: str) -> Policy | None:
        role = self._identities.find(role_arn)
        return role.trust if role is not None else None

    def _keys_of_caller(self, key: KnownKey) -> dict[str, Value]:
        """AWS: IAM user guide, "AWS global condition context keys"."""
        keys: dict[str, Value] = {
            "aws:PrincipalArn": key.principal_arn if key.entity_arn.endswith(":root") else key.entity_arn,
            "aws:PrincipalAccount": key.account_id,
            "aws:PrincipalType": _principal_type(key),
            "aws:userid": key.principal_id,
            "aws:ResourceAccount": self._account_id,
            "aws:PrincipalIsAWSService": "false",
        }
        if keys["aws:PrincipalType"] == "User":
            keys["aws:username"] = key.principal_arn.rpartition("/")[2]
        identity = self._identities.find(key.entity_arn)
        for name, value in identity.tags.items() if identity is not None else ():
            keys[f"aws:PrincipalTag/{name}"] = value
        return keys


class RoleNotAssumable(Exception):
    """A service was given a role that does not exist or does not trust it."""


_CLOUDFORMATION = "cloudformation.amazonaws.com"
_ON_BEHALF: Mapping[str, Value] = MappingProxyType(
    {
        "aws:ViaAWSService": "true",
        "aws:CalledVia": (_CLOUDFORMATION,),
        "aws:CalledViaFirst": _CLOUDFORMATION,
        "aws:CalledViaLast": _CLOUDFORMATION,
    }
)


class StackPrincipal:
    """For whom CloudFormation acts: who asked for a stack's operation, or the role that the stack was given.

    AWS: CloudFormation user guide, "Control access with IAM", "AWS CloudFormation
    service role". Each call that a stack makes is evaluated as that principal's;
    its denial is the resource's failure.
    """

    def __init__(self, key: KnownKey, permissions: Permissions, on_behalf: bool):
        self._key = key
        self._permissions = permissions
        self._keys = _ON_BEHALF if on_behalf else {}

    @property
    def access_key_id(self) -> str:
        """The key that nested calls carry, so that a stack's stack acts for the same principal."""
        return self._key.access_key_id

    def check(self, call: AwsCall) -> None:
        """A call that a stack makes. Raises AccessDenied."""
        call.signer = self._key
        self._permissions.check(call, self._keys)

    def denial(self, action: str, resource: str = "*") -> str | None:
        """Why the principal may not do what no call stands for, or None."""
        decision = self._permissions.refusal(self._key, [Need(action, resource, {})], self._keys)
        return denial(principal_of(self._key), decision) if decision is not None else None


class StackPrincipals:
    """Finds for whom an operation of a stack acts."""

    def __init__(self, keys: KnownKeys, permissions: Permissions):
        self._keys = keys
        self._permissions = permissions

    def find(self, access_key_id: str, role_arn: str | None) -> StackPrincipal:
        """The principal for whom a stack with this role acts, when the owner of this key asks.

        Raises RoleNotAssumable.
        """
        if role_arn:
            if not self._permissions.may_assume(_CLOUDFORMATION, role_arn):
                raise RoleNotAssumable(role_arn)
            return StackPrincipal(self._keys.of_service(role_arn, "AWSCloudFormation"), self._permissions, False)
        key = self._keys.find(access_key_id)
        if key is None:
            raise LookupError(f"no known key has signed this call of CloudFormation: {access_key_id}")
        # A session's end is no end of the operation that it began.
        return StackPrincipal(replace(key, expires_at=None), self._permissions, True)


def principal_of(key: KnownKey) -> Principal:
    """Whom a key stands for."""
    return Principal(key.principal_arn, key.entity_arn, key.account_id)


def _is_administrator(key: KnownKey) -> bool:
    """Whether the key's owner may do everything that is not denied to it, and no session policy limits it."""
    return key.session_policies is None and key.entity_arn == f"arn:aws:iam::{key.account_id}:root"


def _principal_type(key: KnownKey) -> str:
    kinds = {":user/": "User", ":federated-user/": "FederatedUser"}
    return next((kind for mark, kind in kinds.items() if mark in key.principal_arn), "AssumedRole")


def _keys_of_tags(call: AwsCall) -> dict[str, Any]:
    tags = call.request_tags()
    return {
        **{f"aws:RequestTag/{key}": value for key, value in tags.items()},
        **({"aws:TagKeys": tuple(tags)} if tags else {}),
    }

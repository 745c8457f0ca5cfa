"""May this caller do that? The account's answer, for calls, connections, handshakes and logs.

Puts the pure evaluator (``localstage.policy``) on what the account has.
Knows no wire. With ``enforced`` False everything is allowed (``--no-iam``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from localstage.door.account_facts import AccountFacts
from localstage.door.rest_operations import RestOperations
from localstage.door.signatures.request import SignableRequest
from localstage.door.signatures.verification import KnownKey
from localstage.policy.context import RequestContext, Value, keys_of_request
from localstage.policy.decision import Decision, decide, service_is_allowed
from localstage.policy.document import Need
from localstage.policy.principal import Principal
from localstage.policy.sentences import masked_denial
from localstage.services.iam import reader
from localstage.services.iam.grants import FindGrants, current_grants
from localstage.services.needs import ApiCall, needs_of

_WITH_RESOURCE_POLICIES = frozenset({"lambda", "sqs", "sns", "s3", "sts"})
"""Services whose resources may deny something to everybody (of STS: the roles)."""


class Permissions:
    """Decides for one account."""

    def __init__(
        self,
        account_id: str,
        now_ms: Callable[[], int],
        *,
        enforced: bool = True,
        find_grants: FindGrants = current_grants,
    ):
        """``find_grants`` says which policies count for a caller."""
        self._account_id = account_id
        self._now_ms = now_ms
        self._enforced = enforced
        self._find_grants = find_grants
        self._operations = RestOperations()
        self.facts = AccountFacts(account_id)

    def refusal_of_call(
        self,
        key: KnownKey,
        request: SignableRequest,
        service: str,
        region: str,
        source_ip: str | None,
        more: Mapping[str, Value] | None = None,
    ) -> Decision | None:
        """The first need of an AWS API call that is not granted, or None; ``more`` are further condition keys."""
        if not self._enforced or _is_administrator(key) and service not in _WITH_RESOURCE_POLICIES:
            return None  # An administrator's call of the other services is allowed in any case.
        call = ApiCall(
            service,
            region or "us-east-1",
            self._account_id,
            request.method,
            request.raw_path,
            request.raw_query,
            request.headers,
            request.body,
            self.facts,
            self._operations,
            key.principal_arn,
        )
        headers = request.headers
        keys = {
            "aws:RequestedRegion": call.region,
            **keys_of_request(
                self._now_ms(),
                source_ip=source_ip,
                user_agent=headers.get("user-agent"),
                referer=headers.get("referer"),
            ),
            **_keys_of_tags(call),
            **(more or {}),
        }
        return self.refusal(key, needs_of(call), keys)

    def refusal(self, key: KnownKey, needs: Iterable[Need], keys: Mapping[str, Value] | None = None) -> Decision | None:
        """The first need that is not granted, or None if all are."""
        if not self._enforced:
            return None
        grants, principal = self._find_grants(key), principal_of(key)
        context = RequestContext(keys_of_request(self._now_ms()), self._keys_of_caller(key), keys or {})
        for need in needs:
            assumes = need.action == "sts:AssumeRole"
            trust = self.facts.trust_of(need.resource) if assumes else None
            policy = None if assumes else self.facts.resource_policy(need)
            about = context.about(lambda: self.facts.tags.of(need.resource))  # noqa: B023 - asked at once
            decision = decide(principal, need, about, grants, policy, trust)
            if not decision.allowed:
                return decision
            if assumes and trust is None:
                return Decision(need, False)  # AWS does not tell whether a role exists.
        return None

    def denial_of_execute_api(self, key: KnownKey, action: str, arn: str, source_ip: str | None) -> str | None:
        """Why a caller may not connect or manage connections, in API Gateway's words; None if he may."""
        keys = keys_of_request(self._now_ms(), source_ip=source_ip)
        decision = self.refusal(key, [Need(action, arn, {})], keys)
        return masked_denial(principal_of(key), decision) if decision is not None else None

    def may_assume(self, service: str, role_arn: str) -> bool:
        """Whether a service may assume a role: the role exists and its trust policy names the service."""
        if not self._enforced:
            return True
        trust = self.facts.trust_of(role_arn)
        need = Need("sts:AssumeRole", role_arn, {})
        return trust is not None and service_is_allowed(service, need, self._account_id, trust=trust)

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
        for name, value in reader.tags_of(reader.find_entity(key.entity_arn)).items():
            keys[f"aws:PrincipalTag/{name}"] = value
        return keys


def principal_of(key: KnownKey) -> Principal:
    """Whom a key stands for."""
    return Principal(key.principal_arn, key.entity_arn, key.account_id)


def _is_administrator(key: KnownKey) -> bool:
    """Whether the key's owner may do everything that is not denied to it, and no session policy limits it."""
    return key.session_policies is None and key.entity_arn == f"arn:aws:iam::{key.account_id}:root"


def _principal_type(key: KnownKey) -> str:
    kinds = {":user/": "User", ":federated-user/": "FederatedUser"}
    return next((kind for mark, kind in kinds.items() if mark in key.principal_arn), "AssumedRole")


def _keys_of_tags(call: ApiCall) -> dict[str, Any]:
    tags = call.request_tags()
    return {
        **{f"aws:RequestTag/{key}": value for key, value in tags.items()},
        **({"aws:TagKeys": tuple(tags)} if tags else {}),
    }

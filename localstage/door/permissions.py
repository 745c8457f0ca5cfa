"""May this caller do that? The account's answer, for calls, connections, handshakes and logs.

Puts the pure evaluator (``localstage.policy``) on the account's books.
Knows no wire. With ``enforced`` False everything is allowed (``--no-iam``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from localstage.door.account_facts import AccountFacts
from localstage.door.granted_policies import GrantedPolicies, PoliciesOf
from localstage.door.rest_operations import RestOperations
from localstage.door.signatures.request import SignableRequest
from localstage.door.signatures.verification import KnownKey
from localstage.policy.context import RequestContext, Value
from localstage.policy.decision import Decision, Grants, decide
from localstage.policy.document import Need
from localstage.policy.principal import Principal
from localstage.policy.sentences import masked_denial
from localstage.services.iam import books
from localstage.services.needs import ApiCall, needs_of

# Calls to the loopback address count as made over TLS: nothing of them leaves the machine.
_ALWAYS: Mapping[str, Value] = MappingProxyType({"aws:SecureTransport": "true", "aws:ViaAWSService": "false"})


class Permissions:
    """Decides for one account. ``policies`` says which policies count (see granted_policies.py)."""

    def __init__(
        self, account_id: str, now_ms: Callable[[], int], *, enforced: bool = True, policies: PoliciesOf | None = None
    ):
        shelf = books.PolicyShelf()
        self._account_id = account_id
        self._now_ms = now_ms
        self._enforced = enforced
        self._policies = policies or GrantedPolicies(shelf)
        self._operations = RestOperations()
        self.facts = AccountFacts(account_id, shelf)

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
        if not self._enforced or self._is_free(key) and service != "sts":
            return None
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
        keys = {
            "aws:RequestedRegion": call.region,
            **_keys_of_request(request, source_ip),
            **_keys_of_tags(call),
            **(more or {}),
        }
        return self.refusal(key, needs_of(call), keys)

    def refusal(self, key: KnownKey, needs: Iterable[Need], keys: Mapping[str, Value] | None = None) -> Decision | None:
        """The first need that is not granted, or None if all are."""
        if not self._enforced:
            return None
        grants, principal = self._policies.of(key), principal_of(key)
        context = RequestContext(self._keys_of_caller(key), keys or {})
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
        keys: dict[str, Value] = {"aws:SourceIp": source_ip} if source_ip else {}
        decision = self.refusal(key, [Need(action, arn, {})], {**_ALWAYS, **keys})
        return masked_denial(principal_of(key), decision) if decision is not None else None

    def may_assume(self, service: str, role_arn: str) -> bool:
        """Whether a service may assume a role: the role exists and its trust policy names the service."""
        if not self._enforced:
            return True
        trust = self.facts.trust_of(role_arn)
        context = RequestContext(
            {**_ALWAYS, "aws:SourceAccount": self._account_id, "aws:PrincipalIsAWSService": "true"}
        )
        return (
            trust is not None
            and decide(
                Principal("", "", self._account_id, service),
                Need("sts:AssumeRole", role_arn, {}),
                context,
                Grants(),
                trust=trust,
            ).allowed
        )

    def _is_free(self, key: KnownKey) -> bool:
        """Whether nothing needs to be looked at: the administrator, not limited by a session policy."""
        return key.session_policies is None and key.entity_arn == f"arn:aws:iam::{key.account_id}:root"

    def _keys_of_caller(self, key: KnownKey) -> dict[str, Value]:
        """AWS: IAM user guide, "AWS global condition context keys"."""
        user = ":user/" in key.entity_arn
        now = datetime.fromtimestamp(self._now_ms() / 1000, UTC)
        keys: dict[str, Value] = {
            "aws:PrincipalArn": key.principal_arn if key.entity_arn.endswith(":root") else key.entity_arn,
            "aws:PrincipalAccount": key.account_id,
            "aws:PrincipalType": "User" if user else "AssumedRole",
            "aws:userid": key.principal_id,
            "aws:CurrentTime": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "aws:EpochTime": str(int(now.timestamp())),
            "aws:ResourceAccount": self._account_id,
            "aws:PrincipalIsAWSService": "false",
        }
        if user:
            keys["aws:username"] = key.entity_arn.rpartition("/")[2]
        entity = books.find_entity(key.entity_arn)
        for name, value in books.tags_of(entity).items() if entity is not None else ():
            keys[f"aws:PrincipalTag/{name}"] = value
        return keys


def principal_of(key: KnownKey) -> Principal:
    """Whom a key stands for."""
    return Principal(key.principal_arn, key.entity_arn, key.account_id)


def _keys_of_request(request: SignableRequest, source_ip: str | None) -> dict[str, Value]:
    keys = dict(_ALWAYS)
    for key, value in (
        ("aws:UserAgent", request.headers.get("user-agent")),
        ("aws:Referer", request.headers.get("referer")),
        ("aws:SourceIp", source_ip),
    ):
        if value:
            keys[key] = value
    return keys


def _keys_of_tags(call: ApiCall) -> dict[str, Any]:
    tags = call.request_tags()
    return {
        **{f"aws:RequestTag/{key}": value for key, value in tags.items()},
        **({"aws:TagKeys": tuple(tags)} if tags else {}),
    }

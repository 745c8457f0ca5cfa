"""What a REQUEST authorizer needs, and what its answer means.

AWS: FIDELITY section 3. Only ``$connect`` is authorized; every listed identity
source must be present; the policy must allow ``execute-api:Invoke`` on the method
ARN. The policy is read and weighed by ``localstage.policy``, as every other is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from localstage.core.events import ConnectionFacts, HandshakeRequest
from localstage.core.strict_json import read_json
from localstage.policy.context import Principal, RequestContext, Value, keys_of_request
from localstage.policy.decision import Grants, decide
from localstage.policy.document import Need, Policy, read_policy
from localstage.policy.sentences import authorizer_denial

_RESULT_LIMIT_BYTES = 8 * 1024


class MalformedAuthorizerResult(Exception):
    """The authorizer's answer is not a policy: 500."""


@dataclass(frozen=True)
class AuthorizerResult:
    """Who it is, what later events tell of it, and the policy."""

    principal_id: str
    context: Mapping[str, str]
    policy: Policy

    def denial(self, method_arn: str, keys: Mapping[str, Value]) -> str | None:
        """Why the policy does not let the client invoke ``…/{stage}/$connect``; None if it does.

        ``keys`` are the condition keys of the request.

        AWS: FIDELITY section 3 and "Output from an API Gateway Lambda authorizer": the policy is an IAM policy.
        """
        need = Need("execute-api:Invoke", method_arn, {})
        anybody = Principal("", "", "")  # The caller has no identity in IAM.
        decision = decide(anybody, need, RequestContext(keys), Grants((self.policy,)))
        return None if decision.allowed else authorizer_denial(decision)


def condition_keys(facts: ConnectionFacts, handshake: HandshakeRequest, now_ms: int) -> Mapping[str, Value]:
    """The keys that an authorizer's policy may ask for, as a policy on an API may."""
    referer = next((value for name, value in handshake.headers if name.lower() == "referer"), None)
    return keys_of_request(now_ms, source_ip=facts.source_ip, user_agent=facts.user_agent, referer=referer)


def identity_is_present(
    sources: Iterable[str], handshake: HandshakeRequest, stage_variables: Mapping[str, str], context: Mapping[str, Any]
) -> bool:
    """Whether every identity source has a value; else the answer is 401 and the authorizer is not invoked."""
    headers = {name.lower(): value for name, value in handshake.headers}
    query = dict(handshake.query)
    return all(_identity_value(source, headers, query, stage_variables, context) for source in sources)


def _identity_value(
    source: str,
    headers: Mapping[str, str],
    query: Mapping[str, str],
    stage_variables: Mapping[str, str],
    context: Mapping[str, Any],
) -> Any:
    kind, _, name = source.rpartition(".")
    if kind == "route.request.header":
        return headers.get(name.lower())
    if kind == "route.request.querystring":
        return query.get(name)
    if kind == "stageVariables":
        return stage_variables.get(name)
    value: Any = context
    for part in source.removeprefix("context.").split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def read_authorizer_result(payload: bytes) -> AuthorizerResult:
    """Reads an authorizer's answer. Raises MalformedAuthorizerResult.

    AWS: FIDELITY section 3, an answer that is malformed, or whose policy is, is answered 500.
    """
    if len(payload) > _RESULT_LIMIT_BYTES:
        raise MalformedAuthorizerResult("the result is over 8 KB")
    try:
        result = read_json(payload)
        principal_id, document, context = result["principalId"], result["policyDocument"], result.get("context") or {}
        policy = read_policy(document)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise MalformedAuthorizerResult("the result needs principalId and a policyDocument") from error
    if not (isinstance(principal_id, str) and isinstance(document, dict) and isinstance(context, dict)):
        raise MalformedAuthorizerResult("principalId, policyDocument or context has the wrong type")
    # Guess (An authorizer's policy): that a statement without Resource makes the policy malformed, as IAM has it.
    if not all(statement.resources for statement in policy.statements):
        raise MalformedAuthorizerResult("each statement of policyDocument needs Resource or NotResource")
    return AuthorizerResult(principal_id, {key: _as_text(key, value) for key, value in context.items()}, policy)


def _as_text(key: str, value: Any) -> str:
    """Strings, numbers and booleans are delivered as strings."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise MalformedAuthorizerResult(f"context.{key} is neither a string nor a number nor a boolean")

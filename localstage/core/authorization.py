"""What a REQUEST authorizer needs, and what its answer means.

AWS: FIDELITY section 3. Only ``$connect`` is authorized; every listed identity
source must be present; the policy must allow ``execute-api:Invoke`` on the method ARN.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from localstage.core.events import HandshakeRequest
from localstage.core.resource_policy import as_list, wildcard_match
from localstage.core.strict_json import read_json

_RESULT_LIMIT_BYTES = 8 * 1024


class MalformedAuthorizerResult(Exception):
    """The authorizer's answer is not a policy: 500."""


@dataclass(frozen=True)
class AuthorizerResult:
    """Who it is, what later events tell of it, and the policy's statements."""

    principal_id: str
    context: Mapping[str, str]
    statements: tuple[Mapping[str, Any], ...]

    def allows(self, method_arn: str) -> bool:
        """Whether the policy allows to invoke ``…/{stage}/$connect``; a Deny wins."""
        effects = {s.get("Effect") for s in self.statements if _covers(s, method_arn)}
        return "Allow" in effects and "Deny" not in effects


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
    """Reads an authorizer's answer. Raises MalformedAuthorizerResult."""
    if len(payload) > _RESULT_LIMIT_BYTES:
        raise MalformedAuthorizerResult("the result is over 8 KB")
    try:
        result = read_json(payload)
        statements = result["policyDocument"]["Statement"]
        principal_id = result["principalId"]
        context = result.get("context") or {}
    except (ValueError, KeyError, TypeError) as error:
        raise MalformedAuthorizerResult("the result needs principalId and policyDocument") from error
    if isinstance(statements, dict):
        statements = [statements]
    if not isinstance(statements, list) or not isinstance(context, dict) or not isinstance(principal_id, str):
        raise MalformedAuthorizerResult("principalId, policyDocument or context has the wrong type")
    return AuthorizerResult(
        principal_id,
        {key: _as_text(key, value) for key, value in context.items()},
        tuple(s for s in statements if isinstance(s, dict)),
    )


def _as_text(key: str, value: Any) -> str:
    """Strings, numbers and booleans are delivered as strings."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise MalformedAuthorizerResult(f"context.{key} is neither a string nor a number nor a boolean")


def _covers(statement: Mapping[str, Any], method_arn: str) -> bool:
    return any(
        wildcard_match(str(action).lower(), "execute-api:invoke") for action in as_list(statement.get("Action"))
    ) and any(wildcard_match(str(resource), method_arn) for resource in as_list(statement.get("Resource")))

"""Whether a function's resource policy lets API Gateway invoke it.

AWS: FIDELITY section 10: the principal is ``apigateway.amazonaws.com`` and the
SourceArn, where given, must match ``{api}/{stage}/{routeKey}``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

_ARN_KEYS = {"aws:sourcearn"}
_ACCOUNT_KEYS = {"aws:sourceaccount"}


def lets_api_gateway_invoke(statements: Iterable[Mapping[str, Any]], source_arn: str, account_id: str) -> bool:
    """Whether some statement allows it and none denies it."""
    effects = {str(s.get("Effect")) for s in statements if _applies(s, source_arn, account_id)}
    return "Allow" in effects and "Deny" not in effects


def _applies(statement: Mapping[str, Any], source_arn: str, account_id: str) -> bool:
    return (
        _names_api_gateway(statement.get("Principal"))
        and any(wildcard_match(action, "lambda:InvokeFunction") for action in as_list(statement.get("Action")))
        and all(
            _condition_holds(operator, keys, source_arn, account_id)
            for operator, keys in (statement.get("Condition") or {}).items()
        )
    )


def _names_api_gateway(principal: Any) -> bool:
    if isinstance(principal, Mapping):
        return any(_names_api_gateway(value) for value in principal.values())
    if isinstance(principal, list):
        return any(_names_api_gateway(value) for value in principal)
    return principal in ("*", "apigateway.amazonaws.com")


def _condition_holds(operator: str, keys: Mapping[str, Any], source_arn: str, account_id: str) -> bool:
    exact = operator.lower() in ("stringequals", "arnequals")
    for key, wanted in keys.items():
        if key.lower() in _ARN_KEYS:
            value = source_arn
        elif key.lower() in _ACCOUNT_KEYS:
            value = account_id
        else:
            return False  # A condition on something that the request does not carry does not hold.
        # ArnEquals takes wildcards as ArnLike does; StringEquals does not.
        plain = exact and operator.lower() == "stringequals"
        if not any((value == pattern) if plain else wildcard_match(pattern, value) for pattern in as_list(wanted)):
            return False
    return True


def wildcard_match(pattern: str, value: str) -> bool:
    """IAM's ``*`` and ``?``; ``*`` crosses slashes, the case of actions is ignored by the caller's choice."""
    expression = "".join(".*" if c == "*" else "." if c == "?" else re.escape(c) for c in pattern)
    return re.fullmatch(expression, value, re.DOTALL) is not None


def as_list(value: Any) -> list[Any]:
    """A policy's element that may be one value or a list of them, as a list."""
    return [] if value is None else value if isinstance(value, list) else [value]

"""A bucket whose policy is read with its conditions.

moto asks the policy of a bucket for every object, and takes a statement for one
that holds whatever its ``Condition`` says. Published templates deny what comes
without TLS, and so would lose every object.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from moto.s3.models import FakeBucket


class StageBucket(FakeBucket):
    """moto's bucket; statements that do not hold are left out before moto decides."""

    __module__ = FakeBucket.__module__  # moto files its classes by the service in their module's name.

    def get_permission(self, action: str, resource: str) -> Any:
        from moto.iam.access_control import IAMPolicy, PermissionResult

        if self.policy is None:
            return PermissionResult.NEUTRAL
        policy = json.loads(self.policy)
        statements = policy.get("Statement", [])
        kept = [one for one in (statements if isinstance(statements, list) else [statements]) if holds(one)]
        return IAMPolicy(json.dumps({**policy, "Statement": kept})).is_action_permitted(action, resource)


def holds(statement: Mapping[str, Any]) -> bool:
    """Whether a statement holds as far as can be said without its caller.

    All calls count as secured by TLS: with AWS's addresses they are. A statement
    with any other condition, or a Deny for some callers only, is taken as one that does not hold.
    """
    for operator, keys in (statement.get("Condition") or {}).items():
        for key, wanted in keys.items():
            if operator.lower() != "bool" or key.lower() != "aws:securetransport":
                return False
            if str(wanted[0] if isinstance(wanted, list) else wanted).lower() != "true":
                return False
    if statement.get("Effect") == "Deny":
        return statement.get("Principal") in ("*", {"AWS": "*"}, {"AWS": ["*"]})
    return True

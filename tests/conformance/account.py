"""What a run makes in an account: what it costs, and how all of it is found again and deleted.

Everything that a run creates has a name that begins with its prefix, so nothing has to be
remembered, and a run that was killed is cleaned up like any other. Does not know the tests.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from threading import Event
from typing import Any

from botocore.exceptions import ClientError

FAMILY = "localstage-conformance-"
"""What the prefixes of all runs begin with."""
_PASSES = 6
_PAUSE_S = 5.0
"""Lambda writes a function's last log lines, and creates the group for it, some seconds after the function is gone."""

# US dollars in us-east-1: FIDELITY section 5 says where each is from.
_PER_MESSAGE, _PER_CONNECTION_MINUTE, _PER_INVOCATION, _PER_GB_S = 1.00e-6, 0.25e-6, 0.20e-6, 16.6667e-6
_PER_TABLE_REQUEST = 0.625e-6
_GB_S_EACH = 3.0
"""At most: three seconds of 1 GB."""
_S_EACH = {"CreateFunction": 5, "CreateDeployment": 6, "CreateTable": 10, "CreateRoute": 0.4, "CreateIntegration": 0.4}
_SETTLES_FOR = ("CreateDeployment", "UpdateStage", "RemovePermission", "UpdateFunctionConfiguration", "UpdateRoute")

ClientOf = Callable[[str], Any]
"""Gives a boto3 client by the service's name."""


@dataclass(frozen=True)
class Cost:
    """What a run takes, at most, and of what it creates how many."""

    minutes: int
    dollars: float
    created: Mapping[str, int]


def cost(counts: Mapping[str, int], settle_s: float) -> Cost:
    """What the same calls take on AWS; ``counts`` are those that the run on localstage made."""
    calls = {name.rpartition(".")[2]: count for name, count in counts.items()}
    invocations = counts.get("messages", 0) + 2 * counts.get("connections", 0) + calls.get("Invoke", 0)
    seconds = sum(_S_EACH.get(name, 0) * count for name, count in calls.items())
    seconds += sum(settle_s * calls.get(name, 0) for name in _SETTLES_FOR) + counts.get("connections", 0)
    dollars = (
        counts.get("messages", 0) * _PER_MESSAGE
        + counts.get("connections", 0) * _PER_CONNECTION_MINUTE
        + invocations * (_PER_INVOCATION + _GB_S_EACH * _PER_GB_S + 2 * _PER_TABLE_REQUEST)
    )
    kinds = {"functions": "CreateFunction", "APIs": "CreateApi", "tables": "CreateTable"}
    return Cost(
        math.ceil(seconds / 60) + 2, math.ceil(dollars * 100) / 100, {k: calls.get(c, 0) for k, c in kinds.items()}
    )


@dataclass(frozen=True)
class Leftover:
    """Something in the account with a run's prefix."""

    kind: str
    name: str
    delete: Callable[[], object]


def find(client: ClientOf, prefix: str) -> Iterator[Leftover]:
    """Everything whose name begins with the prefix, in the order in which it can be deleted."""
    keys, gateway, functions = client("apigateway"), client("apigatewayv2"), client("lambda")
    tables, roles, logs = client("dynamodb"), client("iam"), client("logs")
    for plan in _listed(keys, "get_usage_plans", "items"):
        if plan["name"].startswith(prefix):
            yield Leftover("usage plan", plan["name"], lambda plan=plan: _delete_plan(keys, plan))
    for key in _listed(keys, "get_api_keys", "items"):
        if key["name"].startswith(prefix):
            yield Leftover("API key", key["name"], lambda key=key: keys.delete_api_key(apiKey=key["id"]))
    for api in _listed(gateway, "get_apis", "Items"):
        if api["Name"].startswith(prefix):
            yield Leftover("API", api["Name"], lambda api=api: gateway.delete_api(ApiId=api["ApiId"]))
    for function in _listed(functions, "list_functions", "Functions"):
        name = function["FunctionName"]
        if name.startswith(prefix):
            yield Leftover("function", name, lambda name=name: functions.delete_function(FunctionName=name))
    for name in _listed(tables, "list_tables", "TableNames"):
        if name.startswith(prefix):
            yield Leftover("table", name, lambda name=name: tables.delete_table(TableName=name))
    for role in _listed(roles, "list_roles", "Roles"):
        if role["RoleName"].startswith(prefix):
            yield Leftover("role", role["RoleName"], lambda name=role["RoleName"]: _delete_role(roles, name))
    for start in (f"/aws/lambda/{prefix}", prefix):
        for group in _listed(logs, "describe_log_groups", "logGroups", logGroupNamePrefix=start):
            name = group["logGroupName"]
            yield Leftover("log group", name, lambda name=name: logs.delete_log_group(logGroupName=name))


def sweep(client: ClientOf, prefix: str, pause_s: float = _PAUSE_S) -> list[str]:
    """Deletes what has the prefix and looks again until nothing has; what is still there in the end, with its error."""
    failed: dict[str, str] = {}
    clean = 0
    for _ in range(_PASSES):
        failed, found = {}, 0
        for leftover in find(client, prefix):
            found += 1
            try:
                leftover.delete()
            except ClientError as error:
                failed[f"{leftover.kind} {leftover.name}"] = str(error)
        clean = 0 if found else clean + 1
        if clean == 2:
            break
        Event().wait(pause_s)
    return [f"{what}: {error}" for what, error in failed.items() if "NotFound" not in error]


def _listed(client: Any, operation: str, key: str, **arguments: Any) -> list[Any]:
    pages = client.get_paginator(operation).paginate(**arguments)
    return [item for page in pages for item in page.get(key, [])]


def _delete_plan(keys: Any, plan: Mapping[str, Any]) -> None:
    for stage in plan.get("apiStages", []):
        gone = {"op": "remove", "path": "/apiStages", "value": f"{stage['apiId']}:{stage['stage']}"}
        with contextlib.suppress(ClientError):
            keys.update_usage_plan(usagePlanId=plan["id"], patchOperations=[gone])
    keys.delete_usage_plan(usagePlanId=plan["id"])


def _delete_role(roles: Any, name: str) -> None:
    for policy in roles.list_role_policies(RoleName=name)["PolicyNames"]:
        roles.delete_role_policy(RoleName=name, PolicyName=policy)
    for policy in roles.list_attached_role_policies(RoleName=name)["AttachedPolicies"]:
        roles.detach_role_policy(RoleName=name, PolicyArn=policy["PolicyArn"])
    roles.delete_role(RoleName=name)

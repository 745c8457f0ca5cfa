"""Principals, policies and calls for the tests of permissions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from localstage.policy.context import RequestContext
from localstage.policy.decision import Decision, Grants, decide
from localstage.policy.document import Need, Policy, read_policy
from localstage.policy.principal import Principal
from localstage.services.needs import ApiCall, needs_of

ACCOUNT = "111122223333"
SESSION = Principal(f"arn:aws:sts::{ACCOUNT}:assumed-role/writer/save", f"arn:aws:iam::{ACCOUNT}:role/writer", ACCOUNT)
ALICE = Principal(f"arn:aws:iam::{ACCOUNT}:user/alice", f"arn:aws:iam::{ACCOUNT}:user/alice", ACCOUNT)
TABLE = f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/Messages"


def policy(*statements: Mapping[str, Any], version: str = "2012-10-17") -> Policy:
    """A policy of statements; each allows everything that it does not say otherwise."""
    filled = []
    for statement in statements:
        body = {"Effect": "Allow", **statement}
        if not {"Action", "NotAction"} & body.keys():
            body["Action"] = "*"
        if not {"Resource", "NotResource", "Principal", "NotPrincipal"} & body.keys():
            body["Resource"] = "*"
        filled.append(body)
    return read_policy(json.dumps({"Version": version, "Statement": filled}))


def decided(
    grants: Grants | Policy,
    action: str = "dynamodb:PutItem",
    resource: str = TABLE,
    *,
    keys: Mapping[str, Any] | None = None,
    principal: Principal = SESSION,
    **others: Policy,
) -> Decision:
    """The decision about one need."""
    held = grants if isinstance(grants, Grants) else Grants((grants,))
    return decide(principal, Need(action, resource, {}), RequestContext(keys or {}), held, **others)


class Facts:
    """An account with one role, one user and one table."""

    def arn_of_identity(self, kind: str, name: str) -> str | None:
        return f"arn:aws:iam::{ACCOUNT}:role/app/writer" if (kind, name) == ("role", "writer") else None

    def boundary_of(self, kind: str, name: str) -> str | None:
        return f"arn:aws:iam::{ACCOUNT}:policy/edge" if (kind, name) == ("role", "writer") else None

    def partition_key_of(self, region: str, table: str) -> str | None:
        return "room_id" if table == "Messages" else None


class Routes:
    """The REST operations that a test names itself."""

    def __init__(self, operation: str, parameters: Mapping[str, str]):
        self._found = operation, parameters

    def find(self, service: str, method: str, path: str) -> tuple[str, Mapping[str, str]]:
        return self._found


def needs(
    service: str,
    *,
    target: str = "",
    body: Any = None,
    form: str = "",
    method: str = "POST",
    path: str = "/",
    query: str = "",
    headers: Mapping[str, str] | None = None,
    operation: str = "",
    **parameters: str,
) -> list[tuple[str, str]]:
    """Action and resource of each need of a call."""
    return [
        (need.action, need.resource)
        for need in whole_needs(
            service,
            target=target,
            body=body,
            form=form,
            method=method,
            path=path,
            query=query,
            headers=headers,
            operation=operation,
            **parameters,
        )
    ]


def whole_needs(
    service: str,
    *,
    target: str = "",
    body: Any = None,
    form: str = "",
    method: str = "POST",
    path: str = "/",
    query: str = "",
    headers: Mapping[str, str] | None = None,
    operation: str = "",
    **parameters: str,
) -> list[Need]:
    """The needs of a call."""
    sent = dict(headers or {})
    content = form.encode() if form else body if isinstance(body, bytes) else json.dumps(body or {}).encode()
    if target:
        sent["x-amz-target"] = f"Service_20120810.{target}"
    if form:
        sent["content-type"] = "application/x-www-form-urlencoded"
    return needs_of(
        ApiCall(
            service,
            "us-east-1",
            ACCOUNT,
            method,
            path,
            query,
            sent,
            content,
            Facts(),
            Routes(operation, parameters),
            ALICE.arn,
        )
    )

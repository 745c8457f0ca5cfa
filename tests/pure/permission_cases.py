"""Principals, policies and calls for the tests of permissions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any
from urllib.parse import urlencode

import botocore.session
from botocore.serialize import create_serializer

from localstage.door.call import AwsCall
from localstage.door.signatures.request import SignableRequest
from localstage.door.signatures.verification import KnownKey
from localstage.policy.context import Principal, RequestContext
from localstage.policy.decision import Decision, Grants, decide
from localstage.policy.document import Need, Policy, read_policy
from localstage.services.needs import needs_of

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
    call = signed_call(service, method, f"{path}?{query}" if query else path, headers or {}, _body(form, body))
    if operation:
        call = _call_of_operation(service, operation, {**(body or {}), **parameters}, query, target)
    elif target:
        named = target if "." in target else f"{_model(service).metadata['targetPrefix']}.{target}"
        sent = {"X-Amz-Target": named, "Content-Type": "application/x-amz-json-1.0", **(headers or {})}
        if form:
            sent["Content-Type"] = _FORM
        call = signed_call(service, method, f"{path}?{query}" if query else path, sent, _body(form, body))
    elif form:
        call = signed_call(
            service, method, f"{path}?{query}" if query else path, {"Content-Type": _FORM}, form.encode()
        )
    call.facts, call.signer = Facts(), KnownKey("AKIA", "secret", ALICE.arn, ACCOUNT)
    return needs_of(call)


_FORM = "application/x-www-form-urlencoded"


def signed_call(
    service: str, method: str, target: str, headers: Mapping[str, str], body: bytes = b"", region: str = "us-east-1"
) -> AwsCall:
    """A call that says it is signed for a service; its signature is never looked at."""
    scope = f"AWS4-HMAC-SHA256 Credential=AKIA/20261121/{region}/{service}/aws4_request"
    sent = {
        "Host": "127.0.0.1:4580",
        "X-Amz-Date": "20261121T000000Z",
        "Authorization": f"{scope}, SignedHeaders=host, Signature=0",
        **headers,
    }
    sent = {name.title(): value for name, value in sent.items()}
    return AwsCall(SignableRequest.of(method, target, sent.items(), body), sent.items(), account_id=ACCOUNT)


@cache
def _model(service: str) -> Any:
    session = botocore.session.Session()
    return session.get_service_model({"monitoring": "cloudwatch"}.get(service, service))


def _call_of_operation(service: str, name: str, parameters: Mapping[str, Any], query: str, target: str) -> AwsCall:
    """A call as botocore would write it."""
    model = _model(service)
    wire = create_serializer(model.metadata["protocol"], False).serialize_to_request(
        dict(parameters), model.operation_model(name)
    )
    query = "&".join(filter(None, (query, urlencode(wire["query_string"], doseq=True))))
    headers = {**wire["headers"], **({"X-Amz-Target": target} if target else {})}
    path = f"{wire['url_path']}?{query}" if query else wire["url_path"]
    return signed_call(service, wire["method"], path, headers, wire["body"] or b"")


def _body(form: str, body: Any) -> bytes:
    return form.encode() if form else body if isinstance(body, bytes) else json.dumps(body).encode() if body else b""

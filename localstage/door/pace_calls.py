"""An AWS API call and its answer, as this package sees them, whatever the protocol.

Reads the four protocols of the services that a stage paces (AWS: the botocore
models). A call of any other form has no operation.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote
from xml.sax.saxutils import escape

_SCOPE = re.compile(r"Credential=[^/]+/\d{8}/([^/]+)/([^/]+)/aws4_request")
_FUNCTIONS = r"^/2015-03-31/functions"
_NAMED = _FUNCTIONS + r"/(?P<FunctionName>[^/]+)"
_LAMBDA_OPERATIONS = tuple(
    (method, re.compile(pattern), operation)
    for method, pattern, operation in (
        ("POST", _FUNCTIONS + r"/?$", "CreateFunction"),
        ("GET", _NAMED + r"/?$", "GetFunction"),
        ("DELETE", _NAMED + r"/?$", "DeleteFunction"),
        ("GET", _NAMED + r"/configuration/?$", "GetFunctionConfiguration"),
        ("PUT", _NAMED + r"/configuration/?$", "UpdateFunctionConfiguration"),
        ("PUT", _NAMED + r"/code/?$", "UpdateFunctionCode"),
        ("POST", _NAMED + r"/versions/?$", "PublishVersion"),
        ("POST", _NAMED + r"/policy/?$", "AddPermission"),
        ("DELETE", _NAMED + r"/policy/[^/]+/?$", "RemovePermission"),
    )
)


@dataclass(frozen=True)
class ApiCall:
    """One call: the service as in the credential scope, the operation as AWS names it, "" if it is none of ours."""

    service: str
    region: str
    operation: str
    parameters: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    """Status, headers and body on the wire."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def document(self) -> dict[str, Any]:
        """The body of a JSON protocol; empty when it is not a JSON object."""
        try:
            read = json.loads(self.body)
        except ValueError:
            return {}
        return read if isinstance(read, dict) else {}

    def with_document(self, document: dict[str, Any], status: int | None = None) -> Answer:
        """The same answer with another body; a checksum of the old one goes."""
        dropped = ("x-amz-crc32", "content-length") + (("x-amzn-errortype",) if status == 200 else ())
        kept = [(name, value) for name, value in self.headers if name.lower() not in dropped]
        return Answer(status or self.status, kept, json.dumps(document).encode())


@dataclass(frozen=True)
class Refusal:
    """An error that AWS answers with: its code, its text and the HTTP status."""

    code: str
    message: str
    status: int = 400

    def answer_to(self, call: ApiCall, request_id: str) -> Answer:
        """The refusal in the protocol of the call's service."""
        if call.service in ("iam", "cloudformation"):
            body = (
                f"<ErrorResponse><Error><Type>Sender</Type><Code>{self.code}</Code><Message>"
                f"{escape(self.message)}</Message></Error><RequestId>{request_id}</RequestId></ErrorResponse>"
            )
            return Answer(self.status, [("Content-Type", "text/xml"), ("x-amzn-RequestId", request_id)], body.encode())
        headers = [
            ("Content-Type", "application/json"),
            ("x-amzn-RequestId", request_id),
            ("x-amzn-errortype", self.code),
        ]
        document = {"__type": self.code, "message": self.message, "Type": "User"}
        return Answer(self.status, headers, json.dumps(document).encode())


def read_call(method: str, raw_path: str, headers: dict[str, str], body: bytes) -> ApiCall:
    """A request as a call. ``headers`` has lower-case names; ``raw_path`` includes the query."""
    scope = _SCOPE.search(headers.get("authorization", ""))
    region, service = scope.groups() if scope else ("", "")
    path, _, query = raw_path.partition("?")
    target = headers.get("x-amz-target", "")
    if target:
        return ApiCall(service, region, target.rpartition(".")[2], _json(body))
    if service == "lambda":
        return _lambda_call(region, method, path, body)
    if service == "apigateway":
        return ApiCall(service, region, f"{method} {path}")
    form = parse_qs(body.decode("utf-8", "replace") if body else query)
    return ApiCall(service, region, form.get("Action", [""])[0], {name: values[0] for name, values in form.items()})


def _lambda_call(region: str, method: str, path: str, body: bytes) -> ApiCall:
    for wanted, pattern, operation in _LAMBDA_OPERATIONS:
        match = pattern.match(path) if method == wanted else None
        if match:
            named = {name: unquote(value) for name, value in match.groupdict().items()}
            return ApiCall("lambda", region, operation, {**_json(body), **named})
    return ApiCall("lambda", region, f"{method} {path}")


def _json(body: bytes) -> dict[str, Any]:
    try:
        read = json.loads(body) if body else {}
    except ValueError:
        return {}
    return read if isinstance(read, dict) else {}

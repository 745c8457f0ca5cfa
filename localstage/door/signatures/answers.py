"""A refused call on the wire, in the protocol of the service that was asked.

AWS: the botocore models name each service's protocol and where its parser
looks for the code. Knows no service but those whose errors have a form of
their own (S3, EC2).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from localstage.door.signatures.refusals import CallRefused, MissingToken
from localstage.door.signatures.request import SignableRequest

_VERSIONED = re.compile(r"^/(\d{4}-\d{2}-\d{2}|v\d+)/")
_REST_XML = {"cloudfront", "route53"}


@dataclass(frozen=True)
class Answer:
    """Status, headers and body."""

    status: int
    headers: dict[str, str]
    body: bytes


def answer_to(refused: CallRefused, request: SignableRequest, service: str, request_id: str) -> Answer:
    """AWS's answer; ``service`` is the credential scope's, or "" where there is none."""
    media_type = request.headers.get("content-type", "")
    if request.headers.get("smithy-protocol") == "rpc-v2-cbor":
        return _cbor(refused, request_id)
    if "x-amz-target" in request.headers or media_type.startswith("application/x-amz-json"):
        return _json(refused, request_id)
    if service in _REST_XML or _is_query(request, media_type):
        return _ec2(refused, request_id) if service == "ec2" else _query(refused, request_id)
    if service in ("s3", "") and not _names_rest_service(request):
        return _s3(refused, request, request_id)
    return _rest_json(refused, request_id)


def execute_api_answer(refused: CallRefused, request_id: str) -> Answer:
    """The management API's answer, FIDELITY section 6."""
    return _rest_json(refused, request_id)


def rest_message(refused: CallRefused) -> str:
    """The sentence as REST services and API Gateway say it."""
    return refused.rest_message if isinstance(refused, MissingToken) else str(refused)


def _is_query(request: SignableRequest, media_type: str) -> bool:
    if media_type.startswith("application/x-www-form-urlencoded"):
        return b"Action=" in request.body
    return "Action" in parse_qs(request.raw_query)


def _names_rest_service(request: SignableRequest) -> bool:
    """Whether an unsigned request names a REST service other than S3, by its host or the version in its path."""
    host = request.headers.get("host", "")
    return (
        bool(_VERSIONED.match(request.raw_path))
        or ".amazonaws.com" in host
        and not any(part.startswith("s3") for part in host.split("."))
    )


def _json(refused: CallRefused, request_id: str) -> Answer:
    body = {"__type": f"com.amazon.coral.service#{refused.json_code}", "message": str(refused)}
    return Answer(
        400,
        {
            "Content-Type": "application/x-amz-json-1.0",
            "x-amzn-RequestId": request_id,
            "x-amzn-errortype": refused.json_code,
            **refused.headers,
        },
        json.dumps(body).encode(),
    )


def _rest_json(refused: CallRefused, request_id: str) -> Answer:
    return Answer(
        403,
        {"Content-Type": "application/json", "x-amzn-RequestId": request_id, "x-amzn-errortype": refused.json_code},
        json.dumps({"message": rest_message(refused)}).encode(),
    )


def _query(refused: CallRefused, request_id: str) -> Answer:
    body = (
        f"<ErrorResponse>\n  <Error>\n    <Type>Sender</Type>\n    <Code>{refused.query_code}</Code>\n"
        f"    <Message>{_xml(str(refused))}</Message>\n  </Error>\n  <RequestId>{request_id}</RequestId>\n"
        "</ErrorResponse>\n"
    )
    return Answer(403, {"Content-Type": "text/xml", "x-amzn-RequestId": request_id}, body.encode())


def _ec2(refused: CallRefused, request_id: str) -> Answer:
    """EC2 has one code for every signature that is no good."""
    body = (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<Response><Errors><Error><Code>{refused.ec2_code}</Code>'
        f"<Message>{_xml(refused.ec2_message)}</Message></Error></Errors>"
        f"<RequestID>{request_id}</RequestID></Response>"
    )
    return Answer(refused.ec2_status, {"Content-Type": "text/xml"}, body.encode())


def _s3(refused: CallRefused, request: SignableRequest, request_id: str) -> Answer:
    fields = {
        "Code": refused.s3_code,
        "Message": refused.s3_message or str(refused),
        **refused.details(),
        "RequestId": request_id,
    }
    inner = "".join(f"<{name}>{_xml(text)}</{name}>" for name, text in fields.items())
    body = (
        b""
        if request.method == "HEAD"
        else (f'<?xml version="1.0" encoding="UTF-8"?>\n<Error>{inner}</Error>').encode()
    )
    return Answer(refused.s3_status, {"Content-Type": "application/xml", "x-amz-request-id": request_id}, body)


def _cbor(refused: CallRefused, request_id: str) -> Answer:
    body = b"\xa2" + b"".join(
        map(_cbor_text, ("__type", f"com.amazon.coral.service#{refused.json_code}", "message", str(refused)))
    )
    return Answer(
        400,
        {
            "Content-Type": "application/cbor",
            "smithy-protocol": "rpc-v2-cbor",
            "x-amzn-RequestId": request_id,
            **refused.headers,
        },
        body,
    )


def _cbor_text(text: str) -> bytes:
    """RFC 8949: major type 3 with a two-byte length."""
    encoded = text.encode("utf-8", "replace")[:0xFFFF]
    return b"\x79" + len(encoded).to_bytes(2, "big") + encoded


def _xml(text: str) -> str:
    """Text for an element; what XML cannot hold becomes a question mark."""
    return escape("".join(c if c in "\t\n" or " " <= c <= "\ud7ff" or "\ue000" <= c <= "\ufffd" else "?" for c in text))

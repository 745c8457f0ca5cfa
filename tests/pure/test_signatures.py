"""Signature Version 4, checked against botocore's own signer."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest
from botocore.auth import S3SigV4Auth, SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from localstage.door.signatures import refusals
from localstage.door.signatures.request import SignableRequest
from localstage.door.signatures.verification import KnownKey, Verifier

KEY = KnownKey("AKIAKNOWN", "secret", "arn:aws:iam::123456789012:user/alice", "123456789012")
SESSION = KnownKey(
    "ASIASESSION",
    "secret",
    "arn:aws:sts::123456789012:assumed-role/r/f",
    "123456789012",
    session_token="token",
    expires_at=datetime(2100, 1, 1, tzinfo=UTC),
)
KEYS = {key.access_key_id: key for key in (KEY, SESSION)}
URL = "http://127.0.0.1:4580/a%20b/../c%40d//x/?b=2&a=%C3%A9&a=1"


def verifier(minutes: float = 0) -> Verifier:
    """A verifier whose clock is ahead of the signer's."""
    return Verifier(KEYS.get, lambda: int((datetime.now(UTC) + timedelta(minutes=minutes)).timestamp() * 1000))


def signed(
    signer=SigV4Auth,
    service: str = "lambda",
    url: str = URL,
    method: str = "POST",
    body: bytes = b"{}",
    credentials: Credentials | None = None,
    headers: dict[str, str] | None = None,
) -> SignableRequest:
    """A request as botocore signs it and its HTTP library sends it."""
    request = AWSRequest(method, url, data=body, headers=headers or {})
    signer(credentials or Credentials("AKIAKNOWN", "secret"), service, "us-east-1").add_auth(request)
    parts = urlsplit(request.url)
    target = f"{parts.path}?{parts.query}" if parts.query else parts.path
    return SignableRequest.of(method, target, [("Host", parts.netloc), *request.headers.items()], body)


@pytest.mark.parametrize(
    ("signer", "service"), [(SigV4Auth, "dynamodb"), (S3SigV4Auth, "s3"), (SigV4Auth, "execute-api")]
)
def test_signature_when_botocore_made_it(signer, service):
    """What botocore signs is accepted, whatever is in path, query and body."""
    assert verifier().verify(signed(signer, service, body=b"\x00\xff")) is KEY


@pytest.mark.parametrize("change", [{"body": b"{ }"}, {"method": "PUT"}, {"raw_path": "/other"}, {"raw_query": "b=3"}])
def test_signature_when_the_request_was_changed(change):
    """A request of which any part was changed after signing is refused."""
    request = signed()
    changed = replace(request, **change)
    with pytest.raises(refusals.SignatureMismatch):
        verifier().verify(changed)


def test_signature_when_the_secret_is_wrong():
    """A known key id with another secret does not match; the answer shows what should have been signed."""
    with pytest.raises(refusals.SignatureMismatch, match="The Canonical String for this request should have been"):
        verifier().verify(signed(credentials=Credentials("AKIAKNOWN", "other")))


@pytest.mark.parametrize(
    ("credentials", "refusal"),
    [
        (Credentials("AKIAOTHER", "secret"), refusals.UnknownKey),
        (Credentials("AKIAKNOWN", "secret", "token"), refusals.WrongSessionToken),
        (Credentials("ASIASESSION", "secret"), refusals.WrongSessionToken),
        (Credentials("ASIASESSION", "secret", "another"), refusals.WrongSessionToken),
    ],
)
def test_signature_when_key_or_token_is_unknown(credentials, refusal):
    """Unknown keys are refused, and known ones with a session token that is not theirs."""
    with pytest.raises(refusal):
        verifier().verify(signed(credentials=credentials))


def test_signature_when_a_session_signs():
    """Temporary credentials are good with their token."""
    assert verifier().verify(signed(credentials=Credentials("ASIASESSION", "secret", "token"))) is SESSION


@pytest.mark.parametrize(
    ("service", "minutes", "text"),
    [
        ("dynamodb", 6, r"Signature expired: \d{8}T\d{6}Z is now earlier than .* - 5 min\.\)"),
        ("sts", 16, r"Signature expired: .* - 15 min\.\)"),
        ("sts", -6, r"Signature not yet current: .* is still later than .* \+ 5 min\.\)"),
    ],
)
def test_signature_when_the_clocks_differ(service, minutes, text):
    """Too old or too new is refused, in AWS's sentence."""
    request = signed(service=service)
    with pytest.raises(refusals.TimeTooSkewed, match=text):
        verifier(minutes).verify(request)


def test_signature_when_an_older_request_goes_to_a_patient_service():
    """STS takes a request of ten minutes ago."""
    assert verifier(10).verify(signed(service="sts")) is KEY


def test_signature_when_pre_signed():
    """A pre-signed query is good until its time is over."""
    request = signed(
        lambda *of: SigV4QueryAuth(*of, expires=60),
        "execute-api",
        "wss://abc.execute-api.us-east-1.amazonaws.com/prod?room=1",
        "GET",
        b"",
    )
    assert "X-Amz-Signature" in request.raw_query and verifier().verify(request, "execute-api") is KEY
    with pytest.raises(refusals.PresignedExpired):
        verifier(2).verify(request, "execute-api")
    with pytest.raises(refusals.SignatureMismatch):
        verifier().verify(replace(request, raw_query=request.raw_query + "&more=1"))


def test_signature_when_scoped_to_another_service():
    """A signature for DynamoDB does not open @connections."""
    with pytest.raises(refusals.WrongScope, match="correct service: 'execute-api'"):
        verifier().verify(signed(service="dynamodb"), "execute-api")


def test_signature_when_a_target_came_unsigned():
    """The header that names the operation must be among the signed ones."""
    request = signed(service="dynamodb")
    request.headers["x-amz-target"] = "DynamoDB_20120810.DeleteTable"
    with pytest.raises(refusals.HeadersNotSigned):
        verifier().verify(request)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Basic eDp5",
        "Bearer abc",
        "AWS AKIAKNOWN:abc",
        "AWS4-HMAC-SHA256 nonsense",
        "AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host, Signature=0",
    ],
)
def test_signature_when_it_is_none(header):
    """Whatever else is in the Authorization header is refused."""
    headers = [("Host", "127.0.0.1"), ("X-Amz-Date", "20260101T000000Z")] + (
        [("Authorization", header)] if header else []
    )
    with pytest.raises(refusals.SignatureRefused):
        verifier().verify(SignableRequest.of("POST", "/", headers))

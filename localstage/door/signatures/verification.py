"""Checks a request's Signature Version 4 against the keys that are known.

Lives here: the order of the checks, clock skew, payload digests and derived
keys. Does not know where keys are kept nor how a refusal is put on the wire.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from localstage.door.signatures.refusals import (
    HeadersNotSigned,
    PayloadMismatch,
    PresignedExpired,
    SessionExpired,
    SignatureMismatch,
    TimeTooSkewed,
    UnknownKey,
    WrongScope,
    WrongSessionToken,
)
from localstage.door.signatures.request import Claim, SignableRequest, canonical_request, iso_basic, string_to_sign

UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD"
_STREAMING = "STREAMING-"
_CACHED_KEYS = 256
# AWS: 5 minutes either way (aws/aws-sdk-go issue 2194 and others); query services and S3 allow 15 minutes of age.
_SKEW_S = 300
_OLD_SKEW_S = 900
_PATIENT = frozenset({"s3", "sts", "iam", "cloudformation", "sqs", "sns", "ec2", "monitoring", "ecr"})


@dataclass(frozen=True)
class KnownKey:
    """An access key that may call. ``session_token`` is None for long-term keys."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    principal_arn: str
    """Whose it is: a user's ARN, or ``arn:aws:sts::{account}:assumed-role/{role}/{session}``."""
    account_id: str
    principal_id: str = ""
    """``AIDA…`` of a user, ``AROA…:{session}`` of a role session; the ARN's last part where unknown."""
    session_token: str | None = field(default=None, repr=False)
    expires_at: datetime | None = None
    entity_arn: str = ""
    """Whose policies count: a user's or role's ARN, the account's root's for its administrator; "": nobody's."""
    session_policies: tuple[str, ...] | None = None
    """The documents that limit this session; None where nothing does."""


class Verifier:
    """Says whose request it is. Keeps derived signing keys; nothing else."""

    def __init__(self, find_key: Callable[[str], KnownKey | None], now_ms: Callable[[], int]):
        self._find_key = find_key
        self._now_ms = now_ms
        self._derived: dict[tuple[str, str, str, str], bytes] = {}

    def recognise(self, request: SignableRequest) -> tuple[Claim, KnownKey]:
        """The claim and its key, by the headers alone; nothing is proven yet. Raises SignatureRefused."""
        claim = request.claim
        key = self._find_key(claim.access_key_id)
        if key is None:
            raise UnknownKey(claim.access_key_id)
        if (key.session_token is None) != (claim.session_token is None) or not hmac.compare_digest(
            (key.session_token or "").encode(), (claim.session_token or "").encode()
        ):
            raise WrongSessionToken(claim.access_key_id)
        return claim, key

    def verify(self, request: SignableRequest, service: str | None = None) -> KnownKey:
        """The key that signed the request; ``service`` must then be its scope's. Raises SignatureRefused."""
        claim, key = self.recognise(request)
        if service is not None and claim.service != service:
            raise WrongScope(f"Credential should be scoped to correct service: '{service}'. ")
        _check_scope(claim, request)
        self._check_time(claim, key)
        canonical = canonical_request(
            request, claim.signed_headers, _payload_hash(claim, request), claim.service == "s3"
        )
        to_sign = string_to_sign(claim.timestamp, claim.scope, canonical)
        signature = hmac.digest(self._signing_key(claim, key), to_sign.encode(), "sha256").hex()
        if not hmac.compare_digest(signature.encode(), claim.signature.encode("utf-8", "surrogateescape")):
            raise SignatureMismatch(claim.access_key_id, canonical, to_sign)
        return key

    def _check_time(self, claim: Claim, key: KnownKey) -> None:
        now = datetime.fromtimestamp(self._now_ms() / 1000, UTC)
        if key.expires_at is not None and now >= key.expires_at:
            raise SessionExpired()
        future = now + timedelta(seconds=_SKEW_S)
        if claim.signed_at > future:
            raise TimeTooSkewed(
                f"Signature not yet current: {claim.timestamp} is still later than "
                f"{iso_basic(future)} ({iso_basic(now)} + {_SKEW_S // 60} min.)",
                claim.timestamp,
                iso_basic(now),
                _SKEW_S,
            )
        if claim.expires_s is not None:
            end = claim.signed_at + timedelta(seconds=claim.expires_s)
            if now > end:
                raise PresignedExpired(
                    f"Signature expired: {claim.timestamp} is now earlier than "
                    f"{iso_basic(now - timedelta(seconds=claim.expires_s))} "
                    f"({iso_basic(now)} - {claim.expires_s} s)"
                )  # Guess (Sentences of errors): the sentence.
            return
        skew_s = _OLD_SKEW_S if claim.service in _PATIENT else _SKEW_S
        past = now - timedelta(seconds=skew_s)
        if claim.signed_at < past:
            raise TimeTooSkewed(
                f"Signature expired: {claim.timestamp} is now earlier than {iso_basic(past)} "
                f"({iso_basic(now)} - {skew_s // 60} min.)",
                claim.timestamp,
                iso_basic(now),
                skew_s,
            )

    def _signing_key(self, claim: Claim, key: KnownKey) -> bytes:
        named = (key.secret_access_key, claim.day, claim.region, claim.service)
        derived = self._derived.get(named)
        if derived is None:
            derived = ("AWS4" + key.secret_access_key).encode()
            for part in (claim.day, claim.region, claim.service, "aws4_request"):
                derived = hmac.digest(derived, part.encode("utf-8", "surrogateescape"), "sha256")
            if len(self._derived) >= _CACHED_KEYS:
                self._derived.clear()
            self._derived[named] = derived
        return derived


def _check_scope(claim: Claim, request: SignableRequest) -> None:
    if claim.day != claim.timestamp[:8]:
        raise WrongScope(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
            f"'{claim.day}' != '{claim.timestamp[:8]}', from '{claim.timestamp}'."
        )
    if tuple(sorted(claim.signed_headers)) != claim.signed_headers:
        raise WrongScope("Signed headers must be sorted.")  # Guess.
    must = [
        name
        for name in request.headers
        if name == "host" or name == "x-amz-target" or (claim.service == "s3" and name.startswith("x-amz-"))
    ]
    unsigned = [name for name in must if name not in claim.signed_headers]
    if "host" not in request.headers or unsigned:
        raise HeadersNotSigned(unsigned or ["host"])


def _payload_hash(claim: Claim, request: SignableRequest) -> str:
    """The digest that was signed, once it is known to be the body's. Raises PayloadMismatch."""
    stated = request.headers.get("x-amz-content-sha256")
    if stated is None:
        if claim.service == "s3" and claim.expires_s is not None:
            return UNSIGNED_PAYLOAD
        return request.body_digest
    if stated == UNSIGNED_PAYLOAD or (claim.service == "s3" and stated.startswith(_STREAMING)):
        return stated  # Of a chunked upload the seed signature alone is checked: that of the headers.
    computed = request.body_digest
    if not hmac.compare_digest(stated.encode("utf-8", "surrogateescape"), computed.encode()):
        raise PayloadMismatch(stated, computed)
    return stated

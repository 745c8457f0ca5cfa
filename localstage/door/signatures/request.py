"""A signed request as a value: as its signer saw it, in canonical form, and what it says about its signature.

Nothing of the claim is believed here; verification.py checks it against the known keys.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cached_property, lru_cache
from typing import NamedTuple
from urllib.parse import quote, unquote, unquote_to_bytes

from localstage.door.signatures.refusals import IncompleteSignature, MissingToken, UnsupportedMechanism

ALGORITHM = "AWS4-HMAC-SHA256"
_UNRESERVED = "-_.~"
_TIMESTAMP = "%Y%m%dT%H%M%SZ"
_DAY = re.compile(r"^\d{8}$")


@dataclass(frozen=True)
class SignableRequest:
    """Method, path and query exactly as sent; headers by name in lower case, several values joined by commas."""

    method: str
    raw_path: str
    raw_query: str
    headers: dict[str, str]
    body: bytes = b""

    @classmethod
    def of(cls, method: str, target: str, headers: Iterable[tuple[str, str]], body: bytes = b"") -> SignableRequest:
        """A request from its request line's target and its headers in any case."""
        path, _, query = target.partition("?")
        joined: dict[str, str] = {}
        for name, value in headers:
            key, text = name.lower(), " ".join(value.split())
            joined[key] = f"{joined[key]},{text}" if key in joined else text
        return cls(method, path or "/", query, joined, body)

    @cached_property
    def claim(self) -> Claim:
        """What it says about its signature, read once. Raises SignatureRefused."""
        return read_claim(self)

    @cached_property
    def body_digest(self) -> str:
        """The SHA-256 of the body, in hexadecimal; of a large one it takes long."""
        return hashlib.sha256(self.body).hexdigest()

    def with_body(self, body: bytes) -> SignableRequest:
        """The same request, once its body has been read."""
        whole = SignableRequest(self.method, self.raw_path, self.raw_query, self.headers, body)
        if "claim" in vars(self):
            vars(whole)["claim"] = self.claim
        return whole

    def query_pairs(self) -> list[tuple[str, str]]:
        """The query's names and values, each encoded the one way that is signed."""
        if not self.raw_query:
            return []
        pairs = (pair.partition("=") for pair in self.raw_query.split("&") if pair)
        return [(_encode(name), _encode(value)) for name, _, value in pairs]


def canonical_request(request: SignableRequest, signed_headers: tuple[str, ...], payload_hash: str, as_s3: bool) -> str:
    """The text whose digest is signed. S3 takes the path as sent; others normalise it and encode it again."""
    path = request.raw_path if as_s3 else _canonical_path(request.raw_path)
    query = "&".join(
        f"{name}={value}"
        for name, value in sorted(pair for pair in request.query_pairs() if pair[0] != "X-Amz-Signature")
    )
    headers = "".join(f"{name}:{request.headers.get(name, '')}\n" for name in signed_headers)
    return "\n".join((request.method.upper(), path, query, headers, ";".join(signed_headers), payload_hash))


def string_to_sign(timestamp: str, scope: str, canonical: str) -> str:
    """What the derived key signs; ``scope`` is date/region/service/aws4_request."""
    digest = hashlib.sha256(canonical.encode("utf-8", "surrogateescape")).hexdigest()
    return f"{ALGORITHM}\n{timestamp}\n{scope}\n{digest}"


def _encode(text: str) -> str:
    return quote(unquote_to_bytes(text), safe=_UNRESERVED)


@lru_cache(maxsize=1024)
def _canonical_path(raw_path: str) -> str:
    return quote(_without_dot_segments(raw_path), safe="/" + _UNRESERVED)


def _without_dot_segments(path: str) -> str:
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            kept[-1:] = []
        elif segment not in ("", "."):
            kept.append(segment)
    return "/" + "/".join(kept) + ("/" if kept and path.endswith("/") else "")


class Claim(NamedTuple):
    """A signature as claimed. ``signed_at`` is UTC; ``expires_s`` is None unless the request is pre-signed."""

    access_key_id: str
    day: str
    region: str
    service: str
    signed_headers: tuple[str, ...]
    signature: str
    timestamp: str
    signed_at: datetime
    session_token: str | None = None
    expires_s: int | None = None

    @property
    def scope(self) -> str:
        """The credential scope without the key."""
        return f"{self.day}/{self.region}/{self.service}/aws4_request"


def read_claim(request: SignableRequest) -> Claim:
    """Reads the claim. Raises MissingToken, IncompleteSignature or UnsupportedMechanism."""
    header = request.headers.get("authorization")
    if header is not None:
        return _of_header(request, header)
    query = {unquote(name): unquote(value) for name, value in request.query_pairs()}
    if "X-Amz-Signature" in query or "X-Amz-Algorithm" in query:
        return _of_query(query)
    if "Signature" in query and "AWSAccessKeyId" in query:
        raise UnsupportedMechanism()  # Signature Version 2.
    raise MissingToken()


def _of_header(request: SignableRequest, header: str) -> Claim:
    mechanism, _, rest = header.partition(" ")
    if mechanism == "AWS" or mechanism.startswith("AWS4-ECDSA"):
        raise UnsupportedMechanism()
    if mechanism != ALGORITHM:
        raise MissingToken()
    parts = dict(part.strip().partition("=")[::2] for part in rest.split(","))
    # AWS: these sentences as its services have answered them for years.
    lacking = [
        f"Authorization header requires '{name}' parameter."
        for name in ("Credential", "Signature", "SignedHeaders")
        if not parts.get(name)
    ]
    timestamp, signed_at = _read_stamp(request.headers.get("x-amz-date") or request.headers.get("date", ""))
    if signed_at is None:
        lacking.append("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.")
    if lacking or signed_at is None:
        raise IncompleteSignature(" ".join(lacking))
    return Claim(
        *_credential(parts["Credential"]),
        signed_headers=tuple(parts["SignedHeaders"].lower().split(";")),
        signature=parts["Signature"],
        timestamp=timestamp,
        signed_at=signed_at,
        session_token=request.headers.get("x-amz-security-token"),
    )


def _of_query(query: dict[str, str]) -> Claim:
    needed = ("X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature", "X-Amz-SignedHeaders", "X-Amz-Date")
    # Guess (Sentences of errors): the sentence; S3 has one of its own.
    lacking = [f"AWS query-string parameters must include '{name}'." for name in needed if not query.get(name)]
    if lacking:
        raise IncompleteSignature(" ".join(lacking))
    if query["X-Amz-Algorithm"] != ALGORITHM:
        raise UnsupportedMechanism()
    signed_at = _read_timestamp(query["X-Amz-Date"])
    expires = query.get("X-Amz-Expires", "300")
    if signed_at is None or not expires.isdigit() or int(expires) > 604_800:
        raise IncompleteSignature(
            "X-Amz-Date must be in the form yyyyMMddTHHmmssZ and X-Amz-Expires a number of at most 604800 seconds."
        )
    return Claim(
        *_credential(query["X-Amz-Credential"]),
        signed_headers=tuple(query["X-Amz-SignedHeaders"].lower().split(";")),
        signature=query["X-Amz-Signature"],
        timestamp=query["X-Amz-Date"],
        signed_at=signed_at,
        session_token=query.get("X-Amz-Security-Token"),
        expires_s=int(expires),
    )


@lru_cache(maxsize=256)
def _credential(credential: str) -> tuple[str, str, str, str]:
    parts = credential.split("/")
    if len(parts) != 5 or parts[4] != "aws4_request" or not _DAY.match(parts[1]):
        raise IncompleteSignature(
            "Credential must have exactly 5 slash-delimited elements, e.g. "
            f"keyid/date/region/service/term, got '{credential}'"
        )
    return parts[0], parts[1], parts[2], parts[3]


@lru_cache(maxsize=256)  # A program's calls of one second have one stamp; reading it costs a tenth of a post.
def _read_stamp(stamp: str) -> tuple[str, datetime | None]:
    """A time as it is signed, and what it is; None if it is none."""
    found = _read_timestamp(stamp)
    if found is None and stamp:
        try:
            found = parsedate_to_datetime(stamp).astimezone(UTC)
        except (ValueError, TypeError):
            return stamp, None
    return (iso_basic(found) if found else stamp), found


def _read_timestamp(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, _TIMESTAMP).replace(tzinfo=UTC)
    except ValueError:
        return None


def iso_basic(moment: datetime) -> str:
    """A time as signatures write it: ``20240517T104746Z``."""
    return moment.strftime(_TIMESTAMP)

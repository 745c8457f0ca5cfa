"""What a request says about its signature, before any of it is believed.

Reads the Authorization header and pre-signed queries.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import unquote

from localstage.door.signatures.refusals import IncompleteSignature, MissingToken, UnsupportedMechanism
from localstage.door.signatures.request import SignableRequest

ALGORITHM = "AWS4-HMAC-SHA256"
_TIMESTAMP = "%Y%m%dT%H%M%SZ"
_DAY = re.compile(r"^\d{8}$")


@dataclass(frozen=True)
class Claim:
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
    timestamp, signed_at = _time_of(request)
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
    # Guess: the sentence; S3 has one of its own.
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


def _credential(credential: str) -> tuple[str, str, str, str]:
    parts = credential.split("/")
    if len(parts) != 5 or parts[4] != "aws4_request" or not _DAY.match(parts[1]):
        raise IncompleteSignature(
            "Credential must have exactly 5 slash-delimited elements, e.g. "
            f"keyid/date/region/service/term, got '{credential}'"
        )
    return parts[0], parts[1], parts[2], parts[3]


def _time_of(request: SignableRequest) -> tuple[str, datetime | None]:
    stamp = request.headers.get("x-amz-date") or request.headers.get("date", "")
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

"""A request as its signer saw it, and its canonical form.

Knows the canonicalisation alone; nothing of keys.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote, unquote_to_bytes

_UNRESERVED = "-_.~"


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

    def query_pairs(self) -> list[tuple[str, str]]:
        """The query's names and values, each encoded the one way that is signed."""
        if not self.raw_query:
            return []
        pairs = (pair.partition("=") for pair in self.raw_query.split("&") if pair)
        return [(_encode(name), _encode(value)) for name, _, value in pairs]


def canonical_request(request: SignableRequest, signed_headers: tuple[str, ...], payload_hash: str, as_s3: bool) -> str:
    """The text whose digest is signed. S3 takes the path as sent; others normalise it and encode it again."""
    path = request.raw_path if as_s3 else quote(_without_dot_segments(request.raw_path), safe="/" + _UNRESERVED)
    query = "&".join(
        f"{name}={value}"
        for name, value in sorted(pair for pair in request.query_pairs() if pair[0] != "X-Amz-Signature")
    )
    headers = "".join(f"{name}:{request.headers.get(name, '')}\n" for name in signed_headers)
    return "\n".join((request.method.upper(), path, query, headers, ";".join(signed_headers), payload_hash))


def string_to_sign(timestamp: str, scope: str, canonical: str) -> str:
    """What the derived key signs; ``scope`` is date/region/service/aws4_request."""
    digest = hashlib.sha256(canonical.encode("utf-8", "surrogateescape")).hexdigest()
    return "\n".join(("AWS4-HMAC-SHA256", timestamp, scope, digest))


def _encode(text: str) -> str:
    return quote(unquote_to_bytes(text), safe=_UNRESERVED)


def _without_dot_segments(path: str) -> str:
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            kept[-1:] = []
        elif segment not in ("", "."):
            kept.append(segment)
    return "/" + "/".join(kept) + ("/" if kept and path.endswith("/") else "")

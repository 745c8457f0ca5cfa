"""Tokens that say who somebody is: made by whoever signs people in, read by the authorizer.

A token is a JWT of the kind HS256 (RFC 7519, RFC 7515): three parts, each base64url, joined by dots.

    header . payload . HMAC-SHA256(secret, header . payload)

Whoever has the secret can make tokens and check them. Everybody else can read a token, for it is
signed and not encrypted, but can neither make one nor change one. It names its own end, and until
then whoever holds it is taken for the person it names: let it be minutes, not days.

Forty lines of Python's own library do it, so the functions need no package beside them; with PyJWT
they would need a layer. Take a library as soon as a token comes from somebody else: their keys are
public ones, they change, and checking them is not forty lines.
"""

import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode

HEADER = {"alg": "HS256", "typ": "JWT"}


class BadToken(ValueError):
    """The token proves nothing; the text says why, in words for the log."""


def make_token(name, expires_at, secret):
    """Return a token that says "this is `name`" until `expires_at`, in seconds since 1970."""
    signed = f"{encode(HEADER)}.{encode({'sub': name, 'exp': int(expires_at)})}"
    return f"{signed}.{signature(signed, secret)}"


def read_token(token, now, secret):
    """Return the name in a token that the secret has signed and that has not expired. Raises BadToken."""
    signed, _, given = token.rpartition(".")
    # compare_digest takes equally long wherever two texts differ; == would tell a patient attacker where.
    if not hmac.compare_digest(given.encode(errors="replace"), signature(signed, secret).encode()):
        raise BadToken("the signature does not fit")
    # Now the parts are what we wrote. The header was not asked which algorithm to use: an attacker writes it.
    claims = decode(signed.partition(".")[2])
    if not isinstance(claims, dict) or not isinstance(claims.get("exp"), int):
        raise BadToken("it names no end")
    if claims["exp"] <= now:
        raise BadToken("it has expired")
    if not isinstance(claims.get("sub"), str) or not claims["sub"].strip():
        raise BadToken("it names nobody")
    return claims["sub"]


def signature(signed, secret):
    """Return the third part of a token for the first two."""
    if not secret:
        raise ValueError("The secret is empty: anybody could sign.")
    return base64url(hmac.digest(secret.encode(), signed.encode(errors="replace"), "sha256"))


def encode(part):
    return base64url(json.dumps(part, separators=(",", ":")).encode())


def decode(text):
    """Return what `encode` was given. Raises BadToken."""
    try:
        return json.loads(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except ValueError:
        raise BadToken("a part is not JSON in base64url") from None


def base64url(data):
    return urlsafe_b64encode(data).rstrip(b"=").decode()

"""Whose access key a request carries, as moto's answers need to know it."""

from __future__ import annotations

from typing import Any


def caller_of(response: Any) -> str:
    """The access key id of the request that a moto response answers, in the header or in the query."""
    if "Authorization" in response.headers:
        return str(response.get_access_key())
    credential = response.querystring.get("X-Amz-Credential", [""])[0]
    return credential.partition("/")[0]

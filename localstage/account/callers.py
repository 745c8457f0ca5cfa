"""Whose access key a request carries, as moto's answers need to know it."""

from __future__ import annotations

from typing import Any


def caller_of(response: Any) -> str:
    """The access key id of the request that a moto response answers (moto_server.py gives pre-signed ones a header)."""
    return str(response.get_access_key())

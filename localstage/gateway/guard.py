"""Whom API Gateway asks whether a caller may connect or manage connections."""

from __future__ import annotations

from collections.abc import Callable

from localstage.door.signatures.verification import KnownKey

Guard = Callable[[KnownKey, str, str, str | None], str | None]
"""Caller, action, ARN and source IP address; the sentence of the denial, or None if he may."""

"""STS on the stage: moto's, whose session tokens are real credentials instead of printed examples.

This package extends moto by subclassing; it knows nothing of signatures.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from localstage.door.signatures.verification import KnownKey

__all__ = ["extend"]


def extend(publish_key: Callable[[KnownKey], None]) -> None:
    """Make moto use this package's answers; ``publish_key`` is given the key of each session. Idempotent.

    Must be called before the first request to moto's server.
    """
    from localstage.door import seams
    from localstage.services.sts.responses import StageTokenResponse

    class TokenResponse(StageTokenResponse):
        """The answers, with where keys are published."""

    TokenResponse.publish_key = staticmethod(publish_key)  # type: ignore[method-assign]
    seams.add_urls("moto.sts.urls:url_paths", {"{0}/$": TokenResponse.dispatch})

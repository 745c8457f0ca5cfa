"""STS on the stage: moto's, whose session tokens are real credentials instead of printed examples.

This package extends moto by subclassing; it knows nothing of signatures.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from localstage.door.signatures.verification import KnownKey

__all__ = ["extend"]


def extend(find_key: Callable[[str], KnownKey | None]) -> None:
    """Make moto use this package's answers; ``find_key`` says whose an access key is. Idempotent.

    Must be called before the first request to moto's server.
    """
    import moto.sts.models
    import moto.sts.urls

    from localstage.services.sts.models import StageStsBackend
    from localstage.services.sts.responses import StageTokenResponse

    class TokenResponse(StageTokenResponse):
        """The answers, knowing the stage's keys."""

        known_key = staticmethod(find_key)

    moto.sts.models.sts_backends.backend = StageStsBackend  # type: ignore[assignment]
    moto.sts.urls.url_paths["{0}/$"] = TokenResponse.dispatch

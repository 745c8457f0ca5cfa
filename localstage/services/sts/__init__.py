"""STS: moto's, whose session tokens are real credentials instead of printed examples.

- ``responses``: the operations that differ from moto's
- ``needs``: which permissions STS's operations need
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from localstage.door.signatures.verification import KnownKey

__all__ = ["extend"]


def extend(publish_key: Callable[[KnownKey], None]) -> None:
    """Makes moto use this room; ``publish_key`` is given the key of each session. Idempotent.

    Must be called before the first request to moto's server.
    """
    from localstage.door import seams
    from localstage.services.sts.responses import LocalTokenResponse

    class TokenResponse(LocalTokenResponse):
        """The answers, with where keys are published."""

    TokenResponse.publish_key = staticmethod(publish_key)
    seams.add("moto.sts.urls:url_paths", {"{0}/$": TokenResponse.dispatch})

"""STS on the stage: moto's, whose session tokens are real credentials instead of printed examples.

This package extends moto by subclassing; it knows nothing of signatures.
"""

from __future__ import annotations

__all__ = ["extend"]


def extend() -> None:
    """Make moto use this package's answers. Idempotent.

    Must be called before the first request to moto's server.
    """
    import moto.sts.urls

    from .responses import StageTokenResponse

    moto.sts.urls.url_paths["{0}/$"] = StageTokenResponse.dispatch

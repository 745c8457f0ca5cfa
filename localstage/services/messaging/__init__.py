"""SNS on the stage: moto's, which would run subscribed functions in Docker; the stage refuses these."""

from __future__ import annotations

__all__ = ["extend"]


def extend() -> None:
    """Makes moto use this package's backend. Must be called before moto makes its first SNS backend."""
    import moto.sns.models

    from localstage.services.messaging.models import StageSnsBackend

    moto.sns.models.sns_backends.backend = StageSnsBackend  # type: ignore[assignment]

"""SNS on the stage: moto's, which would run subscribed functions in Docker; the stage refuses these."""

from __future__ import annotations

__all__ = ["extend"]


def extend() -> None:
    """Makes moto use this package's backend. Must be called before moto makes its first SNS backend."""
    from localstage.door import seams
    from localstage.services.messaging.models import StageSnsBackend

    seams.replace("moto.sns.models:sns_backends.backend", StageSnsBackend)

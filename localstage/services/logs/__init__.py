"""CloudWatch Logs: what its calls need, and the lines that functions and the gateway write."""

from __future__ import annotations

__all__ = ["extend"]


def extend() -> None:
    """Makes moto's log groups give the events of all streams in the order of their time. Idempotent.

    AWS: API reference of FilterLogEvents: ``interleaved`` is ignored, and taken for true (FIDELITY section 8).
    """
    from moto.logs.models import LogGroup

    from localstage.door import seams

    events_of = LogGroup.filter_log_events
    # The last is ``interleaved``; moto's backend names none.
    seams.replace(
        "moto.logs.models:LogGroup.filter_log_events", lambda group, *asked: events_of(group, *asked[:-1], True)
    )

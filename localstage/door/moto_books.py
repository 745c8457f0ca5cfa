"""moto's books of a service, read without making them: looking must change nothing."""

from __future__ import annotations

import sys
from typing import Any


def backend_of(service: str, account_id: str, region: str) -> Any:
    """moto's backend of a service, None if nobody has used it; plain dict reads, since moto's own would make one."""
    module = {"lambda": "awslambda"}.get(service, service)
    models = sys.modules.get(f"moto.{module}.models")
    if models is None:
        return None
    regions = dict.get(getattr(models, f"{service}_backends"), account_id)
    return dict.get(regions, region) if regions is not None else None

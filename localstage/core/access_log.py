"""Access log lines: the stage's format with its ``$context`` variables filled in.

AWS: FIDELITY section 8. A variable without a value reads ``-``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_VARIABLE = re.compile(r"\$context\.([A-Za-z0-9_.-]*[A-Za-z0-9_])")


@dataclass(frozen=True)
class Served:
    """One event and what became of it, as the access log and the metrics tell it.

    ``context`` is the event's requestContext. ``status`` is what the client or
    the log sees; ``integration_status`` what the integration returned, None if
    it was not called or failed. ``refused_early`` says that API Gateway itself
    answered a 4xx before any integration was called.
    """

    context: Mapping[str, Any]
    status: int
    integration_status: int | None = None
    integration_latency_ms: int | None = None
    error: str | None = None
    refused_early: bool = False


def render(log_format: str, served: Served) -> str:
    """One line of the access log, without a line end."""
    return _VARIABLE.sub(lambda match: _value(match.group(1), served), log_format).replace("\n", " ")


def _value(name: str, served: Served) -> str:
    outcome = {
        "status": served.status,
        "integrationLatency": served.integration_latency_ms,
        "integration.latency": served.integration_latency_ms,
        "integration.status": served.integration_status,
        "integrationStatus": served.integration_status,
        "error.message": served.error,
        "error.messageString": json.dumps(served.error) if served.error else None,
        "integrationErrorMessage": served.error if not served.refused_early else None,
        "integration.error": served.error if not served.refused_early else None,
    }
    value: Any = outcome[name] if name in outcome else served.context
    if name not in outcome:
        for part in name.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
    return "-" if value is None or isinstance(value, Mapping) else str(value)


def metrics_of(served: Served) -> dict[str, float]:
    """The CloudWatch metrics that one event counts for, by name.

    AWS: DG "Monitor WebSocket API execution with CloudWatch metrics".
    """
    kind = served.context.get("eventType")
    counts = {
        "ConnectCount": 1.0 if kind == "CONNECT" else 0.0,
        "MessageCount": 1.0 if kind == "MESSAGE" else 0.0,
        "ClientError": 1.0 if served.refused_early else 0.0,
        "ExecutionError": 1.0 if served.error and not served.refused_early else 0.0,
        "IntegrationError": 1.0 if (served.integration_status or 200) >= 400 else 0.0,
    }
    found = {name: value for name, value in counts.items() if value}
    if served.integration_latency_ms is not None:
        found["IntegrationLatency"] = float(served.integration_latency_ms)
    return found

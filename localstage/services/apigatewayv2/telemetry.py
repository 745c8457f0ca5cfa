"""What the gateway served, as access log lines, execution logs and CloudWatch metrics.

AWS: FIDELITY section 8. Metrics are gathered and written when somebody reads
them, so that counting never slows a message.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

from localstage.core.events import ConnectionFacts
from localstage.core.records import EventRecord, access_log_line, metrics_of
from localstage.core.snapshot import ServedStage
from localstage.door.account_thread import AccountThread
from localstage.services.logs.log_writer import LogWriter

_NAMESPACE = "AWS/ApiGateway"
_Point = tuple[str, str, str, str, float, int]
_KEPT_POINTS = 100_000


class GatewayTelemetry:
    """Takes note of each event the gateway served."""

    def __init__(self, thread: AccountThread, logs: LogWriter, account_id: str, now_ms: Callable[[], int]):
        self._thread = thread
        self._logs = logs
        self._account_id = account_id
        self._now_ms = now_ms
        self._points: list[_Point] = []

    def record_event(self, stage: ServedStage, record: EventRecord) -> None:
        """Writes the stage's access log line and counts the metrics; returns at once."""
        now = self._now_ms()
        if stage.access_log_destination_arn and stage.access_log_format:
            group = stage.access_log_destination_arn.partition(":log-group:")[2].removesuffix(":*")
            # Guess: the stream's name; AWS names streams by a hash of its own.
            self._logs.write(
                stage.region,
                group,
                f"{stage.api_id}-{stage.stage_name}",
                [(now, access_log_line(stage.access_log_format, record))],
            )
        for name, value in metrics_of(record).items():
            self._points.append((stage.region, stage.api_id, stage.stage_name, name, value, now))
        del self._points[:-_KEPT_POINTS]

    def record_sent(self, facts: ConnectionFacts, region: str) -> None:
        """Counts a message to a client: MessageCount has both directions. Returns at once."""
        # Guess: API Gateway's own error frames are counted as any other message.
        self._points.append((region, facts.api_id, facts.stage, "MessageCount", 1.0, self._now_ms()))
        del self._points[:-_KEPT_POINTS]

    def record_execution(self, stage: ServedStage, lines: Sequence[str]) -> None:
        """Writes the execution log of one event; returns at once."""
        if lines:
            now = self._now_ms()
            # FIDELITY section 8: the group's name as WebSocket APIs have it. Guess: the stream's name.
            self._logs.write(
                stage.region,
                f"/aws/apigateway/{stage.api_id}/{stage.stage_name}",
                hashlib.md5(stage.snapshot.deployment_id.encode(), usedforsecurity=False).hexdigest(),
                [(now, line) for line in lines],
            )

    async def flush(self) -> None:
        """Returns when all that was counted is readable in CloudWatch."""
        points, self._points = self._points, []
        if points:
            await self._thread.run(partial(self._write, points))

    def _write(self, points: list[_Point]) -> None:
        from moto.cloudwatch.models import cloudwatch_backends

        by_region: dict[str, list[dict[str, Any]]] = {}
        for region, api_id, stage, name, value, at_ms in points:
            by_region.setdefault(region, []).append(
                {
                    "MetricName": name,
                    "Value": value,
                    "Unit": "Milliseconds" if name.endswith("Latency") else "Count",
                    # moto compares times without a zone.
                    "Timestamp": datetime.fromtimestamp(at_ms / 1000, UTC).replace(tzinfo=None),
                    "Dimensions": [{"Name": "ApiId", "Value": api_id}, {"Name": "Stage", "Value": stage}],
                }
            )
        for region, data in by_region.items():
            cloudwatch_backends[self._account_id][region].put_metric_data(_NAMESPACE, data)

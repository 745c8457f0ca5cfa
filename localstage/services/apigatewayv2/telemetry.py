"""What the gateway served, as access log lines, execution logs and CloudWatch metrics.

AWS: FIDELITY section 8. Metrics are gathered and written when somebody reads
them, so that counting never slows a message.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from operator import itemgetter
from typing import Any

from localstage.core.events import ConnectionFacts
from localstage.core.records import EventRecord, access_log_line, metrics_of
from localstage.core.snapshot import ServedStage
from localstage.door.account_thread import AccountThread
from localstage.services.logs.log_writer import LogWriter

_NAMESPACE = "AWS/ApiGateway"
_KEPT_FIGURES = 5_000
_FINE_S = 300
"""So long a figure is of one second; an older one is of one minute. AWS: a metric's finest period is one minute."""
_Key = tuple[str, str, str, str, int]
"""Region, API, stage, metric and second since the epoch."""


@dataclass(slots=True)
class _Figure:
    """What CloudWatch calls a statistic set."""

    count: int
    total: float
    least: float
    most: float

    def add(self, other: _Figure) -> None:
        self.count += other.count
        self.total += other.total
        self.least = min(self.least, other.least)
        self.most = max(self.most, other.most)


class Figures:
    """Values as they come, gathered by the second, and by the minute when they are old and many."""

    def __init__(self, kept: int = _KEPT_FIGURES) -> None:
        self._kept = kept
        self._figures: dict[_Key, _Figure] = {}

    def add(self, region: str, api_id: str, stage: str, name: str, value: float, at_ms: int) -> None:
        """Counts one value."""
        key = (region, api_id, stage, name, at_ms // 1000)
        figure = _Figure(1, value, value, value)
        known = self._figures.setdefault(key, figure)
        if known is not figure:
            known.add(figure)
        elif len(self._figures) > self._kept:
            self._figures = self._folded(at_ms // 1000 - _FINE_S)

    def take(self) -> dict[_Key, _Figure]:
        """All that was gathered, which is forgotten here."""
        taken, self._figures = self._figures, {}
        return taken

    def _folded(self, older_than_s: int) -> dict[_Key, _Figure]:
        folded: dict[_Key, _Figure] = {}
        for (region, api_id, stage, name, at_s), figure in self._figures.items():
            key = (region, api_id, stage, name, at_s - at_s % 60 if at_s < older_than_s else at_s)
            known = folded.setdefault(key, figure)
            if known is not figure:
                known.add(figure)
        enough = sorted(folded, key=itemgetter(-1))[-self._kept // 2 :] if len(folded) > self._kept // 2 else folded
        return {key: folded[key] for key in enough}


class GatewayTelemetry:
    """Takes note of each event the gateway served."""

    def __init__(self, thread: AccountThread, logs: LogWriter, account_id: str, now_ms: Callable[[], int]):
        self._thread = thread
        self._logs = logs
        self._account_id = account_id
        self._now_ms = now_ms
        self._figures = Figures()

    def record_event(self, stage: ServedStage, record: EventRecord) -> None:
        """Writes the stage's access log line and counts the metrics; returns at once."""
        now = self._now_ms()
        if stage.access_log_destination_arn and stage.access_log_format:
            group = stage.access_log_destination_arn.partition(":log-group:")[2].removesuffix(":*")
            # Guess (Log lines of a function): the stream's name; AWS names streams by a hash of its own.
            self._logs.write(
                stage.region,
                group,
                f"{stage.api_id}-{stage.stage_name}",
                [(now, access_log_line(stage.access_log_format, record))],
            )
        for name, value in metrics_of(record).items():
            self._figures.add(stage.region, stage.api_id, stage.stage_name, name, value, now)

    def record_sent(self, facts: ConnectionFacts, region: str) -> None:
        """Counts a message to a client: MessageCount has both directions. Returns at once."""
        # Guess (`MessageCount`): API Gateway's own error frames are counted as any other message.
        self._figures.add(region, facts.api_id, facts.stage, "MessageCount", 1.0, self._now_ms())

    def record_execution(self, stage: ServedStage, lines: Sequence[str]) -> None:
        """Writes the execution log of one event; returns at once."""
        if lines:
            now = self._now_ms()
            # FIDELITY section 8: the group's name as WebSocket APIs have it. Guess (Log lines of a function): the stream's name.
            self._logs.write(
                stage.region,
                f"/aws/apigateway/{stage.api_id}/{stage.stage_name}",
                hashlib.md5(stage.snapshot.deployment_id.encode(), usedforsecurity=False).hexdigest(),
                [(now, line) for line in lines],
            )

    async def flush(self) -> None:
        """Returns when all that was counted is readable in CloudWatch."""
        figures = self._figures.take()
        if figures:
            await self._thread.run(partial(self._write, figures))

    def _write(self, figures: Mapping[_Key, _Figure]) -> None:
        from moto.cloudwatch.models import cloudwatch_backends

        by_region: dict[str, list[dict[str, Any]]] = {}
        for (region, api_id, stage, name, at_s), figure in figures.items():
            by_region.setdefault(region, []).append(
                {
                    "MetricName": name,
                    "StatisticValues": {
                        "SampleCount": figure.count,
                        "Sum": figure.total,
                        "Minimum": figure.least,
                        "Maximum": figure.most,
                    },
                    "Unit": "Milliseconds" if name.endswith("Latency") else "Count",
                    # moto compares times without a zone.
                    "Timestamp": datetime.fromtimestamp(at_s, UTC).replace(tzinfo=None),
                    "Dimensions": [{"Name": "ApiId", "Value": api_id}, {"Name": "Stage", "Value": stage}],
                }
            )
        for region, data in by_region.items():
            backend = cloudwatch_backends[self._account_id][region]
            backend.put_metric_data(_NAMESPACE, data)
            # Programs' own figures are theirs to bound; of the gateway's, the newest stay.
            ours = [datum for datum in backend.metric_data if datum.namespace == _NAMESPACE]
            old = set(map(id, ours[: -2 * _KEPT_FIGURES]))
            if old:
                backend.metric_data[:] = [datum for datum in backend.metric_data if id(datum) not in old]

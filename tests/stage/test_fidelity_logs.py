"""CloudWatch Logs, as whoever reads what functions have printed sees it. FIDELITY section 8."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.stage.target import Target, new_name
from tests.stage.waiting import eventually, messages_in


@pytest.mark.fidelity("8.10")
@pytest.mark.parametrize("asked", [{}, {"interleaved": False}])
def test_events_when_they_are_of_several_streams(target: Target, asked: dict[str, Any]):
    """Several execution environments write a stream each; their lines come in the order in which they were written."""
    logs, group = target.client("logs"), f"/test/{new_name()}"
    logs.create_log_group(logGroupName=group)
    began_ms = int(time.time() * 1000)
    for stream in ("even", "odd"):
        logs.create_log_stream(logGroupName=group, logStreamName=stream)
        events = [{"timestamp": began_ms + number, "message": str(number)} for number in range(stream == "odd", 6, 2)]
        logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)
    eventually(lambda: messages_in(logs, group), lambda seen: len(seen) == 6, "all lines")
    found = logs.filter_log_events(logGroupName=group, **asked)["events"]
    assert [event["message"] for event in found] == ["0", "1", "2", "3", "4", "5"]
    logs.delete_log_group(logGroupName=group)

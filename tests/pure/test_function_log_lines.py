"""The platform's log lines are byte for byte what Lambda writes (FIDELITY section 9)."""

from datetime import UTC, datetime

import pytest

from localstage.functions import log_lines
from localstage.functions.invocation import Measurements
from localstage.functions.log_lines import Report

REQUEST_ID = "8f5c0b5e-3f0a-4b5e-9d0a-0f0e0d0c0b0a"
NOW = datetime(2026, 11, 21, 8, 37, 5, 400_000, UTC)


@pytest.mark.fidelity("9.8")
def test_log_stream_name_of_an_environment():
    """The stream is named by day, version and a token."""
    assert log_lines.log_stream_name(NOW, "$LATEST", "ab" * 16) == "2026/11/21/[$LATEST]" + "ab" * 16


def test_start_and_end_name_the_request():
    """START carries the version, END only the request id."""
    assert log_lines.start(REQUEST_ID, "$LATEST") == f"START RequestId: {REQUEST_ID} Version: $LATEST"
    assert log_lines.end(REQUEST_ID) == f"END RequestId: {REQUEST_ID}"


def test_init_start_names_the_runtime_and_its_arn():
    """INIT_START has the runtime's version and an ARN with 64 hex digits."""
    runtime, arn = log_lines.init_start("python:3.13.v7", "eu-west-1").split("\t")
    assert runtime == "INIT_START Runtime Version: python:3.13.v7"
    prefix, _, digest = arn.rpartition(":")
    assert prefix == "Runtime Version ARN: arn:aws:lambda:eu-west-1::runtime"
    assert len(digest) == 64 and int(digest, 16)


@pytest.mark.parametrize(
    ("status", "error_type", "line"),
    [
        ("timeout", None, "INIT_REPORT Init Duration: 1236.04 ms\tPhase: init\tStatus: timeout"),
        (
            "error",
            "Runtime.ExitError",
            "INIT_REPORT Init Duration: 1236.04 ms\tPhase: init\tStatus: error\tError Type: Runtime.ExitError",
        ),
    ],
)
def test_init_report_of_a_failed_init(status, error_type, line):
    """INIT_REPORT says how long, in which phase and why."""
    assert log_lines.init_report(1236.04, "init", status, error_type) == line


@pytest.mark.fidelity("9.6")
def test_report_of_a_cold_start_bills_the_init():
    """Billed is the duration and the init together, rounded up."""
    report = Report(REQUEST_ID, Measurements(61.09, 3986.50, 56), 128)
    assert report.measured.billed_ms == 4048
    assert report.line() == (
        f"REPORT RequestId: {REQUEST_ID}\tDuration: 61.09 ms\tBilled Duration: 4048 ms\t"
        "Memory Size: 128 MB\tMax Memory Used: 56 MB\tInit Duration: 3986.50 ms\t"
    )


def test_report_of_a_warm_invocation_has_no_init():
    """A warm invocation shows no Init Duration; the line ends with a Tab all the same."""
    line = Report(REQUEST_ID, Measurements(2.75, None, 57), 256).line()
    assert line.endswith("Billed Duration: 3 ms\tMemory Size: 256 MB\tMax Memory Used: 57 MB\t")
    assert "Init" not in line


def test_report_leaves_the_memory_out_where_it_is_unknown():
    """An unknown figure is not made up."""
    assert "Max Memory Used" not in Report(REQUEST_ID, Measurements(2.75), 128).line()


def test_report_of_a_timeout_ends_with_its_status():
    """A time-out is the status of the REPORT line."""
    line = Report(REQUEST_ID, Measurements(3000, None, 40), 128, status="timeout").line()
    assert line.endswith("Max Memory Used: 40 MB\tStatus: timeout")
    assert "Duration: 3000.00 ms" in line


def test_timed_out_line_has_moment_request_and_limit():
    """The line of a time-out begins with the moment in milliseconds."""
    assert log_lines.timed_out(NOW, REQUEST_ID, 3) == (
        f"2026-11-21T08:37:05.400Z {REQUEST_ID} Task timed out after 3.00 seconds"
    )


def test_tail_is_the_last_four_kilobytes_when_the_log_is_longer():
    """LogResult holds at most 4096 bytes and never half a character."""
    tail = log_lines.tail_of(["start\n", "é" * 3000, "end\n"])
    assert tail.endswith("éend\n") and tail.startswith("é")
    assert len(tail.encode()) in (4095, 4096)

"""Payloads of invocations that the runtime could not answer (FIDELITY section 9)."""

import json

import pytest

from localstage.functions import outcomes

REQUEST_ID = "8f5c0b5e-3f0a-4b5e-9d0a-0f0e0d0c0b0a"


def test_payload_of_a_timeout_is_the_newer_form():
    """The type comes first and the message has the request id and the limit."""
    assert outcomes.timed_out(REQUEST_ID, 1).payload.decode() == (
        '{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: '
        + REQUEST_ID
        + ' Error: Task timed out after 1.00 seconds"}'
    )


@pytest.mark.parametrize(
    ("returncode", "reason"),
    [
        (1, "Runtime exited with error: exit status 1"),
        (-9, "Runtime exited with error: signal: killed"),
        (-11, "Runtime exited with error: signal: segmentation fault"),
        (-64, "Runtime exited with error: signal: signal 64"),
        (0, "Runtime exited without providing a reason"),
    ],
)
def test_payload_of_an_exit_says_how_the_process_ended(returncode, reason):
    """The message has the exit status or the signal."""
    failure = outcomes.exited(REQUEST_ID, returncode)
    assert json.loads(failure.payload) == {
        "errorType": "Runtime.ExitError",
        "errorMessage": f"RequestId: {REQUEST_ID} Error: {reason}",
    }


@pytest.mark.parametrize(
    ("payload", "error_type"),
    [
        (b'{"errorMessage": "m", "errorType": "KeyError"}', "KeyError"),
        (b'{"errorType": ""}', "Unhandled"),
        (b"[]", "Unhandled"),
        (b"not json", "Unhandled"),
        (b"[" * 100_000, "Unhandled"),
    ],
)
def test_error_type_is_read_from_whatever_was_posted(payload, error_type):
    """A payload without an error type counts as Unhandled."""
    assert outcomes.error_type_of(payload) == error_type

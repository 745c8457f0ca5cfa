"""pip's output condensed to one line, and its failures to one sentence."""

from __future__ import annotations

import io

import pytest

from installation.progress import Progress, reason_in


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


class HandClock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("lines", "text"),
    [
        ([], "  looking up .................... 0 of 2, 0:00"),
        (
            ["Collecting a==1 (from -r requirements.txt)", "  Downloading a-1-py3-none-any.whl.metadata (2 kB)"],
            "  looking up ##########.......... 1 of 2, 0:00",
        ),
        (
            ["Collecting a==1 (from x)", "Requirement already satisfied: b==2 in here"],
            "  downloading .................... 0 of 2, 0:00",
        ),
        (
            ["Collecting a==1 (from x)", "Collecting b==2 (from x)", "Using cached a-1-py3-none-any.whl (1 kB)"],
            "  downloading ##########.......... 1 of 2, 0:00",
        ),
        (["Installing collected packages: a, b"], "  installing .................... 0 of 2, 0:00"),
        (
            ["  WARNING: Retrying (Retry(total=4)) after connection broken"],
            "  looking up .................... 0 of 2, 0:00, no answer yet, trying again",
        ),
    ],
)
def test_text_when_pip_has_said(lines, text):
    """The state names the phase and how many of the packages it has done."""
    progress = Progress(2, io.StringIO(), HandClock())
    for line in lines:
        progress.see(line)
    assert progress.text() == text


def test_bar_when_packages_are_unpacked():
    """While pip installs, in silence, the bar moves with the new packages that are there; when all are, it says what pip does."""
    progress = Progress(20, io.StringIO(), HandClock())
    progress.see("Installing collected packages: a, b, c, d")
    seen = []
    for progress.unpacked in (1, 3, 4):
        seen.append(progress.text())
    assert seen == [
        "  installing #####............... 1 of 4, 0:00",
        "  installing ###############..... 3 of 4, 0:00",
        "  all 4 are written, pip reads them once more, 0:00",
    ]


def test_lines_when_the_output_is_no_terminal():
    """A log gets a line every ten seconds and one at the end, without carriage returns."""
    stream, clock = io.StringIO(), HandClock()
    progress = Progress(2, stream, clock)
    for clock.now in (100.0, 109.9, 110.0, 119.0, 171.0):
        progress.show()
    progress.end("installed")
    assert stream.getvalue().splitlines() == [
        "  looking up .................... 0 of 2, 0:10",
        "  looking up .................... 0 of 2, 1:11",
        "  installed, 1:11",
    ]


def test_line_when_the_output_is_a_terminal():
    """A terminal gets one line that is written over, and a line end only at the end."""
    stream, clock = Terminal(), HandClock()
    progress = Progress(2, stream, clock)
    for clock.now in (100.5, 101.0):
        progress.show()
    progress.end("installed")
    assert stream.getvalue().count("\r") == 3 and stream.getvalue().count("\n") == 1
    assert stream.getvalue().endswith("\n")


@pytest.mark.parametrize(
    ("output", "words"),
    [
        (
            "Failed to establish a new connection: [Errno 111] Connection refused\nERROR: No matching distribution found",
            "check the network",
        ),
        ("ERROR: Could not find a version that satisfies the requirement a==1 (from versions: none)", "PIP_FIND_LINKS"),
        ("ERROR: No matching distribution found for a==1", "Python 3.11 to 3.14"),
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device", "disk is full"),
        ("SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED] ...'))", "PIP_CERT"),
    ],
)
def test_reason_when_pip_failed(output, words):
    """A known failure becomes one sentence that says what to do."""
    reason = reason_in(output)
    assert words in reason and "run this again" in reason
    assert reason.count(". ") == 0 and reason.endswith(".")


def test_reason_when_it_is_not_known():
    """An unknown failure gets no invented reason."""
    assert reason_in("Segmentation fault") is None

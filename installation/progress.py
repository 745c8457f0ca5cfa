"""pip's output condensed: how far it is, and why it failed. Plain text in, plain text out."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TextIO

_STEP = re.compile(r"\s*(Collecting|Requirement already satisfied:|Downloading|Using cached|Processing) (\S+)")
_BAR = 20
DISK_FULL = "the disk is full: free two gigabytes and run this again."
_REASONS = (
    (r"No space left on device|Disk quota exceeded", DISK_FULL),
    (
        r"CERTIFICATE_VERIFY_FAILED",
        "the package index's certificate is not trusted here: name your network's CA file in PIP_CERT "
        "and run this again.",
    ),
    (
        r"NewConnectionError|Failed to establish|resolution|getaddrinfo|timed out|Timeout|ProxyError|unreachable"
        r"|Connection refused|RemoteDisconnected|Connection reset|Max retries exceeded",
        "the package index cannot be reached: check the network (and the proxy, if there is one) and run this again.",
    ),
    (
        r"from versions: none",
        "pip found no place that has the packages: check the network, or name a folder of wheels in PIP_FIND_LINKS, "
        "and run this again.",
    ),
    (
        r"No matching distribution found",
        "a package is not to be had for this Python: run this again with one of Python 3.11 to 3.14.",
    ),
    (r"Permission denied", "pip may not write in .venv: make this folder your own and run this again."),
)


def reason_in(output: str) -> str | None:
    """Why pip failed and what to do, in one sentence, from all that it said; None if that is not known."""
    return next((sentence for pattern, sentence in _REASONS if re.search(pattern, output)), None)


class Progress:
    """What pip has done so far: one live line on a terminal, a line every ten seconds elsewhere.

    ``total`` packages are expected; ``clock`` gives seconds. ``phase`` is
    ``looking up``, ``downloading``, ``installing``, or what ``end`` was told.
    pip says nothing while it installs: how many packages it has unpacked since
    it began to is set from outside. When all are there it reads them again to
    name them in its last line, which takes seconds.
    """

    def __init__(self, total: int, stream: TextIO, clock: Callable[[], float]):
        self.phase = "looking up"
        self.unpacked = 0
        self._to_unpack = total
        self._total, self._stream, self._clock = total, stream, clock
        self._live = stream.isatty()
        self._names: set[str] = set()
        self._files: set[str] = set()
        self._trouble = ""
        self._started = self._shown = clock()

    def see(self, line: str) -> None:
        """Takes one line of pip's output."""
        step = _STEP.match(line)
        self._trouble = ", no answer yet, trying again" if "Retrying (" in line else ""
        if line.startswith("Installing collected packages"):
            self.phase = "installing"
            self._to_unpack = line.count(",") + 1
        elif step and step[1].startswith(("Collecting", "Requirement")):
            self._names.add(step[2])
        elif step and not step[2].endswith(".metadata"):
            self._files.add(step[2])
        if self.phase == "looking up" and len(self._names) >= self._total:
            self.phase = "downloading"

    def text(self) -> str:
        """The state in a few words."""
        minutes, seconds = divmod(int(self._clock() - self._started), 60)
        if self.phase == "installing" and self.unpacked >= self._to_unpack:
            return f"  all {self._to_unpack} are written, pip reads them once more, {minutes}:{seconds:02d}"
        counts = {
            "looking up": (len(self._names), self._total),
            "downloading": (len(self._files), self._total),
            "installing": (self.unpacked, self._to_unpack),
        }
        done, total = counts.get(self.phase, (0, 0))
        done = min(done, total)
        counted = f" {'#' * (_BAR * done // total):.<{_BAR}} {done} of {total}" if total else ""
        return f"  {self.phase}{counted}, {minutes}:{seconds:02d}{self._trouble}"

    def show(self) -> None:
        """Writes the state, if it is time to."""
        if self._clock() - self._shown >= (0.2 if self._live else 10):
            self._shown = self._clock()
            self._write(f"\r{self.text():<70}" if self._live else f"{self.text()}\n")

    def end(self, phase: str) -> None:
        """Writes the last line."""
        self.phase, self._trouble = phase, ""
        self._write(f"\r{self.text():<70}\n" if self._live else f"{self.text()}\n")

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()

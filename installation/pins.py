"""Reading the requirement files: which packages apply to this system, and a hash of them all."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

LEARNER, TESTS = "requirements.txt", "requirements-tests.txt"
"""The files: what a learner needs, and what the tests need besides."""
_MARKER = re.compile(r'sys_platform (==|!=) "(\w+)"')


@dataclass(frozen=True)
class Pins:
    """The packages that one file names for one system, and the hash that stands for the whole file."""

    file_name: str
    requirements: tuple[str, ...]
    digest: str


def read_pins(root: Path, platform: str, file_name: str = LEARNER) -> Pins:
    """The pins of one file of the project at ``root`` for a ``sys.platform``."""
    text = (root / file_name).read_text(encoding="utf-8")
    return Pins(file_name, pins_in(text, platform), hashlib.sha256(text.encode()).hexdigest())


def pins_in(text: str, platform: str) -> tuple[str, ...]:
    """The requirements in the text of a requirements file that apply to a ``sys.platform``.

    Raises ValueError for a marker other than a comparison of sys_platform.
    """
    pins = []
    for line in text.splitlines():
        requirement, _, marker = (part.strip() for part in line.split("#")[0].partition(";"))
        if requirement and (not marker or _holds(marker, platform)):
            pins.append(requirement)
    return tuple(pins)


def _holds(marker: str, platform: str) -> bool:
    comparison = _MARKER.fullmatch(marker)
    if comparison is None:
        raise ValueError(f"there is a marker that is no comparison of sys_platform: {marker}")
    operator, value = comparison.groups()
    return (platform == value) == (operator == "==")

"""Which runtime runs a function, and what is said of a function that none runs."""

import os
from pathlib import Path

import pytest

from localstage.functions.runtimes import RUNTIMES, EnvironmentFiles, Python, Runtimes


class Toy:
    """A second language."""

    language = "Toy"
    identifiers = "toy1.x"

    def __init__(self, missing: str | None = None) -> None:
        self._missing = missing

    def missing(self) -> str | None:
        return self._missing

    def version(self, identifier: str) -> str:
        return identifier

    def command(self, handler: str, files: EnvironmentFiles) -> tuple[str, ...]:
        return ("toy", handler)

    def arrange(self, identifier: str, files: EnvironmentFiles) -> None:
        return

    def variables(self, identifier: str, files: EnvironmentFiles) -> dict[str, str]:
        return {}

    def template(self) -> None:
        return None

    def masks(self, identifier: str) -> dict[str, str]:
        return {}


BOTH = Runtimes({r"python3\.\d+": Python(), r"toy\d+\.x": Toy()})


@pytest.mark.parametrize(
    ("identifier", "language"),
    [("python3.13", "Python"), ("toy1.x", "Toy"), ("python2.7", None), ("python3.x", None), ("toy", None), ("", None)],
)
def test_runtime_is_found_by_its_pattern(identifier, language):
    """A row's pattern must match the whole identifier."""
    found = BOTH.find(identifier)
    assert (found and found.language) == language


def test_refusal_when_no_runtime_fits():
    """The sentence names every language there is, the function and what it asks for."""
    assert RUNTIMES.refusal("chat", "ruby3.4") == (
        "localstage runs Python functions (python3.x) and Node.js functions (nodejs18.x and later) only; "
        "chat asks for the runtime ruby3.4."
    )
    assert BOTH.refusal("chat", None) == (
        "localstage runs Python functions (python3.x) and Toy functions (toy1.x) only; chat asks for the runtime None."
    )
    assert (RUNTIMES.refusal("chat", "python3.13"), BOTH.refusal("chat", "toy1.x")) == (None, None)


def test_refusal_when_aws_has_retired_the_runtime():
    """A Node.js that AWS no longer takes is refused as AWS does it, not as something unknown."""
    assert RUNTIMES.refusal("chat", "nodejs12.x") == (
        "The runtime parameter of nodejs12.x is no longer supported for creating or updating AWS Lambda functions. "
        "We recommend you use a supported runtime while creating or updating functions."
    )
    found = [RUNTIMES.find(f"nodejs{version}.x") for version in (16, 18, 20, 22, 24, 26)]
    assert [runtime and runtime.language for runtime in found] == [None, *["Node.js"] * 5]


def test_refusal_when_node_is_not_there_or_too_old(tmp_path: Path, monkeypatch):
    """The sentence says which Node.js to install, and that the one on the path is too old."""
    monkeypatch.setenv("PATH", str(tmp_path))
    needs = "localstage needs Node.js 18 or newer as node on the path{} to run Node.js functions, such as chat."
    assert RUNTIMES.refusal("chat", "nodejs20.x") == needs.format("")
    if os.name == "posix":
        (tmp_path / "node").write_text("#!/bin/sh\necho v16.20.2\n")
        (tmp_path / "node").chmod(0o755)
        assert RUNTIMES.refusal("chat", "nodejs20.x") == needs.format(" (version 16.20 is too old)")


def test_refusal_when_something_is_missing_on_this_machine():
    """The sentence says what to install."""
    runtimes = Runtimes({"toy.*": Toy(missing="toy 1 or newer on the path")})
    assert runtimes.refusal("chat", "toy1.x") == (
        "localstage needs toy 1 or newer on the path to run Toy functions, such as chat."
    )

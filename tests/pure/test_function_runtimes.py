"""Which runtime runs a function, and what is said of a function that none runs."""

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


def test_refusal_when_something_is_missing_on_this_machine():
    """The sentence says what to install."""
    runtimes = Runtimes({"toy.*": Toy(missing="toy 1 or newer on the path")})
    assert runtimes.refusal("chat", "toy1.x") == (
        "localstage needs toy 1 or newer on the path to run Toy functions, such as chat."
    )

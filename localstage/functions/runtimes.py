"""What Lambda calls a runtime: a language, and all that localstage must know to run functions in it.

``RUNTIMES`` is the table, from a pattern of runtime identifiers to the runtime;
another language is one more row. Everything else here asks a ``Runtime``.
"""

from __future__ import annotations

import re
import sys
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

RUNTIME_DIR = "/var/runtime"
"""Where Lambda keeps the runtime itself. AWS: FIDELITY section 9."""


@dataclass(frozen=True)
class EnvironmentFiles:
    """Where the files of one execution environment are: absolute directories of this machine."""

    task_root: str
    """The package; ``/var/task`` on Lambda."""
    layers_root: str
    """The layers; ``/opt`` on Lambda."""
    temp_dir: str
    """``/tmp`` on Lambda."""


class Runtime(Protocol):
    """One language. ``identifier`` is the function's ``Runtime``, such as ``python3.13``."""

    language: str
    """How a sentence calls it."""

    def missing(self) -> str | None:
        """What to install before functions of this language run here, None if nothing is missing."""

    def version(self, identifier: str) -> str:
        """The runtime version in the log's INIT_START line."""

    def command(self, handler: str, files: EnvironmentFiles) -> tuple[str, ...]:
        """The process of an execution environment: it speaks the Runtime API, in the package's directory."""

    def template(self) -> tuple[str, ...] | None:
        """The process that environments may be copies of (template.py), None where each needs one of its own.

        Its last word stands for ``command``'s program: what follows there are a copy's arguments.
        """

    def variables(self, files: EnvironmentFiles) -> Mapping[str, str]:
        """The environment variables that Lambda sets for this language only, and that a function may set otherwise."""

    def masks(self, identifier: str) -> Mapping[str, str]:
        """The directories of this machine that the log shows under the names that they have on Lambda."""


class Python:
    """Python functions, run by awslambdaric in this process's own Python.

    With ``native_client`` False they use the pure Python Runtime API client
    even where awslambdaric has its own.
    """

    language = "Python"
    _bootstrap = Path(__file__).with_name("bootstrap.py")

    def __init__(self, native_client: bool = True) -> None:
        self._client = "native" if native_client else "python"

    def missing(self) -> str | None:
        return None

    def version(self, identifier: str) -> str:
        # Guess: the build number, for which this Python's own stands; AWS does not publish it.
        return f"python:{identifier.removeprefix('python')}.v{sys.version_info.micro}"

    def command(self, handler: str, files: EnvironmentFiles) -> tuple[str, ...]:
        return (sys.executable, "-X", "utf8", str(self._bootstrap), handler, self._client, files.layers_root)

    def template(self) -> tuple[str, ...] | None:
        if sys.platform != "linux":
            return None
        return (sys.executable, "-X", "utf8", str(self._bootstrap.with_name("template.py")), self._bootstrap.stem)

    def variables(self, files: EnvironmentFiles) -> Mapping[str, str]:
        return {"PYTHONPATH": RUNTIME_DIR}

    def masks(self, identifier: str) -> Mapping[str, str]:
        # Guess: /var/lang for Python's own; FIDELITY section 9 has /var/task and /var/runtime only.
        library = f"/var/lang/lib/{identifier}"
        directories = {str(self._bootstrap.parent): RUNTIME_DIR}
        if sys.prefix != sys.base_prefix:
            directories[sys.prefix] = "/var/lang"  # a virtual environment; never a system's /usr
        for name in ("stdlib", "platstdlib"):
            directories[sysconfig.get_path(name)] = library
        for name in ("purelib", "platlib"):
            directories[sysconfig.get_path(name)] = f"{library}/site-packages"
        return directories


class Runtimes:
    """The runtimes that are known here, by patterns (regular expressions) of their identifiers."""

    def __init__(self, rows: Mapping[str, Runtime]) -> None:
        self._rows = dict(rows)

    def find(self, identifier: str | None) -> Runtime | None:
        """The runtime that runs functions with this identifier."""
        return next((row for pattern, row in self._rows.items() if re.fullmatch(pattern, identifier or "")), None)

    def refusal(self, function: str, identifier: str | None) -> str | None:
        """Why a function of this name cannot run here, in one sentence; None if it can."""
        runtime = self.find(identifier)
        if runtime is None:
            languages = " and ".join(dict.fromkeys(row.language for row in self._rows.values()))
            return f"localstage runs {languages} functions only; {function} asks for the runtime {identifier}."
        missing = runtime.missing()
        if missing is not None:
            return f"localstage needs {missing} to run {runtime.language} functions, such as {function}."
        return None


RUNTIMES = Runtimes({r"python3\.\d+": Python()})

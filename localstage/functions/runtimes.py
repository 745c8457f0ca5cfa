"""What Lambda calls a runtime: a language, and all that localstage must know to run functions in it.

``RUNTIMES`` is the table, from a pattern of runtime identifiers to the runtime;
another language is one more row. Everything else here asks a ``Runtime``.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Protocol

import platformdirs

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
    identifiers: str
    """The runtime identifiers, as a sentence calls them."""

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

    def arrange(self, identifier: str, files: EnvironmentFiles) -> None:
        """Puts beside an unpacked package what the language looks for there. Idempotent."""

    def variables(self, identifier: str, files: EnvironmentFiles) -> Mapping[str, str]:
        """The environment variables that Lambda sets for this language only, and that a function may set otherwise."""

    def masks(self, identifier: str) -> Mapping[str, str]:
        """The directories of this machine that the log shows under the names that they have on Lambda."""


class Python:
    """Python functions, run by awslambdaric in this process's own Python.

    With ``native_client`` False they use the pure Python Runtime API client
    even where awslambdaric has its own.
    """

    language = "Python"
    identifiers = "python3.x"
    _bootstrap = Path(__file__).with_name("bootstrap.py")

    def __init__(self, native_client: bool = True) -> None:
        self._client = "native" if native_client else "python"

    def missing(self) -> str | None:
        return None

    def version(self, identifier: str) -> str:
        # Guess (Log lines of a function): the build number, for which this Python's own stands; AWS does not publish it.
        return f"python:{identifier.removeprefix('python')}.v{sys.version_info.micro}"

    def command(self, handler: str, files: EnvironmentFiles) -> tuple[str, ...]:
        return (sys.executable, "-X", "utf8", str(self._bootstrap), handler, self._client, files.layers_root)

    def template(self) -> tuple[str, ...] | None:
        if sys.platform != "linux":
            return None
        return (sys.executable, "-X", "utf8", str(self._bootstrap.with_name("template.py")), self._bootstrap.stem)

    def arrange(self, identifier: str, files: EnvironmentFiles) -> None:
        return

    def variables(self, identifier: str, files: EnvironmentFiles) -> Mapping[str, str]:
        return {"PYTHONPATH": RUNTIME_DIR}

    def masks(self, identifier: str) -> Mapping[str, str]:
        # Guess (Files): /var/lang for Python's own; FIDELITY section 9 has /var/task and /var/runtime only.
        library = f"/var/lang/lib/{identifier}"
        directories = {str(self._bootstrap.parent): RUNTIME_DIR}
        if sys.prefix != sys.base_prefix:
            directories[sys.prefix] = "/var/lang"  # a virtual environment; never a system's /usr
        for name in ("stdlib", "platstdlib"):
            directories[sysconfig.get_path(name)] = library
        for name in ("purelib", "platlib"):
            directories[sysconfig.get_path(name)] = f"{library}/site-packages"
        return directories


OLDEST_NODE = 18
_RETIRED = re.compile(r"nodejs(?:4\.3(?:-edge)?|6\.10|8\.10|1[0246]\.x)?")
_WITHIN_THE_STAGE = """
exec 3<&0 </dev/null
(while read -r _; do :; done <&3; exec "$0" -I "$1") >/dev/null 2>&1 &
exec 3<&-
node=$2
shift 2
ulimit -c 0
exec "$node" "--max-old-space-size=$((AWS_LAMBDA_FUNCTION_MEMORY_SIZE * 90 / 100))" "$@"
"""
"""Starts Node.js with an empty stdin, and ends it with all that it has started when what was stdin, the stage's pipe,
closes. A program in JavaScript could not do so itself while it does not return to its event loop.

Guess (Node.js: `--max-old-space-size`): the share of the function's memory."""


class Node:
    """Node.js functions, run by the ``node`` on the path, whichever version is declared.

    What Lambda's runtime has and Node.js has not, the AWS SDK, is found in ``sdk``
    once ``localstage install node-sdk`` has filled it.
    """

    language = "Node.js"
    identifiers = "nodejs18.x and later"
    _client = Path(__file__).with_name("node_runtime_client.cjs")

    def __init__(self, sdk: Path | None = None) -> None:
        self._sdk = sdk

    @property
    def sdk(self) -> Path:
        """The folder that npm installs the SDK into."""
        return self._sdk or platformdirs.user_data_path("localstage", appauthor=False) / "node-sdk"

    def missing(self) -> str | None:
        found = node_version()
        if found is not None and found >= (OLDEST_NODE, 0):
            return None
        older = f" (version {'.'.join(map(str, found))} is too old)" if found else ""
        return f"Node.js {OLDEST_NODE} or newer as node on the path{older}"

    def version(self, identifier: str) -> str:
        # Guess (Log lines of a function): the build number, as for Python.
        return f"nodejs:{_major(identifier)}.v{(node_version() or (0, 0))[1]}"

    def command(self, handler: str, files: EnvironmentFiles) -> tuple[str, ...]:
        program = (shutil.which("node") or "node", str(self._client), handler)
        if sys.platform == "win32":
            return program
        stragglers = str(self._client.with_name("stragglers.py"))
        return ("/bin/sh", "-c", _WITHIN_THE_STAGE, sys.executable, stragglers, *program)

    def template(self) -> None:
        return None

    def arrange(self, identifier: str, files: EnvironmentFiles) -> None:
        """ES modules look for packages in the folders above their own, and nowhere else: the layers' first, then the SDK."""
        above = Path(files.task_root).parent
        for layer in _layers(identifier, files):
            if layer.is_dir():
                _link(above / "node_modules", layer)
        _link(above.parent / "node_modules", self.sdk / "node_modules")

    def variables(self, identifier: str, files: EnvironmentFiles) -> Mapping[str, str]:
        # AWS: Lambda developer guide, Building Lambda functions with Node.js, "Experimental Node.js features".
        flags = ["--no-experimental-require-module", "--no-experimental-detect-module"]
        places = [*_layers(identifier, files), self.sdk / "node_modules", Path(files.task_root)]
        return {
            "NODE_PATH": os.pathsep.join(map(str, places)),
            **({"NODE_OPTIONS": " ".join(flags)} if _has_flags(node_version()) and _major(identifier) < 24 else {}),
        }

    def masks(self, identifier: str) -> Mapping[str, str]:
        node = shutil.which("node")
        return {
            str(self._client.parent): RUNTIME_DIR,
            str(self.sdk): RUNTIME_DIR,
            **({node: "/var/lang/bin/node"} if node else {}),
        }


def _major(identifier: str) -> int:
    return int(re.sub(r"\D", "", identifier) or 0)


def _layers(identifier: str, files: EnvironmentFiles) -> list[Path]:
    """AWS: Lambda developer guide, Packaging layer content, Node.js."""
    root = Path(files.layers_root, "nodejs")
    return [root / f"node{_major(identifier)}" / "node_modules", root / "node_modules"]


def _has_flags(version: tuple[int, int] | None) -> bool:
    return version is not None and (version >= (22, 7) or (20, 17) <= version < (21, 0))


def _link(place: Path, target: Path) -> None:
    """A link to a folder, which may not be there yet; nothing where there is a link already."""
    with suppress(FileExistsError):
        if sys.platform != "win32":
            place.symlink_to(target)
        elif target.is_dir():
            import _winapi  # A junction needs no privilege.

            _winapi.CreateJunction(str(target), str(place))


def node_version() -> tuple[int, int] | None:
    """Major and minor version of the ``node`` on the path, None without one that answers."""
    node = shutil.which("node")
    try:
        return _version_of(node, os.stat(node).st_mtime_ns) if node else None
    except (OSError, subprocess.SubprocessError):
        return None  # Asked again the next time.


@lru_cache(maxsize=4)
def _version_of(node: str, changed_ns: int) -> tuple[int, int] | None:
    said = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=60, check=True).stdout
    found = re.match(r"v(\d+)\.(\d+)", said)
    return (int(found[1]), int(found[2])) if found else None


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
        if runtime is None and _RETIRED.fullmatch(identifier or ""):
            # AWS: the sentence as in github.com issue monken/aws-ecr-public 13.
            return (
                f"The runtime parameter of {identifier} is no longer supported for creating or updating AWS Lambda "
                "functions. We recommend you use a supported runtime while creating or updating functions."
            )
        if runtime is None:
            languages = " and ".join(f"{row.language} functions ({row.identifiers})" for row in self._rows.values())
            return f"localstage runs {languages} only; {function} asks for the runtime {identifier}."
        missing = runtime.missing()
        if missing is not None:
            return f"localstage needs {missing} to run {runtime.language} functions, such as {function}."
        return None


RUNTIMES = Runtimes({r"python3\.\d+": Python(), r"nodejs(1[89]|[2-9]\d)\.x": Node()})

"""Where an execution environment runs and how its process is started.

Owns the directories: the package's (shared by environments of one revision)
and each environment's temporary one. Does not know invocations.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import sysconfig
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from localstage.functions.child_process import ChildProcess
from localstage.functions.definition import FunctionDefinition
from localstage.functions.output import Masks
from localstage.functions.package import Package, PackageStore
from localstage.functions.variables import Place, environment_variables

_BOOTSTRAP = Path(__file__).with_name("bootstrap.py")


@dataclass(frozen=True)
class Site:
    """Everything that a process of one environment needs; ``Launcher.clear`` must be called in the end."""

    package: Package
    temp_dir: Path
    command: tuple[str, ...]
    variables: Mapping[str, str]
    masks: Masks


class Launcher:
    """Prepares sites below ``work_dir`` and starts processes in them.

    With ``native_client`` False the processes use the pure Python Runtime API
    client even where awslambdaric has its own.
    """

    def __init__(
        self,
        work_dir: Path,
        runtime_api_address: Callable[[], str],
        function_environment: Callable[[FunctionDefinition], Mapping[str, str]],
        native_client: bool,
    ) -> None:
        self._work_dir = work_dir.resolve()
        self._packages = PackageStore(self._work_dir / "packages")
        self._runtime_api_address = runtime_api_address
        self._function_environment = function_environment
        self._native_client = native_client

    async def prepare(self, environment_id: str, definition: FunctionDefinition, log_stream: str) -> Site:
        """Makes the directories and the environment variables. Raises InvalidZipFile."""
        package = await self._packages.acquire(definition)
        temp_dir = self._work_dir / "environments" / environment_id
        temp_dir.mkdir(parents=True)
        place = Place(
            runtime_api=f"{self._runtime_api_address()}/{environment_id}",
            task_root=str(package.task_root),
            layers_root=str(package.layers_root),
            temp_dir=str(temp_dir),
            log_stream=log_stream,
        )
        variables = environment_variables(
            definition, place, os.environ, self._function_environment(definition), windows=sys.platform == "win32"
        )
        client = "native" if self._native_client else "python"
        command = (sys.executable, "-X", "utf8", str(_BOOTSTRAP), definition.handler, client, place.layers_root)
        return Site(package, temp_dir, command, variables, _masks(place, definition.runtime))

    async def start(self, site: Site, on_output: Callable[[bytes], None]) -> ChildProcess:
        """Starts a process. Raises OSError."""
        return await ChildProcess.start(
            site.command, directory=site.package.task_root, environment=site.variables, on_output=on_output
        )

    async def clear(self, site: Site) -> None:
        """Removes what ``prepare`` made and nothing else uses."""
        await asyncio.to_thread(shutil.rmtree, site.temp_dir, ignore_errors=True)
        await self._packages.release(site.package)

    async def clear_all(self) -> None:
        """Removes the directories themselves; no site may be in use."""
        for name in ("packages", "environments"):
            await asyncio.to_thread(shutil.rmtree, self._work_dir / name, ignore_errors=True)


def _masks(place: Place, runtime: str) -> Masks:
    """What Lambda calls the directories of this machine."""
    # Guess: /var/lang for Python's own; FIDELITY section 9 has /var/task and /var/runtime only.
    library = f"/var/lang/lib/{runtime}"
    directories = {
        place.task_root: "/var/task",
        place.layers_root: "/opt",
        place.temp_dir: "/tmp",
        str(_BOOTSTRAP.parent): "/var/runtime",
    }
    if sys.prefix != sys.base_prefix:
        directories[sys.prefix] = "/var/lang"  # a virtual environment; never a system's /usr
    for name in ("stdlib", "platstdlib"):
        directories[sysconfig.get_path(name)] = library
    for name in ("purelib", "platlib"):
        directories[sysconfig.get_path(name)] = f"{library}/site-packages"
    return Masks(directories)

"""What the process of an execution environment is given: its directories, its variables, its command.

Owns the directories: the package's (shared by environments of one revision)
and each environment's temporary one. Does not know invocations, nor languages
(runtimes.py).
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from localstage.functions.child_process import ChildProcess
from localstage.functions.copies import Copies, NoCopy, may_be_copied
from localstage.functions.definition import FunctionDefinition
from localstage.functions.environment_log import Masks
from localstage.functions.package import Package, PackageStore
from localstage.functions.runtimes import RUNTIME_DIR, EnvironmentFiles, Runtime
from localstage.functions.stragglers import end_stragglers

_NEEDED_BY_THE_SYSTEM = ("SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "COMSPEC", "PATHEXT", "NUMBER_OF_PROCESSORS")
RUNTIME_API = "AWS_LAMBDA_RUNTIME_API"
KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
_PAYS_FROM = 2
"""The start with which a template process is begun: it costs as much as one start, and is ready for the next."""


@dataclass(frozen=True)
class Launch:
    """Everything that starts processes of one environment; ``Launcher.clear`` must be called in the end."""

    package: Package
    files: EnvironmentFiles
    command: tuple[str, ...]
    template: tuple[str, ...] | None
    """The command of the process that it may be a copy of (``Runtime.template``)."""
    chosen: Mapping[str, str]
    """The function's own variables."""
    variables: Mapping[str, str]
    masks: Masks


class Launcher:
    """Prepares launches below ``work_dir`` and starts processes."""

    def __init__(
        self,
        work_dir: Path,
        runtime_api_address: Callable[[], str],
        function_environment: Callable[[FunctionDefinition], Mapping[str, str]],
    ) -> None:
        self._work_dir = work_dir.resolve()
        self._packages = PackageStore(self._work_dir / "packages")
        self._runtime_api_address = runtime_api_address
        self._function_environment = function_environment
        self._copies = Copies()
        self._starts = 0

    async def prepare(
        self, environment_id: str, definition: FunctionDefinition, runtime: Runtime, log_stream: str
    ) -> Launch:
        """Makes the directories and the environment variables. Raises InvalidZipFile."""
        package = await self._packages.acquire(definition)
        temp_dir = self._work_dir / "environments" / environment_id
        temp_dir.mkdir(parents=True)
        files = EnvironmentFiles(str(package.task_root), str(package.layers_root), str(temp_dir))
        runtime.arrange(definition.runtime, files)
        variables = {
            **environment_variables(definition, runtime, files, os.environ, self._function_environment(definition)),
            RUNTIME_API: f"{self._runtime_api_address()}/{environment_id}",
            "AWS_LAMBDA_LOG_STREAM_NAME": log_stream,
        }
        shown = {files.task_root: "/var/task", files.layers_root: "/opt", files.temp_dir: "/tmp"}  # nosec B108: a name in logs
        masks = Masks({**runtime.masks(definition.runtime), **shown})
        command, template = runtime.command(definition.handler, files), runtime.template()
        return Launch(package, files, command, template, definition.environment, variables, masks)

    async def start(self, launch: Launch, on_output: Callable[[bytes], None]) -> ChildProcess:
        """Starts a process, a copy of the template where one is ready and will do. Raises OSError."""
        if launch.template is not None:
            self._consider_template(launch)
            modules = self._copies.modules
            if modules is not None and may_be_copied(launch.chosen, launch.files, modules):
                request = {
                    "arguments": launch.command[len(launch.template) - 1 :],
                    "directory": str(launch.package.task_root),
                    "environment": dict(launch.variables),
                }
                with suppress(NoCopy):
                    return await ChildProcess.copied(self._copies, request, on_output)
        return await ChildProcess.start(
            launch.command, directory=launch.package.task_root, environment=launch.variables, on_output=on_output
        )

    def _consider_template(self, launch: Launch) -> None:
        """Begins the template process when it begins to pay: with the second start."""
        self._starts += 1
        if self._starts == _PAYS_FROM:
            # Each copy can read these in /proc/self/environ: the keys of a function are not for the others.
            withheld = {*launch.chosen, *KEYS}
            variables = {name: value for name, value in launch.variables.items() if name not in withheld}
            variables[RUNTIME_API] = f"{self._runtime_api_address()}/template"  # It is no environment's.
            self._copies.begin(launch.template or (), variables)

    async def clear(self, launch: Launch) -> None:
        """Removes what ``prepare`` made and nothing else uses, and ends what the environment has left running."""
        await asyncio.to_thread(_clear, launch)
        await self._packages.release(launch.package)

    async def clear_all(self) -> None:
        """Ends the template and removes the directories themselves; no launch may be in use."""
        await self._copies.close()
        if self._starts:
            await asyncio.to_thread(end_stragglers, f"{self._runtime_api_address()}/")
        for name in ("packages", "environments"):
            await asyncio.to_thread(shutil.rmtree, self._work_dir / name, ignore_errors=True)


def _clear(launch: Launch) -> None:
    end_stragglers(launch.variables[RUNTIME_API])
    shutil.rmtree(launch.files.temp_dir, ignore_errors=True)


def environment_variables(
    definition: FunctionDefinition,
    runtime: Runtime,
    files: EnvironmentFiles,
    parent: Mapping[str, str],
    stage: Mapping[str, str],
    *,
    windows: bool = sys.platform == "win32",
) -> dict[str, str]:
    """The variables of a function's processes. AWS: FIDELITY section 9, Env.

    ``parent`` is the environment of this process, of which only what the system
    needs comes through; ``stage`` is what localstage adds (credentials, proxy,
    CA). Of equal names the later of these wins: Lambda's defaults, the
    function's own, localstage's, Lambda's reserved ones. So no function reaches
    the real AWS.
    """
    inherited = {name: value for name, value in parent.items() if name.upper() in _NEEDED_BY_THE_SYSTEM}
    defaults = {**_defaults(files, parent, windows), **runtime.variables(definition.runtime, files)}
    return {**inherited, **defaults, **definition.environment, **stage, **_reserved(definition, files)}


def _defaults(files: EnvironmentFiles, parent: Mapping[str, str], windows: bool) -> dict[str, str]:
    """What a function may set otherwise."""
    separator = ";" if windows else ":"
    directories = (parent.get("PATH", ""), f"{files.layers_root}/bin")
    libraries = (files.task_root, f"{files.task_root}/lib", f"{files.layers_root}/lib", parent.get("LD_LIBRARY_PATH"))
    return {
        "LANG": "en_US.UTF-8",
        "TZ": "UTC0" if windows else ":UTC",
        "PATH": separator.join(filter(None, directories)),
        "LD_LIBRARY_PATH": separator.join(filter(None, libraries)),
        **dict.fromkeys(("TEMP", "TMP") if windows else ("TMPDIR",), files.temp_dir),
    }


def _reserved(definition: FunctionDefinition, files: EnvironmentFiles) -> dict[str, str]:
    """What Lambda does not let a function change."""
    return {
        "_HANDLER": definition.handler,
        "AWS_REGION": definition.region,
        "AWS_DEFAULT_REGION": definition.region,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{definition.runtime}",
        "AWS_LAMBDA_FUNCTION_NAME": definition.name,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(definition.memory_mb),
        "AWS_LAMBDA_FUNCTION_VERSION": definition.version,
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": definition.log_group,
        "LAMBDA_TASK_ROOT": files.task_root,
        "LAMBDA_RUNTIME_DIR": RUNTIME_DIR,
    }

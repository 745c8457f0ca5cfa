"""The environment variables of one execution environment.

Pure: the stage's own variables come in as a mapping, and only those come
through that a Python process needs in order to start at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from localstage.functions.definition import FunctionDefinition

_NEEDED_BY_THE_SYSTEM = ("SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "COMSPEC", "PATHEXT", "NUMBER_OF_PROCESSORS")
_RUNTIME_DIR = "/var/runtime"


@dataclass(frozen=True)
class Place:
    """Where one execution environment is. Directories are absolute paths of this machine."""

    runtime_api: str
    task_root: str
    layers_root: str
    temp_dir: str
    log_stream: str


def environment_variables(
    definition: FunctionDefinition,
    place: Place,
    parent: Mapping[str, str],
    stage: Mapping[str, str],
    *,
    windows: bool = False,
) -> dict[str, str]:
    """All variables of the process. AWS: FIDELITY section 9, Env.

    ``parent`` is the environment of the stage's own process, ``stage`` what the
    stage adds (credentials, proxy, CA). Of equal names the later of these wins:
    Lambda's defaults, the function's own, the stage's, Lambda's reserved ones.
    The stage's come after the function's so that no function reaches the real AWS.
    """
    return {
        **_inherited(parent),
        **_defaults(place, parent, windows),
        **definition.environment,
        **stage,
        **_reserved(definition, place),
    }


def _inherited(parent: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in parent.items() if name.upper() in _NEEDED_BY_THE_SYSTEM}


def _defaults(place: Place, parent: Mapping[str, str], windows: bool) -> dict[str, str]:
    """What a function may set otherwise."""
    temp_names = ("TEMP", "TMP") if windows else ("TMPDIR",)
    separator = ";" if windows else ":"
    directories = (parent.get("PATH", ""), f"{place.layers_root}/bin")
    libraries = (
        f"{place.task_root}",
        f"{place.task_root}/lib",
        f"{place.layers_root}/lib",
        parent.get("LD_LIBRARY_PATH", ""),
    )
    return {
        "LANG": "en_US.UTF-8",
        "TZ": "UTC0" if windows else ":UTC",
        "PATH": separator.join(filter(None, directories)),
        "LD_LIBRARY_PATH": separator.join(filter(None, libraries)),
        "PYTHONPATH": _RUNTIME_DIR,
        **dict.fromkeys(temp_names, place.temp_dir),
    }


def _reserved(definition: FunctionDefinition, place: Place) -> dict[str, str]:
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
        "AWS_LAMBDA_LOG_STREAM_NAME": place.log_stream,
        "AWS_LAMBDA_RUNTIME_API": place.runtime_api,
        "LAMBDA_TASK_ROOT": place.task_root,
        "LAMBDA_RUNTIME_DIR": _RUNTIME_DIR,
    }

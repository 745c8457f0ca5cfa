"""What a project's ``samconfig.toml`` says of its deployment: the stack's name and the parameters.

AWS: SAM developer guide, "AWS SAM CLI configuration file". Read is the
environment ``default``, its command ``deploy`` before what is ``global``.
"""

from __future__ import annotations

import shlex
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from localstage.project.packaging import CannotPackage


@dataclass(frozen=True)
class SamConfig:
    """The stack's name, None without one, and the values of parameters."""

    stack_name: str | None = None
    parameters: dict[str, str] = field(default_factory=dict)


def read_samconfig(template: Path) -> SamConfig:
    """The configuration beside a template; an empty one where there is none. Raises CannotPackage for what is no TOML."""
    path = template.resolve().parent / "samconfig.toml"
    if not path.is_file():
        return SamConfig()
    try:
        default: Any = tomllib.loads(path.read_text("utf-8")).get("default", {})
        said = {**default.get("global", {}).get("parameters", {}), **default.get("deploy", {}).get("parameters", {})}
        overrides = said.get("parameter_overrides", [])
        words = shlex.split(overrides) if isinstance(overrides, str) else [str(word) for word in overrides]
        pairs = [word.partition("=") for word in words]
        name = said.get("stack_name")
        return SamConfig(name and str(name), {key: value.strip("\"'") for key, _, value in pairs})
    except (ValueError, AttributeError, TypeError) as error:
        raise CannotPackage(f"{path} cannot be read: {error}.") from None

"""Every number and choice of localstage that may differ from one run to the next, each declared once.

A field whose metadata are an ``_option`` is also an option of ``localstage serve`` and
``localstage run`` and a keyword of ``localstage.LocalStage``, with this default,
this help and the name that the field's name gives: ``idle_timeout_s`` is
``--idle-timeout``, ``iam`` is ``--no-iam``. To add a setting, add a field here.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import Field, dataclass, field, fields
from pathlib import Path
from typing import Any

DEFAULT_PORT = 4580
ACCOUNT_ID = "123456789012"


def _option(help: str) -> dict[str, str]:
    return {"help": help}


@dataclass(frozen=True)
class Settings:
    """Limits and choices, AWS's own where AWS has one (FIDELITY section 5). Times in seconds."""

    port: int = field(default=DEFAULT_PORT, metadata=_option("The loopback port; 0 takes any free one."))
    region: str = field(default="us-east-1", metadata=_option("The AWS region."))
    idle_timeout_s: float = field(
        default=600.0, metadata=_option("Close a connection after so long without a message.")
    )
    connection_duration_s: float = field(
        default=7200.0, metadata=_option("Close a connection after so long in any case.")
    )
    iam: bool = field(default=True, metadata=_option("Evaluate no policies: whoever has a key may do everything."))
    like_aws: bool = field(
        default=False,
        metadata=_option("Keep AWS's pace: nothing is ready at once, and calls are throttled now and then."),
    )
    pace: float = field(default=1.0, metadata=_option("With --like-aws: all its delays times this."))
    pages: Path | None = field(
        default=None, metadata=_option("Serve this folder's files to a browser, under /_localstage/pages/.")
    )
    more_pages: Path | None = field(
        default=None,
        metadata=_option(
            "Serve the HTML, CSS and JavaScript of this folder, too, which may be made later: under "
            "/_localstage/pages/, in a folder of the same name."
        ),
    )
    pages_for_any_host: bool = field(
        default=False,
        metadata=_option("Serve pages under any Host header: for use behind a proxy with a name of its own."),
    )
    allow_host: str = field(
        default="",
        metadata=_option("Let HTTP integrations call this host, too: of all that are not this machine, it alone."),
    )
    message_limit_bytes: int = 128 * 1024
    frame_limit_bytes: int = 32 * 1024
    url_limit_chars: int = 4096
    deployment_interval_s: float = 0.0
    """The least time between two CreateDeployment calls; 0 counts none. AWS's own is 5.0."""
    max_environments: int = max(4, 2 * (os.cpu_count() or 2))
    """Most execution environments (processes) of all functions together; each function may always have one."""
    idle_environment_s: float = 300.0
    """An execution environment that served nothing for so long is ended."""
    authorizer_timeout_s: float = 30.0
    """How long a Lambda authorizer may take; AWS: API Gateway quotas, 30 seconds."""
    init_timeout_s: float = 10.0


def options() -> Iterator[tuple[Field[Any], str]]:
    """The fields that are options of the command line, each with the option's name."""
    for one in fields(Settings):
        if "help" in one.metadata:
            words = one.name.removesuffix("_s").replace("_", "-")
            yield one, f"--no-{words}" if one.default is True else f"--{words}"


def arguments(settings: Settings) -> list[str]:
    """The options that give these settings to ``localstage serve``; those at their default are left out."""
    given: list[str] = []
    for one, name in options():
        value = getattr(settings, one.name)
        if value != one.default:
            given += [name] if isinstance(value, bool) else [name, str(value)]
    return given

"""Every number and choice of a local stage that may differ from one run to the next."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

DEFAULT_PORT = 4580
DEFAULT_REGION = "us-east-1"
ACCOUNT_ID = "123456789012"


@dataclass(frozen=True)
class Settings:
    """Limits of the stage, AWS's own where AWS has one (FIDELITY section 5). Times in seconds."""

    port: int = DEFAULT_PORT
    """0 asks the system for a free port."""
    region: str = DEFAULT_REGION
    idle_timeout_s: float = 600.0
    connection_duration_s: float = 7200.0
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
    iam_enforced: bool = True
    """Whether policies are evaluated; signatures are checked in any case."""
    pace: float | None = None
    """None: everything is done at once. A number: at AWS's pace, and all delays times this."""
    pages: Path | None = None
    """A folder whose files are served under ``/_localstage/pages/``; None serves none."""
    pages_for_any_host: bool = False
    """Whether pages are served under any Host header, for a stage behind a proxy with a name of its own."""

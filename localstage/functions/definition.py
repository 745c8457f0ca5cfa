"""A Lambda function as an execution environment needs to know it.

A frozen value: each invocation brings the one that counts then, so code and
configuration updates take effect on the next one. Two definitions with the
same ``revision`` may share execution environments.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property


@dataclass(frozen=True)
class FunctionDefinition:
    """One version of one function.

    ``arn`` is unqualified. ``code_zip`` is the deployment package, ``layer_zips``
    the packages of its layers in the order given. ``layer_sha256`` are their
    digests as Lambda gives them; left out, they are computed from the packages.
    Sizes in MB, times in seconds.
    """

    name: str
    arn: str
    region: str
    account_id: str
    role_arn: str
    handler: str
    runtime: str
    code_sha256: str
    code_zip: bytes = field(repr=False)
    version: str = "$LATEST"
    timeout_s: int = 3
    memory_mb: int = 128
    environment: Mapping[str, str] = field(default_factory=dict)
    layer_zips: tuple[bytes, ...] = field(default=(), repr=False)
    layer_sha256: tuple[str, ...] = ()
    invoked_arn: str | None = None
    """The ARN with the qualifier that was asked for; None without one."""
    reserved_concurrency: int | None = None
    """Most invocations of all versions at once; None without a bound of the function's own."""
    own_log_group: str | None = None
    """The log group that the function names; None for the one of its name."""
    event_retries: int = 2
    """How often an Event invocation is tried again. AWS: PutFunctionEventInvokeConfig, MaximumRetryAttempts."""

    @property
    def key(self) -> str:
        """What names the pool of execution environments: the ARN with the version."""
        return f"{self.arn}:{self.version}"

    @property
    def log_group(self) -> str:
        """AWS: FIDELITY section 9, the log group of a function."""
        return self.own_log_group or f"/aws/lambda/{self.name}"

    @cached_property
    def revision(self) -> str:
        """A digest of everything that makes a warm execution environment reusable."""
        facts = [
            self.arn,
            self.version,
            self.handler,
            self.runtime,
            self.role_arn,
            self.log_group,
            self.code_sha256,
            self.timeout_s,
            self.memory_mb,
            sorted(self.environment.items()),
            self.layer_sha256 or [hashlib.sha256(z).hexdigest() for z in self.layer_zips],
        ]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()
